//! What `buildMetadata` records on objects: where they come from and what changed them, in
//! kustomize's own words.

use std::sync::Arc;

/// The origin of an object, or what generated or changed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Note {
    /// The file, relative to the outermost kustomization; or the configuring kustomization.
    pub(crate) path: String,
    /// What generated or changed the object; nothing for one that was read.
    pub(crate) by: Option<Configured>,
}

/// A generator or transformer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Configured {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl Note {
    /// Returns the note for a setting of a kustomization.
    pub(crate) fn builtin(kustomization: &str, kind: &str) -> Arc<Self> {
        let by = Configured {
            api_version: "builtin".to_owned(),
            kind: kind.to_owned(),
            ..Configured::default()
        };
        Arc::new(Self {
            path: kustomization.to_owned(),
            by: Some(by),
        })
    }

    /// Returns the approximate length of its text.
    pub(super) fn len(&self) -> u64 {
        let by = self.by.as_ref().map_or(0, |by| {
            by.api_version.len() + by.kind.len() + by.name.len() + by.namespace.len() + BY_WORDS
        });
        (self.path.len() + by) as u64
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let Some(by) = &self.by else {
            return vec![format!("path: {}", scalar(&self.path))];
        };
        let mut lines = vec![
            format!("configuredIn: {}", scalar(&self.path)),
            "configuredBy:".to_owned(),
        ];
        for (field, text) in [
            ("apiVersion", &by.api_version),
            ("kind", &by.kind),
            ("name", &by.name),
            ("namespace", &by.namespace),
        ] {
            if !text.is_empty() {
                lines.push(format!("  {field}: {}", scalar(text)));
            }
        }
        lines
    }
}

/// Returns the path of `text` relative to the folder `from`, with `..` if needed.
pub(crate) fn joined(from: &str, text: &str) -> String {
    lode_tree::cleaned(&format!("{from}/{text}"))
}

/// Bytes of the fixed words around a note's content.
const BY_WORDS: usize = 128;
/// Writes a text as a YAML scalar.
fn scalar(text: &str) -> String {
    lode_yaml::to_string(&serde_json::Value::from(text))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_go_up_and_down() {
        for (from, text, want) in [
            ("", "x.yaml", "x.yaml"),
            ("../base", "x.yaml", "../base/x.yaml"),
            ("../base", "../other", "../other"),
            ("", "../../a/./b", "../../a/b"),
        ] {
            assert_eq!(joined(from, text), want);
        }
    }

    #[test]
    fn notes_say_who_and_where() {
        let note = Note::builtin("kustomization.yaml", "PrefixTransformer");
        assert_eq!(
            note.lines(),
            [
                "configuredIn: kustomization.yaml",
                "configuredBy:",
                "  apiVersion: builtin",
                "  kind: PrefixTransformer"
            ]
        );
    }
}

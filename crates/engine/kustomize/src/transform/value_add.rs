//! `ValueAddTransformer`: one text added to fields of objects, as a whole or as part of a file
//! path.

use lode_object::Selector;
use lode_stdx::budget::{Budget, Meter};
use lode_tree::RepoPath;
use lode_yaml::{Cost, DEPTH_MAX, Node, Style};

use crate::config::fieldspec::{self, Misfit, width};
use crate::error::{Fault, FileCause};
use crate::input::decode::{At, Mapping, Mode};
use crate::input::settings;
use crate::input::settings_file::settings_file;
use crate::input::source::BuildSource;
use crate::object::resources::Resources;
use crate::patching::patch;
use crate::transform::namespace::{self, Namespace, Subjects};

/// A text and the fields it is added to.
#[derive(Debug, Clone)]
pub(crate) struct ValueAdd {
    value: At<String>,
    targets: Vec<At<ValueField>>,
}

#[derive(Debug, Clone)]
struct ValueField {
    selector: Option<Selector>,
    path: String,
    /// From 1: the position in the field's own path; 0: the text replaces the field.
    position: usize,
}

impl ValueAdd {
    pub(crate) fn read(
        source: &mut BuildSource<'_>,
        folder: &RepoPath,
        fields: &mut Mapping<'_>,
    ) -> Result<Self, Fault> {
        let mut value = fields.text_at("value")?;
        value = At::new(value.trim().to_owned(), value.place);
        if value.is_empty() {
            folder.file_name().clone_into(&mut value.value);
        }
        let mut targets = fields.entries("targets", ValueField::read)?;
        let path = fields.text_at("targetFilePath")?;
        if !path.is_empty() {
            let node = settings_file(source, folder, &path, path.place)?;
            targets.extend(
                Mapping::new(&node, "", Mode::Builtin)?.entries("targets", ValueField::read)?,
            );
        }
        if targets.is_empty() {
            return Err(crate::input::decode::wrong(
                fields.place(),
                "targets",
                "at least one target",
            ));
        }
        Ok(Self { value, targets })
    }

    pub(crate) fn apply(&self, resources: &mut Resources, budget: &Budget) -> Result<(), Fault> {
        let meter = Meter::new(budget);
        for target in &self.targets {
            let places = match &target.selector {
                Some(selector) => patch::selected(resources, selector, target.place, budget)?,
                None => (0..resources.all().len()).collect(),
            };
            for at in places {
                let Some(resource) = resources.content_mut(at) else {
                    continue;
                };
                if target.path == "metadata/namespace" {
                    let namespace = Namespace {
                        name: self.value.clone(),
                        subjects: Subjects::DefaultOnly,
                        ..Namespace::default()
                    };
                    namespace::apply(std::slice::from_mut(resource), &namespace, budget)?;
                    continue;
                }
                let outcome = self.set(&mut resource.node, target, &meter);
                outcome.map_err(|misfit| resource.misfit(&target.path, misfit))?;
            }
            resources.all_mut();
        }
        Ok(())
    }

    fn set(&self, object: &mut Node, target: &ValueField, meter: &Meter<'_>) -> Result<(), Misfit> {
        meter.steps(Cost::of_text(&target.path).steps())?;
        let mut parts: Vec<String> = Vec::new();
        for part in target.path.split('/') {
            match parts.last_mut() {
                Some(last) if last.ends_with('\\') => {
                    last.pop();
                    last.push('/');
                    last.push_str(part);
                }
                _ => parts.push(part.to_owned()),
            }
        }
        if parts.len() > DEPTH_MAX {
            return Err("the path has too many parts".into());
        }

        let mut found = object;
        let last = parts.len().saturating_sub(1);
        for (at, part) in parts.iter().enumerate() {
            meter.steps(1 + width(found) + found.items().map_or(0, <[_]>::len) as u64)?;
            Cost::of_text(part).charge_meter(meter)?;
            found = step(found, part, at == last)?.ok_or("there is no such list entry")?;
        }
        let old = found.text().ok_or("a scalar was expected")?;
        Cost::of_text(old).charge_meter(meter)?;
        Cost::of_text(&self.value).charge_meter(meter)?;
        let new = match target.position {
            0 => self.value.value.clone(),
            position => inserted(old, position - 1, &self.value),
        };
        fieldspec::set(found, Node::plain(new).placed(self.value.place))
    }
}

impl ValueField {
    fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        let selector = fields.read("selector", settings::target)?;
        let path = fields.text_at("fieldPath")?;
        if path.is_empty() {
            return Err(crate::input::decode::wrong(
                path.place,
                "targets.fieldPath",
                "a path",
            ));
        }
        let position = fields.whole("filePathPosition")?.unwrap_or_default();
        let position = usize::try_from(position.value).map_err(|_| {
            let want = "no negative number";
            Fault::At(
                position.place,
                FileCause::WrongType {
                    field: "targets.filePathPosition".to_owned(),
                    want,
                },
            )
        })?;
        Ok(Self {
            selector,
            path: path.value,
            position,
        })
    }
}

/// Descends one step; creates a mapping's field if it is absent.
fn step<'n>(node: &'n mut Node, part: &str, last: bool) -> Result<Option<&'n mut Node>, Misfit> {
    if let Some((key, value)) = part
        .strip_prefix('[')
        .and_then(|part| part.strip_suffix(']')?.split_once('='))
    {
        let items = node.items_mut().ok_or("a list was expected")?;
        return Ok(items
            .iter_mut()
            .find(|item| item.get(key).and_then(Node::text) == Some(value)));
    }
    let make = || {
        if last {
            Node {
                style: Style::Plain,
                ..Node::string("")
            }
        } else {
            Node::mapping()
        }
    };
    Ok(Some(
        node.get_or_insert_with(part, make)
            .ok_or("a mapping was expected")?,
    ))
}

/// Inserts a part into a file path, at its end if the path is shorter.
fn inserted(path: &str, position: usize, part: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{}{}", if rooted { "/" } else { "" }, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_into_paths() {
        for (path, position, want) in [
            ("", 0, "P"),
            ("/", 0, "/P"),
            ("pie", 0, "P/pie"),
            ("/pie", 0, "/P/pie"),
            ("/raw", 1, "/raw/P"),
            ("a/b/c/d", 3, "a/b/c/P/d"),
            ("a", 99, "a/P"),
        ] {
            assert_eq!(inserted(path, position, "P"), want, "{path}");
        }
    }
}

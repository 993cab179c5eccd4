//! Which objects contain values from Secrets, and what may be shown of those (see [`Secrecy`]).
//!
//! An object counts as built with a value as soon as an expression in it names the variable,
//! whatever the expression uses of it: its length, a part of it, or only whether it is set. Values
//! that the build itself copied out of a Secret are known to the build ([`Built::words`]).

use std::collections::BTreeSet;

use lode_kustomize::Built;
use lode_object::{Object, Secrecy, Words};
use lode_stdx::budget::Budget;

use crate::error::{Error, ObjectCause};
use crate::plan::Substitution;
use crate::substitute;

/// Returns the words of an object as in the source, if it contains or is about to receive a value
/// from a Secret.
pub(crate) fn before(
    built: &Built,
    substitution: Option<&Substitution>,
    budget: &Budget,
) -> Result<Option<Words>, Error> {
    if built.words.is_some() {
        return Ok(built.words.clone());
    }
    let Some(secrets) = substitution
        .map(|wish| &wish.secrets)
        .filter(|secrets| !secrets.is_empty())
    else {
        return Ok(None);
    };
    let mut text = String::new();
    built.write_within(&mut text, budget)?;
    if !names_any(&text, secrets) || substitute::is_disabled(&built.node) {
        return Ok(None);
    }
    Ok(Some(Words::of(built.to_object_within(budget)?.value())))
}

/// Returns what may be shown of an object, given the words of the source if it received a secret
/// value.
pub(crate) fn secrecy(before: Option<Words>, object: &Object) -> Secrecy {
    before.map_or_else(
        || Secrecy::of(object.value()),
        |words| Secrecy::built(words, &object.id()),
    )
}

/// Removes quotations of the text from an error about an object with such a value. If the value is
/// already present, an expression may be a part of it.
pub(crate) fn discreet(error: Error, is_copied: bool) -> Error {
    match error {
        Error::Object {
            id,
            origin,
            cause: ObjectCause::Substituted(_),
        } => Error::Object {
            id,
            origin,
            cause: ObjectCause::SecretSubstituted,
        },
        Error::Object {
            id,
            origin,
            cause: ObjectCause::VariableMissing(_) | ObjectCause::Expression(_),
        } if is_copied => Error::Object {
            id,
            origin,
            cause: ObjectCause::SecretExpression,
        },
        error => error,
    }
}

/// Returns whether an expression of a text names one of some variables. An escaped expression may
/// match too: that hides more than necessary.
fn names_any(text: &str, names: &BTreeSet<String>) -> bool {
    text.match_indices("${").any(|(at, start)| {
        let rest = &text[at + start.len()..];
        let rest = rest.strip_prefix('#').unwrap_or(rest);
        let end = rest
            .find(|c: char| !(c == '_' || c.is_alphanumeric()))
            .unwrap_or(rest.len());
        names.contains(&rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use lode_object::secrecy::Level;
    use lode_tree::Tree;

    use super::*;
    use crate::{LIMITS, Plan, Rendered, render};

    fn rendered(text: &str) -> Result<Rendered, Error> {
        let vars = [
            ("X", "hunter2: [: '"),
            ("P", "hunter2"),
            ("Y", "{a: b}"),
            ("B", "hunter2: hunter2\nhunter2: x"),
            ("open", "o"),
        ];
        let substitute = Substitution {
            vars: vars
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            secrets: ["P", "Y", "B", "X"].map(str::to_owned).into(),
            ..Substitution::default()
        };
        render(
            &Tree::from_iter([("a.yaml", text)]),
            &Plan {
                substitute: Some(substitute),
                ..Plan::default()
            },
            &Budget::new(LIMITS),
        )
    }

    /// Builds the folder `app` with a Secret whose value is `hunter2` and other objects, and
    /// optionally more files.
    fn built(settings: &str, more: &[(&str, &str)]) -> Result<Rendered, Error> {
        const OBJECTS: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: from}\nstringData: {p: hunter2, url: a:hunter2}\n---\n\
            apiVersion: v1\nkind: ConfigMap\nmetadata: {name: middle}\ndata: {a: x, b: y, json: '{\"k\": \"v\"}'}\n---\n\
            apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: to, annotations: {a: x, v: '$(V)'}}\nspec: {replicas: 1}\n---\n\
            apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: open}\n";
        let settings = if settings.contains("resources:") {
            settings.into()
        } else {
            format!("resources: [o.yaml]\n{settings}")
        };
        let files = [
            ("app/o.yaml", OBJECTS),
            ("app/kustomization.yaml", &settings),
        ];
        let budget = Budget::new(LIMITS);
        render(
            &files.iter().chain(more).copied().collect::<Tree>(),
            &Plan {
                path: "app".to_owned(),
                ..Plan::default()
            },
            &budget,
        )
    }

    /// Returns an entry of `replacements`: kind and field of the source and of the target.
    fn copy(from: (&str, &str), to: (&str, &str)) -> String {
        let ((from, field), (to, target)) = (from, to);
        format!(
            "- source: {{kind: {from}, fieldPath: {field}}}\n  targets: [{{select: {{kind: {to}}}, fieldPaths: [{target}]}}]\n"
        )
    }

    fn told(rendered: &Rendered, kind: &str) -> (Level, String) {
        let found = rendered
            .objects
            .iter()
            .find(|found| found.object.kind() == kind);
        let found = found.unwrap_or_else(|| panic!("no {kind}"));
        let id = found.object.id();
        let told = format!(
            "{} {found:?} {:?}",
            found.secrecy.id(&id),
            found.secrecy.words()
        );
        assert!(!told.contains("hunter2") || kind == "Secret", "{told}");
        (found.secrecy.level(), found.secrecy.id(&id))
    }

    fn levels(settings: &str, more: &[(&str, &str)]) -> [Level; 3] {
        let rendered = built(settings, more).unwrap();
        ["ConfigMap", "Deployment", "ServiceAccount"].map(|kind| told(&rendered, kind).0)
    }

    const ANNOTATION: (&str, &str) = ("Deployment", "metadata.annotations.a");

    #[test]
    fn what_a_replacement_copies_out_of_a_secret_makes_its_targets_secret() {
        let one = |from, to| format!("replacements:\n{}", copy(from, to));
        let (open, values) = (Level::Open, Level::Values);
        assert_eq!(
            levels(&one(("Secret", "stringData.p"), ANNOTATION), &[]),
            [open, values, open]
        );
        assert_eq!(
            levels(&one(("Secret", "stringData"), ("ConfigMap", "data")), &[]),
            [values, open, open]
        );
        assert_eq!(
            levels(
                &one(("Secret", "stringData.p"), ("ConfigMap", "data.json.k")),
                &[]
            ),
            [values, open, open]
        );
        let part = "replacements:\n- source: {kind: Secret, fieldPath: stringData.url, options: {delimiter: ':', index: 1}}\n  \
            targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a], options: {delimiter: '-', index: 1}}]\n";
        assert_eq!(levels(part, &[]), [values, open, open]);
        // From object to object; names set before the value arrives are not secret.
        let chain = one(("ConfigMap", "data.b"), ("ServiceAccount", "metadata.name"))
            + &copy(("Secret", "stringData.p"), ("ConfigMap", "data.a"))
            + &copy(("ConfigMap", "data.a"), ANNOTATION);
        assert_eq!(levels(&chain, &[]), [values, values, open]);
        let generated = "secretGenerator: [{name: g, literals: [p=hunter2]}]\nreplacements:\n- source: {kind: Secret, name: g, fieldPath: data.p}\n  \
            targets: [{select: {kind: Deployment}, fieldPaths: [spec.x], options: {create: true}}]\n";
        assert_eq!(levels(generated, &[]), [open, values, open]);
        // The name and kind of a Secret are shown everywhere.
        for field in ["metadata.name", "kind"] {
            assert_eq!(levels(&one(("Secret", field), ANNOTATION), &[]), [open; 3]);
        }
        assert_eq!(
            levels(&one(("ConfigMap", "data.a"), ANNOTATION), &[]),
            [open; 3]
        );
    }

    #[test]
    fn what_a_variable_of_the_build_copies_makes_its_users_secret() {
        let var = |kind: &str, path: &str| {
            format!(
                "vars: [{{name: V, objref: {{kind: {kind}, name: {}, apiVersion: v1}}, fieldref: {{fieldPath: {path}}}}}]\n",
                if kind == "Secret" { "from" } else { "middle" }
            )
        };
        let (open, values) = (Level::Open, Level::Values);
        assert_eq!(
            levels(&var("Secret", "stringData.p"), &[]),
            [open, values, open]
        );
        assert_eq!(levels(&var("Secret", "metadata.name"), &[]), [open; 3]);
        assert_eq!(levels(&var("ConfigMap", "data.a"), &[]), [open; 3]);
        let chain = format!(
            "{}replacements:\n{}",
            var("ConfigMap", "data.a"),
            copy(("Secret", "stringData.p"), ("ConfigMap", "data.a"))
        );
        assert_eq!(levels(&chain, &[]), [values, values, open]);
    }

    #[test]
    fn the_mark_of_a_copied_value_goes_through_overlays() {
        let base = format!(
            "resources: [../app/o.yaml]\nreplacements:\n{}{}",
            copy(("Secret", "stringData.p"), ANNOTATION),
            copy(("Secret", "stringData.p"), ("ConfigMap", "metadata.name"))
        );
        let overlay = "resources: [../base]\nnamePrefix: x-\nnamespace: shop\npatches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: to}, spec: {paused: true}}'}]\n";
        let rendered = built(overlay, &[("base/kustomization.yaml", &base)]).unwrap();
        assert_eq!(
            told(&rendered, "Deployment"),
            (Level::Values, "Deployment/shop/x-to".to_owned())
        );
        assert_eq!(
            told(&rendered, "ConfigMap"),
            (Level::Identity, "ConfigMap/*/*".to_owned())
        );
        let deployment = rendered
            .objects
            .iter()
            .find(|found| found.object.kind() == "Deployment")
            .unwrap();
        assert_eq!(
            deployment.secrecy.path(".spec.paused[hunter2]"),
            ".spec.paused[*]"
        );

        // A Secret changed to another kind, or a transformer that a value was copied into, is still
        // secret.
        let kind = "patches: [{target: {kind: Secret}, patch: '[{op: replace, path: /kind, value: Foo}]', options: {allowKindChange: true}}]\n";
        assert_eq!(told(&built(kind, &[]).unwrap(), "Foo").0, Level::Values);
        let copied = copy(("Secret", "stringData.p"), ("LabelTransformer", "labels.l"));
        let more = [
            (
                "t/kustomization.yaml",
                "resources: [b]\npatches: [{patch: '{apiVersion: v1, kind: Secret, metadata: {name: s}, $patch: delete}'}]\n",
            ),
            (
                "t/b/kustomization.yaml",
                &format!("resources: [t.yaml]\nreplacements:\n{copied}"),
            ),
            (
                "t/b/t.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: hunter2}\n---\n\
                apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {l: x}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
            ),
        ];
        assert_eq!(levels("transformers: [../t]\n", &more), [Level::Values; 3]);
    }

    #[test]
    fn a_build_that_a_copied_value_breaks_does_not_quote_it() {
        let name = copy(("Secret", "stringData.p"), ("ConfigMap", "metadata.name"));
        for settings in [
            format!(
                "replacements:\n{name}{}",
                copy(("Secret", "stringData.p"), ("ConfigMap", "nowhere.x"))
            ),
            format!(
                "replacements:\n{}{}",
                name,
                copy(("ConfigMap", "data.nothing"), ANNOTATION)
            ),
        ] {
            let error = built(&settings, &[]).unwrap_err().to_string();
            assert!(
                error.contains("ConfigMap/*") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    fn level(rest: &str) -> Level {
        let text = format!("apiVersion: v1\nkind: ConfigMap\n{rest}");
        rendered(&text).unwrap().objects[0].secrecy.level()
    }

    #[test]
    fn whatever_is_made_of_a_value_makes_the_object_secret() {
        for used in [
            "${P}",
            "x${P^^}",
            "${P:0:3}",
            "${#P}",
            "${P//h/j}",
            "${open:-${P}}",
            "${P:+yes}",
            "${missing:=${P}}",
        ] {
            assert_eq!(
                level(&format!("metadata: {{name: a}}\ndata: {{k: '{used}'}}\n")),
                Level::Values,
                "{used}"
            );
        }
        assert_eq!(level("metadata: {name: a}\ndata: ${Y}\n"), Level::Values);
        assert_eq!(level("metadata: {name: '${P}'}\n"), Level::Identity);
        for open in ["${open}", "P", "$P", "plain"] {
            assert_eq!(
                level(&format!("metadata: {{name: a}}\ndata: {{k: '{open}'}}\n")),
                Level::Open,
                "{open}"
            );
        }
        let secret =
            rendered("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: v}\n")
                .unwrap();
        assert_eq!(secret.objects[0].secrecy.level(), Level::Values);
    }

    #[test]
    fn an_object_that_a_value_breaks_is_told_without_its_text() {
        for used in [
            "data: {a: [${P}}",
            "${B}\n${B}",
            "data: {a: b}\n  ${P}: x\n ${P}",
        ] {
            let error = rendered(&format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, annotations: {{k: '{used}'}}}}\n"
            ));
            let text = error.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(!text.contains("hunter2"), "{text}");
        }
        let broken = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: ${X}\n";
        let error = rendered(broken).unwrap_err().to_string();
        assert!(
            error.starts_with("ConfigMap/a (a.yaml:4): after replacing variables"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}

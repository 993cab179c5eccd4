//! Which objects values from Secrets come into, and what of those may be told (see [`Secrecy`]).
//!
//! An object counts as built with a value as soon as an expression in it names the variable, whatever the expression
//! makes of it: its length, a part of it, or only whether there is one.

use std::collections::BTreeSet;

use lode_kustomize::Built;
use lode_object::{Object, Secrecy, Value};
use lode_stdx::budget::Budget;

use crate::error::{Error, ObjectCause};
use crate::plan::Substitution;
use crate::substitute;

/// Returns an object as it stands in the source, if a value from a Secret is about to come into it.
pub(crate) fn before(
    built: &Built,
    substitution: Option<&Substitution>,
    budget: &Budget,
) -> Result<Option<Value>, Error> {
    let Some(secrets) = substitution.map(|wish| &wish.secrets).filter(|secrets| !secrets.is_empty()) else {
        return Ok(None);
    };
    let mut text = String::new();
    built.write_within(&mut text, budget)?;
    if !names_any(&text, secrets) || substitute::is_disabled(&built.node) {
        return Ok(None);
    }
    Ok(Some(built.to_object_within(budget)?.into_value()))
}

/// Returns what of an object may be told, given how it stands in the source where a value came into it.
pub(crate) fn secrecy(before: Option<&Value>, object: &Object) -> Secrecy {
    before.map_or_else(|| Secrecy::of(object.value()), |before| Secrecy::built(before, &object.id()))
}

/// Leaves out what an error about an object with such a value quotes of its text.
pub(crate) fn discreet(error: Error) -> Error {
    match error {
        Error::Object { id, origin, cause: ObjectCause::Substituted(_) } => {
            Error::Object { id, origin, cause: ObjectCause::SecretSubstituted }
        }
        error => error,
    }
}

/// Returns whether an expression of a text names one of some variables. An escaped expression may be taken for one:
/// that hides more than it must.
fn names_any(text: &str, names: &BTreeSet<String>) -> bool {
    text.match_indices("${").any(|(at, start)| {
        let rest = &text[at + start.len()..];
        let rest = rest.strip_prefix('#').unwrap_or(rest);
        let end = rest.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(rest.len());
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
            vars: vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            secrets: ["P", "Y", "B", "X"].map(str::to_owned).into(),
            ..Substitution::default()
        };
        render(
            &Tree::from_iter([("a.yaml", text)]),
            &Plan { substitute: Some(substitute), ..Plan::default() },
            &Budget::new(LIMITS),
        )
    }

    fn level(rest: &str) -> Level {
        let text = format!("apiVersion: v1\nkind: ConfigMap\n{rest}");
        rendered(&text).unwrap().objects[0].secrecy.level()
    }

    #[test]
    fn whatever_is_made_of_a_value_makes_the_object_secret() {
        for used in
            ["${P}", "x${P^^}", "${P:0:3}", "${#P}", "${P//h/j}", "${open:-${P}}", "${P:+yes}", "${missing:=${P}}"]
        {
            assert_eq!(level(&format!("metadata: {{name: a}}\ndata: {{k: '{used}'}}\n")), Level::Values, "{used}");
        }
        assert_eq!(level("metadata: {name: a}\ndata: ${Y}\n"), Level::Values);
        assert_eq!(level("metadata: {name: '${P}'}\n"), Level::Identity);
        for open in ["${open}", "P", "$P", "plain"] {
            assert_eq!(level(&format!("metadata: {{name: a}}\ndata: {{k: '{open}'}}\n")), Level::Open, "{open}");
        }
        let secret = rendered("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: v}\n").unwrap();
        assert_eq!(secret.objects[0].secrecy.level(), Level::Values);
    }

    #[test]
    fn an_object_that_a_value_breaks_is_told_without_its_text() {
        for used in ["data: {a: [${P}}", "${B}\n${B}", "data: {a: b}\n  ${P}: x\n ${P}"] {
            let error = rendered(&format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, annotations: {{k: '{used}'}}}}\n"
            ));
            let text = error.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(!text.contains("hunter2"), "{text}");
        }
        let broken = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: ${X}\n";
        let error = rendered(broken).unwrap_err().to_string();
        assert!(error.starts_with("ConfigMap/a (a.yaml:4): after replacing variables"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

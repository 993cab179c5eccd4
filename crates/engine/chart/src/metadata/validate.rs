//! Checks metadata as Helm does when it loads a chart, and makes its texts safe to show.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use lode_stdx::semver::Version;
use regex::Regex;

use super::decode::Nulls;
use super::{Dependency, Maintainer, Metadata};

/// Why metadata is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A required field is empty.
    #[error("validation: chart.metadata.{0} is required")]
    Required(&'static str),
    /// A name that is a folder.
    #[error("validation: chart.metadata.name {0:?} is not allowed")]
    NameNotAllowed(String),
    /// A name with a separator.
    #[error("validation: chart.metadata.name {0:?} is invalid")]
    Name(String),
    /// A version that is not semantic.
    #[error("validation: chart.metadata.version {0:?} is invalid")]
    Version(String),
    /// An unknown type.
    #[error("validation: chart.metadata.type must be application or library")]
    Type,
    /// A null entry in a list.
    #[error("validation: {0} must not contain empty or null nodes")]
    NullEntry(&'static str),
    /// An alias that could not be a name.
    #[error("validation: dependency {0:?} has disallowed characters in the alias")]
    Alias(String),
    /// Two dependencies with one name.
    #[error("validation: more than one dependency with name or alias {0:?}")]
    Twice(String),
}

/// Sanitises all texts and checks the fields.
pub(crate) fn validate(metadata: &mut Metadata, nulls: Nulls) -> Result<(), Invalid> {
    sanitize_all(metadata);

    if metadata.api_version.is_empty() {
        return Err(Invalid::Required("apiVersion"));
    }
    if metadata.name.is_empty() {
        return Err(Invalid::Required("name"));
    }
    if matches!(&*metadata.name, "." | "..") {
        return Err(Invalid::NameNotAllowed(metadata.name.clone()));
    }
    if metadata.name.contains('/') {
        return Err(Invalid::Name(metadata.name.clone()));
    }

    if metadata.version.is_empty() {
        return Err(Invalid::Required("version"));
    }
    if Version::parse(&metadata.version).is_err() {
        return Err(Invalid::Version(metadata.version.clone()));
    }
    if !matches!(&*metadata.kind, "" | "application" | "library") {
        return Err(Invalid::Type);
    }

    if nulls.maintainers {
        return Err(Invalid::NullEntry("maintainers"));
    }
    if nulls.dependencies {
        return Err(Invalid::NullEntry("dependencies"));
    }
    dependencies(metadata.declared())
}

fn dependencies(declared: &[Dependency]) -> Result<(), Invalid> {
    let mut names = BTreeSet::new();
    for dependency in declared {
        if !dependency.alias.bytes().all(is_alias_byte) {
            return Err(Invalid::Alias(dependency.name.clone()));
        }
        let name = match &*dependency.alias {
            "" => &dependency.name,
            alias => alias,
        };
        if !names.insert(name) {
            return Err(Invalid::Twice(name.to_owned()));
        }
    }
    Ok(())
}

fn is_alias_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn sanitize_all(metadata: &mut Metadata) {
    let Metadata {
        name,
        description,
        home,
        icon,
        condition,
        tags,
        app_version,
        kube_version,
        ..
    } = metadata;
    for text in [
        name,
        description,
        home,
        icon,
        condition,
        tags,
        app_version,
        kube_version,
    ] {
        sanitize(text);
    }
    metadata
        .sources
        .iter_mut()
        .chain(&mut metadata.keywords)
        .for_each(sanitize);

    metadata
        .maintainers
        .iter_mut()
        .for_each(sanitize_maintainer);
    let dependencies = metadata.dependencies.iter_mut().flatten();
    dependencies.for_each(sanitize_dependency);
}

fn sanitize_maintainer(maintainer: &mut Maintainer) {
    let Maintainer { name, email, url } = maintainer;
    for text in [name, email, url] {
        sanitize(text);
    }
}

fn sanitize_dependency(dependency: &mut Dependency) {
    let Dependency {
        name,
        version,
        repository,
        condition,
        tags,
        ..
    } = dependency;
    for text in [name, version, repository, condition] {
        sanitize(text);
    }
    tags.iter_mut().for_each(sanitize);
}

/// Replaces white space by spaces and removes what cannot be printed.
fn sanitize(text: &mut String) {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return;
    }
    *text = text.chars().filter_map(sanitized).collect();
}

fn sanitized(letter: char) -> Option<char> {
    if letter.is_whitespace() {
        return Some(' ');
    }
    let mut bytes = [0; 4];
    is_print(letter.encode_utf8(&mut bytes)).then_some(letter)
}

/// Returns whether Go's `unicode.IsPrint` holds for a text of one character.
fn is_print(letter: &str) -> bool {
    static PRINT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$").ok());
    PRINT.as_ref().is_some_and(|print| print.is_match(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Metadata {
        Metadata {
            name: "web".to_owned(),
            api_version: "v2".to_owned(),
            version: "1.2.3".to_owned(),
            ..Metadata::default()
        }
    }

    fn refused(change: impl FnOnce(&mut Metadata)) -> String {
        let mut metadata = chart();
        change(&mut metadata);
        let error = validate(&mut metadata, Nulls::default()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn messages_are_helms() {
        assert_eq!(validate(&mut chart(), Nulls::default()), Ok(()));
        let required = refused(|chart| chart.name.clear());
        assert_eq!(required, "validation: chart.metadata.name is required");
        let name = refused(|chart| "../evil".clone_into(&mut chart.name));
        assert_eq!(
            name,
            "validation: chart.metadata.name \"../evil\" is invalid"
        );
        let version = refused(|chart| "1.x".clone_into(&mut chart.version));
        assert_eq!(
            version,
            "validation: chart.metadata.version \"1.x\" is invalid"
        );
        let kind = refused(|chart| "plugin".clone_into(&mut chart.kind));
        assert_eq!(
            kind,
            "validation: chart.metadata.type must be application or library"
        );
    }

    #[test]
    fn dependencies_have_distinct_names() {
        let dependency = |name: &str, alias: &str| Dependency {
            name: name.to_owned(),
            alias: alias.to_owned(),
            ..Dependency::default()
        };
        let twice = refused(|chart| {
            chart.dependencies = Some(vec![dependency("a", ""), dependency("b", "a")]);
        });
        assert_eq!(
            twice,
            "validation: more than one dependency with name or alias \"a\""
        );
        let alias = refused(|chart| chart.dependencies = Some(vec![dependency("a", "b c")]));
        assert_eq!(
            alias,
            "validation: dependency \"a\" has disallowed characters in the alias"
        );
    }

    #[test]
    fn null_entries_are_named() {
        let nulls = Nulls {
            maintainers: true,
            dependencies: false,
        };
        let error = validate(&mut chart(), nulls).unwrap_err();
        assert_eq!(
            error.to_string(),
            "validation: maintainers must not contain empty or null nodes"
        );
    }

    #[test]
    fn texts_are_made_safe() {
        let mut text = "a\tb\u{a0}c\u{7}d\u{202e}e\u{e000}ü".to_owned();
        sanitize(&mut text);
        assert_eq!(text, "a b cdeü");
    }
}

//! The words for kinds on the command line, derived from the rows of [`lode_api::kinds`].
//!
//! A verb for one object takes the singular, `lode get` the plural; both accept the other form,
//! short names and common variants. `source` means all sources, as in flux.

use anyhow::bail;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use lode_api::kinds::{Row, SOURCE, SOURCES};

use crate::kinds::Noun;
use crate::report::Told;

/// The word for all kinds.
const ALL: &str = "all";

/// The kinds that a word stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    /// The kinds in the order of their rows.
    pub(crate) nouns: Vec<Noun>,
    /// Whether the word was `all`.
    pub(crate) is_all: bool,
}

/// Parses the kind of a verb about one object.
pub(crate) fn singular(rows: &'static [Row]) -> impl TypedValueParser<Value = Chosen> {
    parser(words(rows, Number::Singular))
}

/// Parses the kinds of a list.
pub(crate) fn plural(rows: &'static [Row]) -> impl TypedValueParser<Value = Chosen> {
    let all = Word {
        value: PossibleValue::new(ALL).help("All kinds (default)"),
        chosen: Chosen {
            nouns: rows.iter().map(Noun).collect(),
            is_all: true,
        },
    };
    let words = words(rows, Number::Plural);
    parser(std::iter::once(all).chain(words).collect())
}

impl Chosen {
    /// Returns the kind and name of the one object that follows the word.
    ///
    /// `source git NAME` is flux's form.
    pub(crate) fn single<'w>(&self, words: &'w [String]) -> anyhow::Result<(Noun, &'w str)> {
        let are_sources = self.nouns.iter().all(|noun| noun.row().is_source);
        match (self.nouns.as_slice(), words) {
            ([noun], [name]) => return Ok((*noun, name)),
            (_, [_]) => bail!(Told::new(
                "more than one kind is meant",
                "name one: `source git NAME`"
            )),
            (nouns, [kind, name]) if are_sources => {
                if let Some(noun) = nouns
                    .iter()
                    .find(|noun| noun.row().words().contains(&kind.as_str()))
                {
                    return Ok((*noun, name));
                }
            }
            _ => {}
        }

        bail!(Told::new(
            "one name is needed",
            "only `source git NAME` has two words"
        ))
    }
}

/// Which form of a word is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Number {
    Singular,
    Plural,
}

/// A word and the kinds it stands for.
#[derive(Clone)]
struct Word {
    value: PossibleValue,
    chosen: Chosen,
}

fn words(rows: &'static [Row], number: Number) -> Vec<Word> {
    let sources: Vec<Noun> = rows.iter().filter(|row| row.is_source).map(Noun).collect();
    let mut words = Vec::new();

    if !sources.is_empty() {
        let (shown, other, help) = match number {
            Number::Singular => (SOURCE, SOURCES, one_of(&sources)),
            Number::Plural => (SOURCES, SOURCE, format!("Sources: {}", all_of(&sources))),
        };
        words.push(Word {
            value: PossibleValue::new(shown).alias(other).help(help),
            chosen: Chosen::some(&sources),
        });
    }

    for noun in rows.iter().map(Noun) {
        // A single source is shown as `source`; its own names are accepted too.
        let is_shown = !noun.row().is_source || sources.len() > 1;
        let shown = match number {
            Number::Singular => noun.singular(),
            Number::Plural => noun.names().plural,
        };
        let others = noun.row().words().into_iter().filter(|word| *word != shown);
        let help = match number {
            Number::Singular => one_of(&[noun]),
            Number::Plural => several(noun.names().kind),
        };
        words.push(Word {
            value: PossibleValue::new(shown)
                .aliases(others)
                .help(help)
                .hide(!is_shown),
            chosen: Chosen::some(&[noun]),
        });
    }
    words
}

fn parser(words: Vec<Word>) -> impl TypedValueParser<Value = Chosen> {
    let values: Vec<PossibleValue> = words.iter().map(|word| word.value.clone()).collect();
    PossibleValuesParser::new(values).try_map(move |typed| {
        let found = words.iter().find(|word| word.value.matches(&typed, false));
        found.map(|word| word.chosen.clone()).ok_or("no such kind")
    })
}

impl Chosen {
    fn some(nouns: &[Noun]) -> Self {
        Self {
            nouns: nouns.to_vec(),
            is_all: false,
        }
    }
}

/// Returns ``A `GitRepository` ``, or a list of alternatives.
fn one_of(nouns: &[Noun]) -> String {
    let kinds: Vec<String> = nouns
        .iter()
        .map(|noun| with_article(noun.names().kind))
        .collect();
    let text = kinds.join(" or ");
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Returns `` `GitRepositories` ``, or a list of several kinds.
fn all_of(nouns: &[Noun]) -> String {
    let kinds = nouns
        .iter()
        .map(|noun| format!("`{}`", several(noun.names().kind)));
    kinds.collect::<Vec<_>>().join(", ")
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) {
        "an"
    } else {
        "a"
    };
    format!("{article} `{kind}`")
}

/// Returns the plural of a kind's name.
pub(crate) fn several(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use lode_api::kinds;

    use super::*;
    use crate::toy::parse;

    /// One source and an applier.
    const ONE: &[Row] = &[kinds::GIT_REPOSITORY, kinds::KUSTOMIZATION];
    /// Two sources and an applier, to show what a second source changes.
    const ROWS: &[Row] = &[
        kinds::GIT_REPOSITORY,
        kinds::OCI_REPOSITORY,
        kinds::KUSTOMIZATION,
    ];

    fn kinds_of(chosen: Option<Chosen>) -> Vec<&'static str> {
        let nouns = chosen.into_iter().flat_map(|chosen| chosen.nouns);
        nouns.map(|noun| noun.names().kind).collect()
    }

    #[test]
    fn kinds_have_the_words_of_flux() {
        for word in ["ks", "kustomization", "kustomizations"] {
            assert_eq!(
                kinds_of(parse(singular(kinds::ALL), word)),
                ["Kustomization"]
            );
            assert_eq!(kinds_of(parse(plural(kinds::ALL), word)), ["Kustomization"]);
        }
        for word in ["git", "gitrepository", "gitrepo"] {
            assert_eq!(
                kinds_of(parse(singular(kinds::ALL), word)),
                ["GitRepository"]
            );
            assert_eq!(kinds_of(parse(plural(kinds::ALL), word)), ["GitRepository"]);
        }
        assert_eq!(parse(singular(kinds::ALL), "all"), None);
        assert!(parse(plural(kinds::ALL), "all").unwrap().is_all);
    }

    #[test]
    fn the_word_for_sources_stands_for_all_of_them() {
        let sources = parse(singular(ROWS), "source").unwrap();
        assert_eq!(
            kinds_of(Some(sources.clone())),
            ["GitRepository", "OCIRepository"]
        );
        assert_eq!(kinds_of(parse(plural(ROWS), "oci")), ["OCIRepository"]);

        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let typed = words(&["oci", "charts"]);
        let (noun, name) = sources.single(&typed).unwrap();
        assert_eq!((noun.names().kind, name), ("OCIRepository", "charts"));
        let refused = sources.single(&words(&["charts"])).unwrap_err();
        assert_eq!(refused.to_string(), "more than one kind is meant");
    }

    #[test]
    fn the_two_words_of_flux_for_a_source_are_taken() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (source, ks) = (
            parse(singular(ONE), "source").unwrap(),
            parse(singular(ONE), "ks").unwrap(),
        );
        assert_eq!(source.single(&words(&["git", "fleet"])).unwrap().1, "fleet");
        assert_eq!(source.single(&words(&["fleet"])).unwrap().1, "fleet");
        assert!(source.single(&words(&["oci", "fleet"])).is_err());
        assert!(ks.single(&words(&["git", "fleet"])).is_err());
    }

    #[test]
    fn help_names_every_kind_as_people_say_it() {
        let lines = |words: Vec<Word>| -> Vec<String> {
            let shown = words.iter().filter(|word| !word.value.is_hide_set());
            shown
                .map(|word| {
                    let help = word.value.get_help().unwrap();
                    format!("{}: {help}", word.value.get_name())
                })
                .collect()
        };
        assert_eq!(
            lines(words(ONE, Number::Singular)),
            [
                "source: A `GitRepository`",
                "kustomization: A `Kustomization`"
            ]
        );
        assert_eq!(
            lines(words(ROWS, Number::Singular)),
            [
                "source: A `GitRepository` or an `OCIRepository`",
                "gitrepository: A `GitRepository`",
                "ocirepository: An `OCIRepository`",
                "kustomization: A `Kustomization`"
            ]
        );
        assert_eq!(
            lines(words(ONE, Number::Plural)),
            [
                "sources: Sources: `GitRepositories`",
                "kustomizations: Kustomizations"
            ]
        );
    }
}

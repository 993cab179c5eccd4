//! `.helmignore`: which files of a folder do not belong to the chart.
//!
//! Rules are tried in order and the first that decides ends it. A pattern without `/` is matched
//! with the last part of the path. A rule with `!` is peculiar to Helm: it leaves out everything
//! that does *not* match it.

use crate::pattern::{BadPattern, PathPattern};

/// The rules of a `.helmignore` file, with Helm's own.
#[derive(Debug, Clone)]
pub(crate) struct IgnoreRules(Vec<IgnoreRule>);

/// Why a `.helmignore` file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// A pattern with `**`.
    #[error("line {line}: double-star (**) syntax is not supported")]
    DoubleStar {
        /// Line, from 1.
        line: usize,
    },
    /// A malformed pattern.
    #[error("line {line}: {source}")]
    Pattern {
        /// Line, from 1.
        line: usize,
        /// The reason.
        source: BadPattern,
    },
}

#[derive(Debug, Clone)]
struct IgnoreRule {
    pattern: PathPattern,
    is_negated: bool,
    is_for_folders: bool,
    is_for_names: bool,
}

impl IgnoreRules {
    /// Reads the text of a `.helmignore` file, which may be empty.
    pub(crate) fn parse(text: &str) -> Result<Self, IgnoreError> {
        let mut rules = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = match index {
                0 => line.strip_prefix('\u{feff}').unwrap_or(line),
                _ => line,
            };
            rules.extend(rule(line.trim(), index + 1)?);
        }
        rules.extend(rule(DEFAULT, 0)?);
        Ok(Self(rules))
    }

    /// Returns rules that leave nothing out.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Returns about how many steps it takes to try all rules with a path.
    pub(crate) fn cost(&self, path: &str) -> u64 {
        let tokens = self.0.iter().map(|rule| rule.pattern.len() as u64 + 1);
        let product = tokens.sum::<u64>().saturating_mul(path.len() as u64);
        product / COMPARISONS_PER_STEP + 1
    }

    /// Returns whether a file or folder is left out.
    pub(crate) fn is_ignored(&self, path: &str, is_folder: bool) -> bool {
        for rule in &self.0 {
            let is_kind = is_folder || !rule.is_for_folders;
            let is_match = is_kind && rule.matches(path);
            if is_match != rule.is_negated {
                return true;
            }
        }
        false
    }
}

/// Comparisons of characters that count as one step.
const COMPARISONS_PER_STEP: u64 = 32;

impl IgnoreRule {
    fn matches(&self, path: &str) -> bool {
        let name = match path.rsplit_once('/') {
            Some((_, name)) if self.is_for_names => name,
            _ => path,
        };
        self.pattern.matches(name)
    }
}

/// What Helm always leaves out: hidden files among the templates.
const DEFAULT: &str = "templates/.?*";

fn rule(text: &str, line: usize) -> Result<Option<IgnoreRule>, IgnoreError> {
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    if text.contains("**") {
        return Err(IgnoreError::DoubleStar { line });
    }
    let parse =
        |text| PathPattern::parse(text).map_err(|source| IgnoreError::Pattern { line, source });
    parse(text)?;

    let (text, is_negated) = stripped(text, text.strip_prefix('!'));
    let (text, is_for_folders) = stripped(text, text.strip_suffix('/'));
    let (text, is_rooted) = stripped(text, text.strip_prefix('/'));
    let is_for_names = !is_rooted && !text.contains('/');
    let pattern = parse(text)?;
    Ok(Some(IgnoreRule {
        pattern,
        is_negated,
        is_for_folders,
        is_for_names,
    }))
}

/// Returns what is left without a mark, and whether there was one.
fn stripped<'t>(text: &'t str, without: Option<&'t str>) -> (&'t str, bool) {
    (without.unwrap_or(text), without.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(rules: &str, path: &str, is_folder: bool) -> bool {
        IgnoreRules::parse(rules)
            .unwrap()
            .is_ignored(path, is_folder)
    }

    #[test]
    fn rules_are_helms() {
        for (rules, path, is_folder, want) in [
            ("helm.txt", "helm.txt", false, true),
            ("helm.*", "a/helm.txt", false, true),
            ("helm.*", "tiller.txt", false, false),
            ("/a.txt", "a.txt", false, true),
            ("/a.txt", "cargo/a.txt", false, false),
            ("cargo/*.txt", "cargo/a.txt", false, true),
            ("cargo/*.txt", "mast/a.txt", false, false),
            ("cargo/", "cargo", true, true),
            ("cargo/", "cargo", false, false),
            ("a*/", "a.txt", false, false),
            ("*\n!cargo/", "mast/a.txt", false, true),
            ("!helm.txt", "helm.txt", false, false),
            ("!helm.txt", "tiller.txt", false, true),
            ("!*.txt", "cargo", true, true),
            ("!cargo/", "a.txt", false, true),
            ("# helm.txt\n\n  a  ", "a", false, true),
            ("\u{feff}a", "a", false, true),
            ("", "templates/.dotfile", false, true),
            ("", "templates/sub/.dotfile", false, false),
        ] {
            assert_eq!(ignored(rules, path, is_folder), want, "{rules:?} {path}");
        }
    }

    #[test]
    fn what_helm_does_not_know_is_refused() {
        let error = IgnoreRules::parse("a\nb/**\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: double-star (**) syntax is not supported"
        );
        let error = IgnoreRules::parse("[a\n").unwrap_err();
        assert_eq!(error.to_string(), "line 1: syntax error in pattern");
    }
}

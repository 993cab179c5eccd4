//! [`filter`]: removes from a tree what `.sourceignore` files and the patterns of a spec exclude.
//!
//! Input: a [`Tree`] and the patterns of a spec, in gitignore syntax: comments, `!` to re-include,
//! a leading or inner `/` to anchor, a trailing `/` for folders only, `*`, `?`, `[a-z]`, `**`, `\`
//! to escape. Output: a smaller tree.
//!
//! The last pattern that matches a file, or any folder that contains it, decides. So `!x/a`
//! re-includes a file although `x` is excluded: Flux does this and Git does not. A `.sourceignore`
//! applies to its own folder. Git's own files are always excluded first; the defaults (images,
//! archives, files of build services) apply only if there are no other patterns.
//!
//! The author of the patterns also chooses the file names, so the work is the product of both, and
//! all of it is charged to a [`Budget`]. A pattern is only compared with files below its own
//! folder, and most comparisons end at the first byte that differs.

use std::borrow::Cow;
use std::collections::HashMap;

use lode_stdx::budget::{Budget, Exceeded};

use crate::path::RepoPath;
use crate::tree::Tree;

/// The file that holds a folder's patterns.
pub const FILE_NAME: &str = ".sourceignore";
/// Steps collected before they are charged.
const STEPS_GATHERED: u64 = 1 << 12;
/// Memory of a pattern besides its text.
const PATTERN_BYTES: u64 = 160;
/// Memory of a folder with patterns besides its path and the patterns.
const FOLDER_BYTES: u64 = 160;

const ALWAYS: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n";
const DEFAULTS: &str = "*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n\
    .github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\n\
    codeship-services.yml\ncodeship-steps.yml\n**/.goreleaser.yml\n**/.sops.yaml\n**/.flux.yaml\n";

/// Why a tree was not filtered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Patterns and names together exceed the budget.
    #[error("leaving out files by spec.ignore and .sourceignore {0}")]
    Exceeded(#[from] Exceeded),
    /// A file of patterns cannot be read.
    #[error("read {FILE_NAME}: {0}")]
    Read(#[from] crate::tree::Error),
}

/// Returns the tree without ignored files.
///
/// # Errors
/// Patterns and names together exceed `budget`, or a file of patterns cannot be read.
pub fn filter(mut tree: Tree, spec: Option<&str>, budget: &Budget) -> Result<Tree, Error> {
    let patterns = Patterns::gather(&tree, spec, budget)?;
    let mut meter = Meter {
        budget,
        gathered: 0,
    };
    let mut failed = None;
    tree.retain(|path, _| {
        // After an error nothing more is checked, and the tree is not returned.
        failed.is_none()
            && !patterns
                .leave_out(path, &mut meter)
                .unwrap_or_else(|error| failed.replace(error).is_some())
    });
    match failed.map_or_else(|| meter.charge(), Err) {
        Ok(()) => Ok(tree),
        Err(error) => Err(error.into()),
    }
}

/// Charges steps a few thousand at a time.
struct Meter<'b> {
    budget: &'b Budget,
    gathered: u64,
}

impl Meter<'_> {
    fn steps(&mut self, count: usize) -> Result<(), Exceeded> {
        self.gathered += count as u64;
        if self.gathered < STEPS_GATHERED {
            Ok(())
        } else {
            self.charge()
        }
    }

    fn charge(&mut self) -> Result<(), Exceeded> {
        self.budget.steps(std::mem::take(&mut self.gathered))
    }
}

/// All patterns; later ones take precedence.
struct Patterns {
    /// The default patterns.
    own: Vec<IgnorePattern>,
    /// Patterns from files, by the folder they apply to; those of a deeper folder take precedence.
    by_folder: HashMap<RepoPath, Vec<IgnorePattern>>,
    /// Patterns from the specification.
    spec: Vec<IgnorePattern>,
}

struct IgnorePattern {
    /// Parts to match, `**` among them.
    parts: Vec<PatternPart>,
    /// Matches from the folder only, not at any depth.
    anchored: bool,
    folders_only: bool,
    takes_back: bool,
}

/// One part of a pattern, between slashes.
enum PatternPart {
    /// `**`.
    Folders,
    /// A name without special characters.
    Name(Box<str>),
    /// A pattern, with the literal prefix and suffix that every match has.
    Glob {
        pattern: Box<[char]>,
        begin: Box<str>,
        end: Box<str>,
    },
}

impl Patterns {
    fn gather(tree: &Tree, spec: Option<&str>, budget: &Budget) -> Result<Self, Error> {
        let mut by_folder = HashMap::new();
        for (path, entry) in tree.entries() {
            let Some(folder) = path.parent().filter(|_| path.file_name() == FILE_NAME) else {
                continue;
            };
            let Some(blob) = entry.content(path) else {
                continue;
            };
            let blob = blob?;
            // Invalid UTF-8 is replaced, which may make the text three times as long.
            budget.bytes(blob.bytes.len() as u64 + folder.as_str().len() as u64 + FOLDER_BYTES)?;
            budget.nodes(1)?;
            let text = String::from_utf8_lossy(&blob.bytes);
            if let Cow::Owned(text) = &text {
                budget.bytes(text.len() as u64)?;
            }
            by_folder.insert(folder, parse(&text, budget)?);
        }
        let spec = parse(spec.unwrap_or_default(), budget)?;
        let mut own = parse(ALWAYS, budget)?;
        if spec.is_empty() && by_folder.values().all(Vec::is_empty) {
            own.extend(parse(DEFAULTS, budget)?);
        }
        Ok(Self {
            own,
            by_folder,
            spec,
        })
    }

    fn leave_out(&self, file: &RepoPath, meter: &mut Meter<'_>) -> Result<bool, Exceeded> {
        let names: Vec<&str> = file.parts().collect();
        meter.steps(names.len())?;
        if let Some(decides) = last_match(&self.spec, &names, meter)? {
            return Ok(!decides.takes_back);
        }
        if !self.by_folder.is_empty() {
            let mut folder = file.parent();
            for depth in (0..names.len()).rev() {
                let Some(at) = folder else { break };
                let patterns = self.by_folder.get(&at).map_or(&[][..], Vec::as_slice);
                if let Some(decides) = last_match(patterns, &names[depth..], meter)? {
                    return Ok(!decides.takes_back);
                }
                folder = at.parent();
            }
        }
        Ok(last_match(&self.own, &names, meter)?.is_some_and(|decides| !decides.takes_back))
    }
}

/// Returns the last pattern that matches a file below the patterns' folder, or one of the folders
/// that contain it.
fn last_match<'p>(
    patterns: &'p [IgnorePattern],
    names: &[&str],
    meter: &mut Meter<'_>,
) -> Result<Option<&'p IgnorePattern>, Exceeded> {
    for pattern in patterns.iter().rev() {
        if pattern.matches(names, meter)? {
            return Ok(Some(pattern));
        }
    }
    Ok(None)
}

fn parse(text: &str, budget: &Budget) -> Result<Vec<IgnorePattern>, Exceeded> {
    let mut patterns = Vec::new();
    for line in text.lines() {
        budget.steps(1 + line.len() as u64 / 32)?;
        let line = without_trailing_space(line);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // A character of a pattern costs four bytes, and a part a few dozen.
        let parts = line.bytes().filter(|byte| *byte == b'/').count() as u64;
        budget.bytes(PATTERN_BYTES + 6 * line.len() as u64 + 64 * parts)?;
        budget.nodes(1)?;
        patterns.extend(IgnorePattern::parse(line));
    }
    Ok(patterns)
}

impl IgnorePattern {
    fn parse(line: &str) -> Option<Self> {
        let (takes_back, line) = line
            .strip_prefix('!')
            .map_or((false, line), |rest| (true, rest));
        let (folders_only, line) = line
            .strip_suffix('/')
            .map_or((false, line), |rest| (true, rest));
        let anchored = line.contains('/');
        let line = line.strip_prefix('/').unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        let parts = line.split('/').map(PatternPart::parse).collect();
        Some(Self {
            parts,
            anchored,
            folders_only,
            takes_back,
        })
    }

    /// Returns whether the pattern matches a file (named relative to the pattern's folder) or a
    /// folder that contains it.
    fn matches(&self, names: &[&str], meter: &mut Meter<'_>) -> Result<bool, Exceeded> {
        let folders = names.len().saturating_sub(usize::from(self.folders_only));
        if self.anchored {
            return self.ends(names, folders, meter);
        }
        for name in &names[..folders] {
            for part in &self.parts {
                if part.matches(name, meter)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Returns whether the pattern can end after one of the first names. The work is bounded by the
    /// product of both lengths.
    fn ends(
        &self,
        names: &[&str],
        folders: usize,
        meter: &mut Meter<'_>,
    ) -> Result<bool, Exceeded> {
        let mut ends = vec![false; names.len() + 1];
        ends[0] = true;
        for (i, part) in self.parts.iter().enumerate() {
            let mut next = vec![false; names.len() + 1];
            if matches!(part, PatternPart::Folders) {
                // At the end, `**` means everything inside a folder; elsewhere, any number of
                // folders.
                let inside = usize::from(i + 1 == self.parts.len());
                let first = ends.iter().position(|end| *end).unwrap_or(next.len());
                next.iter_mut()
                    .skip(first + inside)
                    .for_each(|end| *end = true);
            } else {
                for (at, name) in names.iter().enumerate() {
                    next[at + 1] = ends[at] && part.matches(name, meter)?;
                }
            }
            meter.steps(1 + names.len() / 8)?;
            // Most patterns differ in their first part.
            if next.iter().all(|end| !end) {
                return Ok(false);
            }
            ends = next;
        }
        Ok(ends.into_iter().skip(1).take(folders).any(|end| end))
    }
}

impl PatternPart {
    fn parse(text: &str) -> Self {
        const SPECIAL: [char; 4] = ['*', '?', '[', '\\'];
        if text == "**" {
            return Self::Folders;
        }
        let Some(first) = text.find(SPECIAL) else {
            return Self::Name(text.into());
        };
        // After the last star the rest is literal, unless it has special characters.
        let end = text.rsplit('*').next().filter(|end| {
            !end.contains(SPECIAL) && !text[..text.len() - end.len()].contains(['[', '\\'])
        });
        Self::Glob {
            pattern: text.chars().collect(),
            begin: text[..first].into(),
            end: end.unwrap_or_default().into(),
        }
    }

    fn matches(&self, name: &str, meter: &mut Meter<'_>) -> Result<bool, Exceeded> {
        meter.steps(1)?;
        match self {
            // Where `**` cannot span folders it acts as a plain star.
            Self::Folders => Ok(true),
            Self::Name(own) => Ok(**own == *name),
            Self::Glob { begin, end, .. }
                if !name.starts_with(&**begin) || !name.ends_with(&**end) =>
            {
                Ok(false)
            }
            Self::Glob { pattern, .. } => {
                let name: Vec<char> = name.chars().collect();
                let (matches, steps) = name_matches(pattern, &name);
                meter.steps(steps)?;
                Ok(matches)
            }
        }
    }
}

/// Removes trailing spaces, unless the last one is escaped.
fn without_trailing_space(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    let bare = line.trim_end_matches([' ', '\t']);
    let escapes = bare.len() - bare.trim_end_matches('\\').len();
    if escapes % 2 == 1 && bare.len() < line.len() {
        &line[..=bare.len()]
    } else {
        bare
    }
}

/// Matches one name and returns the number of steps. If a `*` fails, only the last one is retried
/// one character further, so the steps are bounded by the product of both lengths.
fn name_matches(pattern: &[char], name: &[char]) -> (bool, usize) {
    let (mut p, mut n, mut steps) = (0, 0, 1 + name.len() / 8);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        steps += 1;
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some(width) = one_matches(&pattern[p..], name[n], &mut steps) {
            (p, n) = (p + width, n + 1);
        } else if let Some((star_p, star_n)) = star {
            star = Some((star_p, star_n + 1));
            (p, n) = (star_p + 1, star_n + 1);
        } else {
            return (false, steps);
        }
    }
    (pattern[p..].iter().all(|c| *c == '*'), steps)
}

/// Matches one character against the start of the pattern and returns how much of the pattern that
/// consumed.
fn one_matches(pattern: &[char], c: char, steps: &mut usize) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == c).then_some(2),
        ['[', rest @ ..] => class_matches(rest, c, steps),
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

/// Matches `[a-z]`, `[!a]`, `[]x]`; an unclosed class matches nothing.
fn class_matches(rest: &[char], c: char, steps: &mut usize) -> Option<usize> {
    let negated = matches!(rest.first(), Some('!' | '^'));
    let begin = usize::from(negated);
    let (mut at, mut found) = (begin, false);
    loop {
        *steps += 1;
        let low = match rest.get(at)? {
            ']' if at > begin => break,
            '\\' => {
                at += 1;
                *rest.get(at)?
            }
            low => *low,
        };
        let mut high = low;
        if rest.get(at + 1) == Some(&'-') && rest.get(at + 2).is_some_and(|end| *end != ']') {
            high = rest[at + 2];
            at += 2;
        }
        found |= (low..=high).contains(&c);
        at += 1;
    }
    (found != negated).then_some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(files: &[(&str, &str)], spec: Option<&str>) -> Vec<String> {
        let tree: Tree = files.iter().copied().collect();
        filter(tree, spec, &Budget::unlimited())
            .unwrap()
            .entries()
            .map(|(path, _)| path.to_string())
            .collect()
    }

    fn matches(pattern: &str, path: &str) -> bool {
        left(&[(path, "")], Some(pattern)).is_empty()
    }

    #[test]
    fn patterns_match_as_git_reads_them() {
        for (pattern, yes, no) in [
            ("a.yaml", "a.yaml x/a.yaml x/y/a.yaml", "a.yml a.yaml2"),
            ("/a.yaml", "a.yaml", "x/a.yaml"),
            ("x/a.yaml", "x/a.yaml", "y/x/a.yaml"),
            ("x/", "x/a y/x/a", "x y/x"),
            ("x", "x x/a y/x/a", "xx/a"),
            ("*.md", "a.md x/b.md .md", "a.mdx"),
            ("x/*.md", "x/a.md", "x/y/a.md a.md"),
            ("**/x", "x a/x a/b/x a/x/y", "ax"),
            ("x/**", "x/a x/a/b", "y/x/a"),
            ("a/**/b", "a/b a/x/b a/x/y/b", "b x/a/b"),
            ("**/a/b", "a/b x/a/b", "a/x/b"),
            ("**", "a x/y", ""),
            ("a?c", "abc", "ac abbc a/c"),
            ("[a-c]x", "ax cx", "dx"),
            ("[!a-c]x", "dx", "ax"),
            ("[]-]x", "]x -x", "ax"),
            ("[ax", "", "ax [ax"),
            (r"\!a", "!a", "a"),
            (r"\#a", "#a", "a"),
            (r"a\*", "a*", "ab"),
            ("a*b*c", "abc aXbXc abbc", "ab acb"),
            ("# a", "", "# a"),
            ("a ", "a", ""),
            (r"a\ ", "a\u{20}", "a"),
            ("/", "", "a"),
            ("", "", "a"),
        ] {
            let split = |list: &'static str| list.split(' ').filter(|path| !path.is_empty());
            if pattern == r"a\ " {
                assert!(matches(pattern, "a ") && !matches(pattern, "a"));
                continue;
            }
            for path in split(yes) {
                assert!(matches(pattern, path), "{pattern} leaves out {path}");
            }
            for path in split(no) {
                assert!(!matches(pattern, path), "{pattern} keeps {path}");
            }
        }
    }

    #[test]
    fn the_last_match_decides() {
        assert_eq!(
            left(&[("a.md", ""), ("b.md", "")], Some("*.md\n!b.md")),
            ["b.md"]
        );
        assert_eq!(
            left(&[("a.md", ""), ("b.md", "")], Some("!b.md\n*.md")),
            [""; 0]
        );
        assert_eq!(left(&[("x/a", ""), ("x/b", "")], Some("x\n!x/a")), ["x/a"]);
        assert_eq!(
            left(
                &[("x/a", ""), ("x/b", ""), ("y", "")],
                Some("/*\n!/x\n/x/b")
            ),
            ["x/a"]
        );
        assert_eq!(
            left(
                &[("deploy/a", ""), ("src/b", "")],
                Some("# all\n/*\n# but\n!/deploy\r\n")
            ),
            ["deploy/a"]
        );
    }

    #[test]
    fn a_file_speaks_for_its_folder() {
        let files = [
            (".sourceignore", "*.md"),
            ("x/.sourceignore", "!keep.md\n/only"),
            ("x/keep.md", ""),
            ("x/y/only", ""),
        ];
        let more = [("x/only", ""), ("keep.md", ""), ("only", "")];
        let all: Vec<_> = files.into_iter().chain(more).collect();
        assert_eq!(
            left(&all, None),
            [
                ".sourceignore",
                "only",
                "x/.sourceignore",
                "x/keep.md",
                "x/y/only"
            ]
        );
        assert!(
            !left(&all, Some("*.md")).contains(&"x/keep.md".to_owned()),
            "the spec has the last word"
        );
    }

    #[test]
    fn defaults_hold_only_while_nobody_speaks() {
        let files = [
            ("a.jpg", ""),
            (".github/w.yaml", ""),
            ("x/.sops.yaml", ""),
            (".gitignore", ""),
            ("a.yaml", ""),
        ];
        assert_eq!(left(&files, None), ["a.yaml"]);
        assert_eq!(left(&files, Some("# none")), ["a.yaml"]);
        assert_eq!(
            left(&files, Some("nothing")),
            [".github/w.yaml", "a.jpg", "a.yaml", "x/.sops.yaml"]
        );
        let mut with_file = files.to_vec();
        with_file.push(("x/.sourceignore", "nothing"));
        assert_eq!(left(&with_file, None).len(), 5);
    }

    #[test]
    fn many_patterns_are_all_heard_and_long_ones_too() {
        let mut patterns = "x\n".repeat(20_000);
        patterns += "a.md\n";
        patterns += &("b".repeat(3000) + "*\n");
        assert_eq!(
            left(
                &[("a.md", ""), ("b.md", ""), (&"b".repeat(3001), "")],
                Some(&patterns)
            ),
            ["b.md"]
        );
    }

    #[test]
    fn patterns_times_names_end_at_the_budget() {
        let names: Vec<String> = (0..300)
            .map(|n| format!("{}{n:06}", "a".repeat(240)))
            .collect();
        let mut patterns: Vec<String> = (0..1000)
            .map(|n| format!("*{}b{n}", "a".repeat(120)))
            .collect();
        patterns.extend((0..1000).map(|n| format!("*{}?{n}*", "a".repeat(120))));
        let tree: Tree = names.iter().map(|name| (name.as_str(), "")).collect();
        let limits = lode_stdx::budget::Limits {
            steps: 1_000_000,
            ..lode_stdx::budget::Limits::UNLIMITED
        };
        let budget = Budget::new(limits);
        let error = filter(tree, Some(&patterns.join("\n")), &budget).unwrap_err();
        let words = "leaving out files by spec.ignore and .sourceignore needs more than 1000000 steps, the limit";
        assert_eq!(error.to_string(), words);
    }

    #[test]
    fn what_a_glob_begins_and_ends_with_is_only_what_stands_there() {
        for (pattern, yes, no) in [
            (r"a\*b", "a*b", "aXb"),
            ("a[*]b", "a*b", "aXb"),
            ("a[*]", "a*", "a]"),
            ("*a?", "aab", "aaa.b"),
            (r"*\*x", "a*x", "ax"),
            ("é*ü", "é-ü éü", "eü"),
            ("a*a", "aa aba", "a"),
            ("x**y", "xy xay", "xa"),
        ] {
            for path in yes.split(' ') {
                assert!(matches(pattern, path), "{pattern} leaves out {path}");
            }
            assert!(!matches(pattern, no), "{pattern} keeps {no}");
        }
    }

    #[test]
    fn stars_do_not_take_forever() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(400)));
        let pattern = "**/a/".repeat(100) + "b";
        assert!(!matches(&pattern, &"a/".repeat(200)));
    }
}

//! [`filter`]: leaves out of a tree what `.sourceignore` files and a spec's own patterns name.
//!
//! Input: a [`Tree`] and the patterns of a spec, in gitignore syntax: comments, `!` to take back, a leading or inner `/`
//! to anchor, a trailing `/` for folders only, `*`, `?`, `[a-z]`, `**`, `\` to escape. Output: a smaller tree.
//!
//! The last pattern that matches a file, or any folder it lies in, decides. So `!x/a` takes a file back although `x` is
//! left out: Flux does so and Git does not. A `.sourceignore` speaks for the folder it lies in. Git's own files are
//! left out first of all; the defaults (images, archives, files of build services) only while nobody names a pattern.

use crate::path::RepoPath;
use crate::tree::{Entry, Tree};

/// The file that holds a folder's patterns.
pub const FILE_NAME: &str = ".sourceignore";
/// Longest pattern read, in bytes; a longer one matches nothing.
const PATTERN_MAX: usize = 1024;
/// Patterns read from one text.
const PATTERNS_MAX: usize = 10_000;

const ALWAYS: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n";
const DEFAULTS: &str = "*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n\
    .github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\n\
    codeship-services.yml\ncodeship-steps.yml\n**/.goreleaser.yml\n**/.sops.yaml\n**/.flux.yaml\n";

/// Returns the tree without what is to be ignored.
#[must_use]
pub fn filter(mut tree: Tree, spec: Option<&str>) -> Tree {
    let patterns = gather(&tree, spec);
    tree.retain(|path, _| !patterns.leave_out(path));
    tree
}

/// A list of patterns, later ones stronger.
#[derive(Debug, Clone, Default)]
struct Patterns {
    list: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    /// The folder the pattern speaks for.
    folder: RepoPath,
    /// Parts to match, `**` among them.
    parts: Vec<Vec<char>>,
    /// Matches from the folder on, and not at any depth.
    anchored: bool,
    folders_only: bool,
    takes_back: bool,
}

fn gather(tree: &Tree, spec: Option<&str>) -> Patterns {
    let root = RepoPath::root();
    let mut files = Vec::new();
    for (path, entry) in tree.entries() {
        let Entry::File { blob, .. } = entry else { continue };
        let Some(folder) = path.parent().filter(|_| path.file_name() == FILE_NAME) else { continue };
        files.push((folder, String::from_utf8_lossy(&blob.bytes)));
    }
    // A folder's patterns are stronger than those of the folders around it.
    files.sort_by_key(|(folder, _)| folder.parts().count());
    let mut theirs = Patterns::default();
    for (folder, text) in &files {
        theirs.add(folder, text);
    }
    theirs.add(&root, spec.unwrap_or_default());
    let mut patterns = Patterns::default();
    patterns.add(&root, ALWAYS);
    if theirs.list.is_empty() {
        patterns.add(&root, DEFAULTS);
    }
    patterns.list.append(&mut theirs.list);
    patterns
}

impl Patterns {
    fn add(&mut self, folder: &RepoPath, text: &str) {
        let lines = text.lines().take(PATTERNS_MAX);
        self.list.extend(lines.filter_map(|line| Pattern::parse(folder, line)));
    }

    fn leave_out(&self, file: &RepoPath) -> bool {
        let names: Vec<Vec<char>> = file.parts().map(|part| part.chars().collect()).collect();
        let last = self.list.iter().rev().find(|pattern| pattern.matches(file, &names));
        last.is_some_and(|pattern| !pattern.takes_back)
    }
}

impl Pattern {
    fn parse(folder: &RepoPath, line: &str) -> Option<Self> {
        let line = without_trailing_space(line);
        if line.is_empty() || line.starts_with('#') || line.len() > PATTERN_MAX {
            return None;
        }
        let (takes_back, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (folders_only, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
        let anchored = line.contains('/');
        let line = line.strip_prefix('/').unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        let parts = line.split('/').map(|part| part.chars().collect()).collect();
        Some(Self { folder: folder.clone(), parts, anchored, folders_only, takes_back })
    }

    /// Tells whether the pattern matches a file or one of the folders it lies in.
    fn matches(&self, file: &RepoPath, names: &[Vec<char>]) -> bool {
        if !file.is_in(&self.folder) {
            return false;
        }
        let below = &names[self.folder.parts().count().min(names.len())..];
        let folders = below.len().saturating_sub(usize::from(self.folders_only));
        if self.anchored {
            return ends(&self.parts, below).into_iter().skip(1).take(folders).any(|end| end);
        }
        self.parts.iter().any(|part| below[..folders].iter().any(|name| name_matches(part, name)))
    }
}

/// Drops spaces at the end of a line, unless the last one is escaped.
fn without_trailing_space(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    let bare = line.trim_end_matches([' ', '\t']);
    let escapes = bare.len() - bare.trim_end_matches('\\').len();
    if escapes % 2 == 1 && bare.len() < line.len() { &line[..=bare.len()] } else { bare }
}

/// Tells after how many names the pattern can end. The work is bounded by the product of both lengths.
fn ends(pattern: &[Vec<char>], names: &[Vec<char>]) -> Vec<bool> {
    let mut ends = vec![false; names.len() + 1];
    ends[0] = true;
    for (i, part) in pattern.iter().enumerate() {
        let mut next = vec![false; names.len() + 1];
        if part == &['*', '*'] {
            // At the end it stands for what is inside a folder, elsewhere for any number of folders.
            let inside = usize::from(i + 1 == pattern.len());
            let first = ends.iter().position(|end| *end).unwrap_or(next.len());
            next.iter_mut().skip(first + inside).for_each(|end| *end = true);
        } else {
            for (at, name) in names.iter().enumerate() {
                next[at + 1] = ends[at] && name_matches(part, name);
            }
        }
        ends = next;
    }
    ends
}

/// Matches one name; a `*` that failed is tried one character further, and only the last one.
fn name_matches(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some(width) = one_matches(&pattern[p..], name[n]) {
            (p, n) = (p + width, n + 1);
        } else if let Some((star_p, star_n)) = star {
            star = Some((star_p, star_n + 1));
            (p, n) = (star_p + 1, star_n + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Matches one character against the pattern's beginning and returns how much of the pattern that took.
fn one_matches(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == c).then_some(2),
        ['[', rest @ ..] => class_matches(rest, c),
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

/// Matches `[a-z]`, `[!a]`, `[]x]`; one that is not closed matches nothing.
fn class_matches(rest: &[char], c: char) -> Option<usize> {
    let negated = matches!(rest.first(), Some('!' | '^'));
    let begin = usize::from(negated);
    let (mut at, mut found) = (begin, false);
    loop {
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
        filter(tree, spec).entries().map(|(path, _)| path.to_string()).collect()
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
        assert_eq!(left(&[("a.md", ""), ("b.md", "")], Some("*.md\n!b.md")), ["b.md"]);
        assert_eq!(left(&[("a.md", ""), ("b.md", "")], Some("!b.md\n*.md")), [""; 0]);
        assert_eq!(left(&[("x/a", ""), ("x/b", "")], Some("x\n!x/a")), ["x/a"]);
        assert_eq!(left(&[("x/a", ""), ("x/b", ""), ("y", "")], Some("/*\n!/x\n/x/b")), ["x/a"]);
        assert_eq!(left(&[("deploy/a", ""), ("src/b", "")], Some("# all\n/*\n# but\n!/deploy\r\n")), ["deploy/a"]);
    }

    #[test]
    fn a_file_speaks_for_its_folder() {
        let files =
            [(".sourceignore", "*.md"), ("x/.sourceignore", "!keep.md\n/only"), ("x/keep.md", ""), ("x/y/only", "")];
        let more = [("x/only", ""), ("keep.md", ""), ("only", "")];
        let all: Vec<_> = files.into_iter().chain(more).collect();
        assert_eq!(left(&all, None), [".sourceignore", "only", "x/.sourceignore", "x/keep.md", "x/y/only"]);
        assert!(!left(&all, Some("*.md")).contains(&"x/keep.md".to_owned()), "the spec has the last word");
    }

    #[test]
    fn defaults_hold_only_while_nobody_speaks() {
        let files = [("a.jpg", ""), (".github/w.yaml", ""), ("x/.sops.yaml", ""), (".gitignore", ""), ("a.yaml", "")];
        assert_eq!(left(&files, None), ["a.yaml"]);
        assert_eq!(left(&files, Some("# none")), ["a.yaml"]);
        assert_eq!(left(&files, Some("nothing")), [".github/w.yaml", "a.jpg", "a.yaml", "x/.sops.yaml"]);
        let mut with_file = files.to_vec();
        with_file.push(("x/.sourceignore", "nothing"));
        assert_eq!(left(&with_file, None).len(), 5);
    }

    #[test]
    fn stars_do_not_take_forever() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(400)));
        let pattern = "**/a/".repeat(100) + "b";
        assert!(!matches(&pattern, &"a/".repeat(200)));
    }
}

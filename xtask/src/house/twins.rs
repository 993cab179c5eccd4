//! Passages that appear twice, literally.

use std::collections::BTreeMap;

use crate::tidy::source::SourceFile;

/// Lines per window.
const WINDOW: usize = 6;
/// Letters and digits a window must have; below that it is common punctuation.
const LETTERS_MIN: usize = 80;

/// What was found.
pub(super) struct Twins {
    /// Windows that appear in two places or more, each counted once.
    pub(super) windows: usize,
    /// Where they are: consecutive windows form one passage.
    pub(super) passages: Vec<String>,
}

/// Line numbers, from 1, and lines of code without indentation: no comments, blank lines, imports
/// or tests.
type CodeLines<'s> = Vec<(usize, &'s str)>;

/// Returns the windows of six lines that appear twice or more.
pub(super) fn find(sources: &[SourceFile]) -> Twins {
    let all: Vec<CodeLines<'_>> = sources.iter().map(lines).collect();
    let mut places = BTreeMap::<Vec<&str>, Vec<(usize, usize)>>::new();
    for (file, lines) in all.iter().enumerate() {
        for (at, window) in lines.windows(WINDOW).enumerate() {
            let window: Vec<&str> = window.iter().map(|(_, line)| *line).collect();
            let letters = window.iter().flat_map(|line| line.chars());
            if letters.filter(|sign| sign.is_alphanumeric()).count() >= LETTERS_MIN {
                places.entry(window).or_default().push((file, at));
            }
        }
    }
    places.retain(|_, places| places.len() > 1);

    // A window that begins one line after another one, in the same files, continues its passage.
    let mut starts: Vec<Vec<(usize, usize)>> = places.values().cloned().collect();
    starts.sort();
    let goes_on = |places: &[(usize, usize)]| {
        let before: Vec<_> = places
            .iter()
            .filter_map(|(file, at)| Some((*file, at.checked_sub(1)?)))
            .collect();
        starts.binary_search(&before).is_ok()
    };
    let passages = starts.iter().filter(|places| !goes_on(places));
    let shown = passages.map(|places| {
        let places = places
            .iter()
            .map(|(file, at)| format!("{}:{}", sources[*file].path, all[*file][*at].0));
        places.collect::<Vec<_>>().join(" = ")
    });
    Twins {
        windows: starts.len(),
        passages: shown.collect(),
    }
}

fn lines(source: &SourceFile) -> CodeLines<'_> {
    let mut is_import = false;
    let mut lines = Vec::new();
    for (at, (line, code)) in source.text.lines().zip(source.product.lines()).enumerate() {
        let code = code.trim();
        is_import |= code.starts_with("use ") || code.starts_with("pub use ");
        if !code.is_empty() && !is_import {
            lines.push((at + 1, line.trim()));
        }
        is_import &= !code.ends_with(';');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_of_six_lines_are_found_whatever_stands_between_them() {
        let line = |at: u8| format!("    let the_name_of_line_{at} = compute({at});\n");
        let seven: String = (1..=7).map(line).collect();
        let spaced = seven.replace('\n', "\n\n    // Why.\n");
        let five: String = (1..=5).map(line).collect();
        let sources = [
            SourceFile::new("a.rs", format!("fn a() {{\n{seven}}}\n")),
            SourceFile::new(
                "b.rs",
                format!("use c::{{\n    D,\n}};\nfn b() {{\n{spaced}}}\n"),
            ),
            SourceFile::new("c.rs", format!("fn c() {{\n{five}}}\n")),
            SourceFile::new("d.rs", format!("#[cfg(test)]\nmod tests {{\n{seven}}}\n")),
        ];
        let twins = find(&sources);
        assert_eq!(twins.windows, 3, "lines 1 to 6, 2 to 7, and 3 to the brace");
        assert_eq!(twins.passages, ["a.rs:2 = b.rs:5"]);
    }
}

//! Type names that are defined in several files, so that a search finds all of them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use syn::Item;

use crate::tidy::source::SourceFile;
use crate::tidy::statements::is_for_tests;

/// Number of files from which a name counts as shared.
const FILES_MIN: usize = 4;

/// Returns the names of types, traits and aliases that are defined in four files or more, with the
/// files; the most frequent first.
pub(super) fn shared(sources: &[SourceFile]) -> Result<Vec<(String, Vec<String>)>> {
    let mut files = BTreeMap::<String, Vec<String>>::new();
    for source in sources {
        let file =
            syn::parse_file(&source.text).with_context(|| format!("parse {}", source.path))?;
        let mut names = Vec::new();
        defined(&file.items, &mut names);
        names.sort();
        names.dedup();
        for name in names {
            files.entry(name).or_default().push(source.path.clone());
        }
    }
    let mut shared: Vec<_> = files
        .into_iter()
        .filter(|(_, files)| files.len() >= FILES_MIN)
        .collect();
    shared.sort_by_key(|(_, files)| std::cmp::Reverse(files.len()));
    Ok(shared)
}

/// Collects the names that modules define; types inside functions are local and do not count.
fn defined(items: &[Item], names: &mut Vec<String>) {
    for item in items {
        let (attributes, name) = match item {
            Item::Struct(item) => (&item.attrs, &item.ident),
            Item::Enum(item) => (&item.attrs, &item.ident),
            Item::Union(item) => (&item.attrs, &item.ident),
            Item::Trait(item) => (&item.attrs, &item.ident),
            Item::Type(item) => (&item.attrs, &item.ident),
            Item::Mod(module) if !is_for_tests(&module.attrs) => {
                let inside = module.content.as_ref().map(|(_, items)| items);
                defined(inside.map_or(&[], Vec::as_slice), names);
                continue;
            }
            _ => continue,
        };
        if !is_for_tests(attributes) {
            names.push(name.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_four_files_is_shared() {
        let texts = [
            "struct Change; enum Seen {}",
            "mod inner { pub(crate) type Change = u8; }",
            "trait Change {} #[cfg(test)] mod tests { struct Seen; }",
            "union Change { a: u8 } fn f() { struct Seen; }",
            "fn g() {}",
        ];
        let sources: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| SourceFile::new(&format!("{at}.rs"), (*text).to_owned()))
            .collect();
        let files = ["0.rs", "1.rs", "2.rs", "3.rs"].map(str::to_owned).to_vec();
        assert_eq!(shared(&sources).unwrap(), [("Change".to_owned(), files)]);
    }
}

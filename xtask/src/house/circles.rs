//! Files of one crate that depend on each other in a circle.
//!
//! A file depends on another if it imports from it or names a path into it, if it has methods of a
//! type defined there, or if it calls a method on `self` defined there. Re-exports are followed to
//! the definition and create no dependency themselves.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};

use super::module::{Module, Segments};
use crate::tidy::source::SourceFile;

/// Longest chain of re-exports followed.
const EXPORTS_MAX: usize = 8;

/// Returns each circle with its crate and files.
pub(super) fn find(sources: &[SourceFile]) -> Result<Vec<String>> {
    let mut crates = BTreeMap::<&str, CrateFiles>::new();
    for source in sources {
        // Outside `src` there are only build scripts and examples.
        let Some((room, file)) = source.path.split_once("/src/") else {
            continue;
        };
        let module =
            Module::read(&source.text).with_context(|| format!("parse {}", source.path))?;
        let files = crates.entry(room).or_default();
        files.0.insert(module_path(file), (file.to_owned(), module));
    }
    let circles = crates.iter().flat_map(|(room, files)| {
        let circles = components(&files.edges()).into_iter();
        circles.map(move |files| format!("{room}: {}", files.join(", ")))
    });
    Ok(circles.collect())
}

/// The files of a crate by module path.
#[derive(Default)]
struct CrateFiles(BTreeMap<Segments, (String, Module)>);

impl CrateFiles {
    /// Returns for each file the files it depends on.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges = BTreeMap::<&str, BTreeSet<&str>>::new();
        for (at, (file, module)) in &self.0 {
            let needed = edges.entry(file).or_default();
            for path in &module.paths {
                let found = self.follow(at, path, EXPORTS_MAX);
                needed.extend(found.map(|found| &*self.0[&found].0));
            }
            for (of, method) in &module.calls {
                needed.extend(self.holder(at, module, of, method));
            }
            needed.remove(&**file);
        }
        edges
    }

    /// Returns the other file that has a method of a type; nothing if the method is in this file or
    /// not ours.
    fn holder(&self, at: &Segments, module: &Module, of: &str, method: &str) -> Option<&str> {
        let wanted = (of.to_owned(), method.to_owned());
        if module.methods.contains(&wanted) {
            return None;
        }
        let home = self.home(at, module, of)?;
        let mut others = self.0.iter().filter(|(other, (_, module))| {
            module.methods.contains(&wanted) && self.home(other, module, of).as_ref() == Some(&home)
        });
        others.next().map(|(_, (file, _))| &**file)
    }

    /// Returns the module that defines the type that a file knows by a name.
    fn home(&self, at: &Segments, module: &Module, name: &str) -> Option<Segments> {
        if module.defined.contains(name) {
            return Some(at.clone());
        }
        let path = module
            .imports
            .get(name)
            .or_else(|| module.exports.get(name))?;
        self.follow(at, path, EXPORTS_MAX)
    }

    /// Returns the module that a path leads to from a module; nothing if it leads out of the crate.
    fn follow(&self, from: &Segments, path: &[String], exports: usize) -> Option<Segments> {
        let mut at = from.clone();
        let mut rest = path;
        let mut is_inside = false;
        while let [first, others @ ..] = rest {
            match first.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => _ = at.pop()?,
                _ => break,
            }
            (is_inside, rest) = (true, others);
        }
        for (index, name) in rest.iter().enumerate() {
            let mut below = at.clone();
            below.push(name.clone());
            if self.0.contains_key(&below) {
                (at, is_inside) = (below, true);
                continue;
            }
            if !is_inside {
                return None;
            }
            let rest = &rest[index..];
            return Some(self.exported(&at, rest, exports).unwrap_or(at));
        }
        is_inside.then_some(at).filter(|at| self.0.contains_key(at))
    }

    /// Follows a name that a module re-exports.
    fn exported(&self, at: &Segments, rest: &[String], exports: usize) -> Option<Segments> {
        let exports = exports.checked_sub(1)?;
        let module = &self.0.get(at)?.1;
        let name = rest.first()?;
        if module.defined.contains(name) {
            return None;
        }
        // What a child imports from its parent may itself be an import there.
        let known = module
            .exports
            .get(name)
            .or_else(|| module.imports.get(name));
        if let Some(target) = known {
            let path: Segments = target.iter().chain(&rest[1..]).cloned().collect();
            return self.follow(at, &path, exports);
        }
        let stars = module.stars.iter().filter_map(|star| {
            let home = self.follow(at, star, exports)?;
            let holds = self.0[&home].1.defined.contains(name);
            holds.then_some(home)
        });
        stars.into_iter().next()
    }
}

/// Returns the path of a file's module: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module_path(file: &str) -> Segments {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let mut segments: Segments = path.split('/').map(str::to_owned).collect();
    let is_root = segments.len() == 1 && matches!(path, "lib" | "main");
    if is_root || path.ends_with("/mod") {
        segments.pop();
    }
    segments
}

/// Returns the strongly connected components of two or more.
fn components<'e>(edges: &BTreeMap<&'e str, BTreeSet<&'e str>>) -> Vec<Vec<&'e str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges
        .keys()
        .map(|file| (*file, reach(edges, file)))
        .collect();
    let mut grouped = BTreeSet::new();
    let mut groups = Vec::new();
    for file in edges.keys() {
        let together =
            |other: &&&str| reached[*file].contains(**other) && reached[**other].contains(*file);
        let group: Vec<&str> = edges.keys().filter(together).copied().collect();
        if group.len() > 1 && grouped.insert(group.clone()) {
            groups.push(group);
        }
    }
    groups
}

fn reach<'e>(edges: &BTreeMap<&'e str, BTreeSet<&'e str>>, from: &str) -> BTreeSet<&'e str> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<&str> = edges[from].iter().copied().collect();
    while let Some(file) = left.pop() {
        if reached.insert(file) {
            left.extend(edges.get(file).into_iter().flatten());
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<_> = files
            .iter()
            .map(|(file, text)| {
                SourceFile::new(&format!("crates/x/y/src/{file}"), (*text).to_owned())
            })
            .collect();
        find(&sources).unwrap()
    }

    #[test]
    fn imports_and_paths_tie_files() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B; pub(crate) struct A;"),
            ("b.rs", "pub(crate) struct B; fn f() { super::a::g() }"),
            ("c.rs", "use crate::{a::A, b::B};"),
        ];
        assert_eq!(circles(&files), ["crates/x/y: a.rs, b.rs"]);
    }

    #[test]
    fn a_re_export_leads_to_the_definition_and_ties_nothing() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("a.rs", "use crate::B; pub struct A;"),
            ("b.rs", "pub struct B;"),
        ];
        assert_eq!(circles(&files), [""; 0]);
    }

    #[test]
    fn methods_of_one_type_in_several_files_tie_them() {
        let files = |middle: &str| {
            let a = "pub struct Doer; impl Doer { fn start(&self) { self.middle() } }";
            let b =
                format!("use crate::a::Doer; impl Doer {{ pub fn middle(&self) {{ {middle} }} }}");
            let c = "use crate::a::Doer; impl Doer { pub fn end(&self) {} }";
            circles(&[
                ("lib.rs", "mod a; mod b; mod c;"),
                ("a.rs", a),
                ("b.rs", &b),
                ("c.rs", c),
            ])
        };
        assert_eq!(files(""), ["crates/x/y: a.rs, b.rs"]);
        assert_eq!(files("self.end()"), ["crates/x/y: a.rs, b.rs, c.rs"]);
        assert_eq!(
            files("println!(\"{}\", self.end())"),
            ["crates/x/y: a.rs, b.rs, c.rs"]
        );
    }

    #[test]
    fn parent_and_child_may_be_a_circle() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; pub(crate) struct A; fn f() { b::g() }"),
            ("a/b.rs", "use super::A;"),
        ];
        assert_eq!(circles(&files), ["crates/x/y: a.rs, a/b.rs"]);
    }
}

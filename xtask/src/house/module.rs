//! [`Module`]: what one file of a crate defines, re-exports and refers to.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Item, UseTree};

use crate::tidy::statements::is_for_tests;

/// A path as written, in segments.
pub(super) type Segments = Vec<String>;

/// What one file defines, re-exports and refers to. Test items are left out.
#[derive(Default)]
pub(super) struct Module {
    /// Re-exports (`pub use`) by their public name.
    pub(super) exports: BTreeMap<String, Segments>,
    /// Re-exports with a star.
    pub(super) stars: Vec<Segments>,
    /// Imports by their local name.
    pub(super) imports: BTreeMap<String, Segments>,
    /// Paths that are used in the code or imported.
    pub(super) paths: BTreeSet<Segments>,
    /// Types and functions defined here.
    pub(super) defined: BTreeSet<String>,
    /// Methods by the type of their `impl`.
    pub(super) methods: BTreeSet<(String, String)>,
    /// Methods called on `self` or `Self`, by the type of the calling `impl`.
    pub(super) calls: BTreeSet<(String, String)>,
    /// The type whose `impl` is being read.
    implemented: Option<String>,
}

impl Module {
    /// Reads a file.
    ///
    /// # Errors
    /// The text is not valid Rust.
    pub(super) fn read(text: &str) -> syn::Result<Self> {
        let mut module = Self::default();
        module.visit_file(&syn::parse_file(text)?);
        Ok(module)
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_export: bool) {
        let mut path = before.to_vec();
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                self.import(&tree.tree, &path, is_export);
            }
            UseTree::Group(tree) => {
                for tree in &tree.items {
                    self.import(tree, before, is_export);
                }
            }
            UseTree::Glob(_) if is_export => self.stars.push(path),
            UseTree::Glob(_) => _ = self.paths.insert(path),
            UseTree::Name(tree) => {
                let name = tree.ident.to_string();
                if name != "self" {
                    path.push(name);
                }
                self.import_as(path.last().cloned().unwrap_or_default(), path, is_export);
            }
            UseTree::Rename(tree) => {
                if tree.ident != "self" {
                    path.push(tree.ident.to_string());
                }
                self.import_as(tree.rename.to_string(), path, is_export);
            }
        }
    }

    fn import_as(&mut self, name: String, path: Segments, is_export: bool) {
        if is_export {
            self.exports.insert(name, path);
        } else {
            self.paths.insert(path.clone());
            self.imports.insert(name, path);
        }
    }

    /// Reads the contents of a macro call, which is not parsed: paths, and calls on `self`.
    fn read_tokens(&mut self, tokens: &str) {
        let words: Vec<&str> = tokens
            .split(|sign: char| sign.is_whitespace())
            .flat_map(|word| split_signs(word))
            .collect();
        let mut at = 0;

        while at < words.len() {
            let mut path = vec![words[at].to_owned()];
            let start = at;
            while words.get(at + 1) == Some(&"::") && words.get(at + 2).is_some_and(is_word) {
                path.push(words[at + 2].to_owned());
                at += 2;
            }
            if path.len() > 1 {
                self.refer(path);
            }
            if let ["self", ".", method, "(", ..] = words[start..] {
                self.call(method);
            }
            at += 1;
        }
    }

    fn refer(&mut self, path: Segments) {
        if let ["Self", method] = &*path.iter().map(String::as_str).collect::<Vec<_>>() {
            self.call(method);
        } else {
            self.paths.insert(path);
        }
    }

    fn call(&mut self, method: &str) {
        if let Some(of) = &self.implemented {
            self.calls.insert((of.clone(), method.to_owned()));
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Const(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Trait(item) => &item.attrs,
            Item::Type(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };

        if is_for_tests(attributes) {
            return;
        }

        let defined = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        self.defined.extend(defined.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_export = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, &[], is_export);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let of = match &*item.self_ty {
            syn::Type::Path(of) => of.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        if let Some(of) = &of {
            for inside in &item.items {
                if let syn::ImplItem::Fn(method) = inside {
                    self.methods
                        .insert((of.clone(), method.sig.ident.to_string()));
                }
            }
        }
        let outer = std::mem::replace(&mut self.implemented, of);
        visit::visit_item_impl(self, item);
        self.implemented = outer;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 && path.leading_colon.is_none() {
            let segments = path.segments.iter();
            self.refer(segments.map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if matches!(&*call.receiver, syn::Expr::Path(receiver) if receiver.path.is_ident("self")) {
            self.call(&call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.read_tokens(&call.tokens.to_string());
        visit::visit_macro(self, call);
    }
}

/// Splits characters into names, `::`, and single characters.
fn split_signs(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let name = rest
            .find(|sign: char| !(sign.is_alphanumeric() || sign == '_'))
            .unwrap_or(rest.len());
        let length = match name {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            name => name,
        };
        parts.push(&rest[..length]);
        rest = &rest[length..];
    }
    parts
}

fn is_word(word: &&str) -> bool {
    word.starts_with(|sign: char| sign.is_alphabetic() || sign == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Segments {
        text.split("::").map(str::to_owned).collect()
    }

    #[test]
    fn imports_paths_and_calls_are_read_also_from_macros() {
        let module = Module::read(
            "use crate::a::{self, B as C}; pub use child::D; pub(crate) use other::*;
             struct E;
             impl E {
                 fn f(&self) { self.g(); Self::h(); println!(\"{}\", self.i(super::k::l())); }
             }
             #[cfg(test)]
             mod tests { use crate::unseen; }",
        )
        .unwrap();
        for expected in ["crate::a", "crate::a::B", "super::k::l"] {
            assert!(module.paths.contains(&path(expected)), "{expected}");
        }
        assert!(!module.paths.contains(&path("crate::unseen")));
        assert_eq!(module.imports["C"], path("crate::a::B"));
        assert_eq!(module.exports["D"], path("child::D"));
        assert_eq!(module.stars, [path("other")]);
        let of = |method: &str| ("E".to_owned(), method.to_owned());
        assert_eq!(module.calls, BTreeSet::from([of("g"), of("h"), of("i")]));
        assert_eq!(module.methods, BTreeSet::from([of("f")]));
    }
}

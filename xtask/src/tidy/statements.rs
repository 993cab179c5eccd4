//! Counts the statements of functions.

use syn::visit::{self, Visit};

/// Returns name and number of statements of each function that has a body and is not for tests.
///
/// Every statement counts, at any depth of blocks and closures, and so does every arm of a match.
/// Nested functions are counted separately.
///
/// # Errors
/// The text is not valid Rust.
pub(crate) fn functions(text: &str) -> syn::Result<Vec<(String, usize)>> {
    let mut found = Functions(Vec::new());
    found.visit_file(&syn::parse_file(text)?);
    Ok(found.0)
}

struct Functions(Vec<(String, usize)>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let mut statements = Statements(0);
        statements.visit_block(body);
        self.0.push((signature.ident.to_string(), statements.0));
        self.visit_block(body);
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_for_tests(&function.attrs) {
            self.add(&function.sig, &function.block);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            self.add(&function.sig, &function.block);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
    }
}

struct Statements(usize);

impl<'ast> Visit<'ast> for Statements {
    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        if !matches!(statement, syn::Stmt::Item(_)) {
            self.0 += 1;
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.0 += 1;
        visit::visit_arm(self, arm);
    }
}

/// Returns whether an item with these attributes is compiled for tests only.
pub(crate) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string().contains("test")
        }
        meta => meta.path().is_ident("test"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_closures_and_arms_count_and_inner_functions_do_not() {
        let text = "
            trait T { fn declared(&self); fn given(&self) { call() } }
            fn outer() {
                // A comment, and a blank line.

                fn inner() { one(); two(); }
                let add = |x| { let y = x; y };
                match add(1) { 1 => {} 2 => call(), _ => { call(); } }
            }
            #[cfg(test)]
            mod tests { fn long() { one(); two(); } }";
        let found = functions(text).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(name, statements)| (&**name, *statements))
            .collect();
        assert_eq!(found, [("given", 1), ("outer", 8), ("inner", 2)]);
    }
}

//! [`Options`]: how a folder is built.

use crate::input::source::Restrictions;
use crate::object::order::Order;

/// How a folder is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Which files a kustomization may name.
    pub restrictions: Restrictions,
    /// The order of the objects, unless the outermost kustomization says one.
    pub order: Order,
    /// Every object gets a label that says who made it.
    pub managed_by: bool,
    /// Whose answer to give.
    pub compat: Compat,
    /// Lists in objects of custom kinds merge as the custom resource definitions among the objects of a kustomization
    /// and its bases say (`x-kubernetes-list-type` and `-map-keys`); without it a patch replaces them, as in kustomize.
    pub custom_lists: bool,
    /// Objects keep the comments of their files, for [`Built::write_commented`](crate::Built::write_commented).
    pub comments: bool,
}

/// Whose answer a build gives, to the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// That of kustomize 5.8.1.
    #[default]
    Kustomize5_8,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            restrictions: Restrictions::RootOnly,
            order: Order::Legacy,
            managed_by: false,
            compat: Compat::default(),
            custom_lists: false,
            comments: false,
        }
    }
}

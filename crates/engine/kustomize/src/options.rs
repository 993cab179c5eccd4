//! [`Options`]: options of a build.

use crate::input::source::Restrictions;
use crate::object::order::Order;

/// Options of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Which files a kustomization may name.
    pub restrictions: Restrictions,
    /// The order of the objects, unless the outermost kustomization sets one.
    pub order: Order,
    /// Whether every object gets a label about its origin.
    pub managed_by: bool,
    /// Which implementation to match.
    pub compat: Compat,
    /// Whether lists in custom resources merge as the definitions in the same kustomization and its
    /// bases say (`x-kubernetes-list-type` and `-map-keys`); otherwise a patch replaces them, as in
    /// kustomize.
    pub custom_lists: bool,
    /// Whether objects keep the comments of their files, for
    /// [`Built::write_commented`](crate::Built::write_commented).
    pub comments: bool,
}

/// The implementation that a build matches to the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// kustomize 5.8.1.
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

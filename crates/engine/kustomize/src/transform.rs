//! Changes to objects, one file each.

pub(crate) mod change;
pub(crate) mod images;
pub(crate) mod labels;
pub(crate) mod namespace;
pub(crate) mod references;
pub(crate) mod rename;
pub(crate) mod replacement;
pub(crate) mod replicas;
pub(crate) mod value_add;
pub(crate) mod vars;

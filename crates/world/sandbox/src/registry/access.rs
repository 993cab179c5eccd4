//! [`RegistryAccess`]: who may use a registry.

/// The name that opens a registry which is not open to all.
pub const REGISTRY_USER: &str = "git";
/// The password that opens it.
pub const REGISTRY_PASSWORD: &str = "secret";

/// Who may use a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegistryAccess {
    /// Everybody.
    #[default]
    Open,
    /// Whoever sends [`REGISTRY_USER`] and [`REGISTRY_PASSWORD`].
    Basic,
    /// Whoever sends a token, which the registry's own service gives to everybody; repositories below `private/` only
    /// with one for the name and password.
    Token,
}

//! Private keys and certificates, as Go's `crypto` packages make them.
//!
//! Keys come from the randomness of the environment, so that the same bytes give the same keys.
//! Signatures are made by aws-lc; those with ECDSA hold a number that it draws itself.

pub(crate) mod certificate;
pub(crate) mod key;
mod modulus;
pub(crate) mod pem;
mod prime;

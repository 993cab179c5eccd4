//! Names that a release can have.

/// A name that a release cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Empty.
    #[error("release name \"\": no name provided")]
    Empty,
    /// Too long, or not a DNS name.
    #[error(
        "release name {0:?}: invalid release name, must match regex {PATTERN} and the length must not be longer than {NAME_MAX}"
    )]
    Form(String),
}

/// How Helm describes a valid name.
const PATTERN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// Longest name: objects have names that begin with it.
const NAME_MAX: usize = 53;

/// Checks the name of a release.
///
/// # Errors
/// No release can have it.
pub fn validate_name(name: &str) -> Result<(), InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if name.len() > NAME_MAX || !name.split('.').all(is_label) {
        return Err(InvalidName::Form(name.to_owned()));
    }
    Ok(())
}

fn is_label(label: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_inner = |byte: u8| is_letter(byte) || byte == b'-';
    let ends = [label.bytes().next(), label.bytes().next_back()];
    ends.into_iter().all(|byte| byte.is_some_and(is_letter)) && label.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_names() {
        let longest = "a".repeat(NAME_MAX);
        for name in ["web", "web-1", "a.b", "1", &longest] {
            assert_eq!(validate_name(name), Ok(()), "{name}");
        }
        let longer = "a".repeat(NAME_MAX + 1);
        for name in ["", "-a", "a-", "A", "a..b", ".a", "a_b", "a b", &longer] {
            assert!(validate_name(name).is_err(), "{name}");
        }
    }
}

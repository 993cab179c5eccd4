//! Random values that must be unique or secret: uids, suffixes of generated names, tokens.

use uuid::Uuid;

/// Returns a new uid.
pub(crate) fn uid() -> String {
    Uuid::new_v4().to_string()
}

/// Returns a name with a prefix, which is cut if the name would be too long.
pub(crate) fn name(prefix: &str) -> String {
    let cut = prefix
        .char_indices()
        .nth(PREFIX_MAX)
        .map_or(prefix, |(at, _)| &prefix[..at]);
    let random = Uuid::new_v4();
    let sign = |byte: &u8| char::from(SIGNS[usize::from(*byte) % SIGNS.len()]);
    cut.chars()
        .chain(random.as_bytes()[..LENGTH].iter().map(sign))
        .collect()
}

/// Returns a secret: 244 random bits.
pub(crate) fn token() -> String {
    [Uuid::new_v4(), Uuid::new_v4()]
        .map(|part| part.simple().to_string())
        .concat()
}

/// Without vowels, so that no words appear, and without characters that look alike.
const SIGNS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Length of the random suffix.
const LENGTH: usize = 5;
/// Longest prefix: what is left of 63 characters.
const PREFIX_MAX: usize = 58;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_prefix_and_five_signs() {
        let name = name("web-");
        assert_eq!((name.len(), &name[..4]), (9, "web-"));
        assert!(
            name[4..].bytes().all(|byte| SIGNS.contains(&byte)),
            "{name}"
        );
        assert_eq!(super::name(&"x".repeat(80)).len(), 63);
        assert_ne!(uid(), uid());
        assert_eq!(token().len(), 64);
    }
}

//! What must not be guessed or met twice: uids, the ends of generated names, tokens.

use uuid::Uuid;

/// Returns a uid.
pub(crate) fn uid() -> String {
    Uuid::new_v4().to_string()
}

/// Returns a name that begins with a prefix, which is cut where the name would be too long.
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

/// No vowels, so no words; no signs that look like others.
const SIGNS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Signs that are added to a prefix.
const LENGTH: usize = 5;
/// What is left of 63 signs.
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

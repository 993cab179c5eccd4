//! The forms in which a secret may appear, because programs quote values in different ways.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Characters of the secret in a row that count as a leak.
const SLICE: usize = 12;

/// Returns the part of a text that is a form of the secret: verbatim, a slice, in another case,
/// with other separators, escaped or encoded.
pub(crate) fn found_in(secret: &str, text: &str) -> Option<String> {
    let plain = bare(text);
    let bare_secret = bare(secret);
    let slices =
        (0..=bare_secret.len().saturating_sub(SLICE)).map(|at| &bare_secret[at..at + SLICE]);
    let mut forms = slices.filter(|slice| plain.contains(slice));
    if let Some(slice) = forms.next() {
        return Some(slice.to_owned());
    }
    // Depending on what precedes the secret, the middle of its base64 has one of three forms.
    for lead in ["", "x", "xx"] {
        let encoded = STANDARD_NO_PAD.encode(format!("{lead}{secret}"));
        let middle = &encoded[4..encoded.len().saturating_sub(4)];
        if text.contains(middle) {
            return Some(middle.to_owned());
        }
    }
    let upper = [
        STANDARD.encode(secret.to_uppercase()),
        URL_SAFE_NO_PAD.encode(secret),
    ];
    upper.into_iter().find(|form| text.contains(&**form))
}

/// Returns only the letters and digits of a text, in lower case, without quotes, escapes and
/// separators.
fn bare(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escape = [("%", 2), ("\\u", 4)]
            .into_iter()
            .find_map(|(sign, digits)| {
                let code = rest.strip_prefix(sign)?.get(..digits)?;
                code.bytes()
                    .all(|byte| byte.is_ascii_hexdigit())
                    .then_some(sign.len() + digits)
            });
        if escape.is_none() && c.is_ascii_alphanumeric() {
            plain.push(c.to_ascii_lowercase());
        }
        rest = &rest[escape.unwrap_or(c.len_utf8())..];
    }
    plain
}

#[test]
fn every_form_is_found() {
    let secret = "canary-7f3a91c5e2d8-must-not-be-told";
    for text in [
        secret.to_owned(),
        format!("\"{secret}\""),
        secret.to_uppercase(),
        secret.replace('-', "_"),
        secret[3..20].to_owned(),
        STANDARD.encode(secret),
        STANDARD.encode(format!("password={secret}")),
        STANDARD.encode(secret.to_uppercase()),
        secret.replace('-', "%2D"),
        secret.replace('-', "\\u002d"),
    ] {
        assert!(found_in(secret, &text).is_some(), "{text}");
    }
    assert_eq!(found_in(secret, "e2e-x: the canary of must and not"), None);
}

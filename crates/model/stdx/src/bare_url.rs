//! [`bare_url()`]: a URL without its secrets.

use std::borrow::Cow;

/// Replaces a query that is left out.
const QUERY_LEFT_OUT: &str = "?***";

/// Returns a URL, or a malformed one, without user, password, query and fragment, each of which may
/// hold a token. A malformed URL is treated in the same way, so that a typo reveals nothing either.
///
/// ```
/// use lode_stdx::bare_url;
///
/// assert_eq!(bare_url("https://user:password@host/a.git?token=t"), "https://host/a.git?***");
/// assert_eq!(bare_url("https://host/a.git"), "https://host/a.git");
/// ```
#[must_use]
pub fn bare_url(text: &str) -> Cow<'_, str> {
    let (rest, fragment) = text
        .split_once('#')
        .map_or((text, false), |(rest, _)| (rest, true));
    let (rest, has_query) = rest
        .split_once('?')
        .map_or((rest, false), |(rest, _)| (rest, true));
    let (scheme, address) = match rest.find("//") {
        // `host//folder` has no scheme, nor does a text that begins with a user.
        Some(at) if at == 0 || rest[..at].ends_with(':') => rest.split_at(at + 2),
        _ => ("", rest),
    };
    let host = user_end(address, !scheme.is_empty()).map_or(address, |end| &address[end..]);
    if host.len() == address.len() && !has_query && !fragment {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!(
        "{scheme}{host}{}",
        if has_query { QUERY_LEFT_OUT } else { "" }
    ))
}

/// Returns where user and password end in the part after a scheme; nothing if there are none.
fn user_end(address: &str, has_scheme: bool) -> Option<usize> {
    let (authority, _) = address.split_at(address.find(['/', '\\']).unwrap_or(address.len()));
    if let Some(at) = authority.rfind('@') {
        // A user without a password, as in `git@host:path`, is not a secret.
        return (has_scheme || authority[..at].contains(':')).then_some(at + 1);
    }
    // What is not a valid port is part of a password with an unescaped separator.
    let (_, port) = authority.split_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    address.rfind('@').filter(|_| !is_port).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_that_may_hold_a_token_is_told() {
        for (text, told) in [
            ("https://secret@host/a", "https://host/a"),
            ("https://u:secret@host:8443/a", "https://host:8443/a"),
            ("https://u:secret@with@host/a", "https://host/a"),
            ("https://u:secret/part@host/a", "https://host/a"),
            (
                "git::https://u:secret@host/a.git//b?ref=v1",
                "git::https://host/a.git//b?***",
            ),
            ("HTTPS://u:secret@host", "HTTPS://host"),
            ("u:secret@host/a", "host/a"),
            ("//u:secret@host/a", "//host/a"),
            ("https://host/a?private_token=secret", "https://host/a?***"),
            ("https://host/a?b#secret", "https://host/a?***"),
            ("https://host/a#secret?secret", "https://host/a"),
            ("host.com/a/b?token=secret", "host.com/a/b?***"),
        ] {
            assert_eq!(bare_url(text), told, "{text}");
        }
    }

    #[test]
    fn what_holds_none_stays_as_it_is() {
        for text in [
            "",
            "https://host/a.git",
            "git@host:o/r",
            "github.com/o/r//p",
            "../base",
            "ssh://host/a",
            "https://host:80/a@b",
            "https://host/a@b:c",
            "a.yaml",
        ] {
            assert_eq!(bare_url(text), text);
        }
        assert_eq!(bare_url("ssh://git@host/a"), "ssh://host/a");
    }
}

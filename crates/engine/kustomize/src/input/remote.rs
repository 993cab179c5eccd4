//! Which entries of `resources` and `components` are remote.

/// Returns whether a text is remote, whatever the source contains.
pub(crate) fn is_remote(text: &str) -> bool {
    let has_scheme = [
        "https://", "http://", "ssh://", "file://", "git::", "git@", "gh:",
    ]
    .iter()
    .any(|scheme| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    has_scheme || text.contains("://") || text.starts_with("github.com/") || is_scp(text)
}

/// Returns whether a text that is not in the source looks like `host/owner/repository`.
pub(crate) fn looks_remote(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    (host.contains('.') && !host.starts_with('.') && text.split('/').count() > 2)
        || text.contains("?ref=")
}

/// `user@host:path`
fn is_scp(text: &str) -> bool {
    let Some((user, rest)) = text.split_once('@') else {
        return false;
    };
    let is_word = |word: &str| !word.is_empty() && !word.contains('/');
    is_word(user) && rest.split_once(':').is_some_and(|(host, _)| is_word(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_is_told_from_local() {
        for text in [
            "https://h/o/r",
            "git@h:o/r",
            "github.com/o/r",
            "ssh://git@h/o/r",
            "user@h:o/r?ref=v1",
        ] {
            assert!(is_remote(text), "{text}");
        }
        for text in ["../base", "base", "a.yaml", "a@b/c:d"] {
            assert!(!is_remote(text) && !looks_remote(text), "{text}");
        }
        assert!(looks_remote("gitlab.com/o/r") && !is_remote("gitlab.com/o/r"));
    }
}

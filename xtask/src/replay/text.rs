//! Splits texts into what two servers must say alike and what each chooses: uids, times, addresses,
//! tokens.

use std::sync::LazyLock;

use regex::Regex;

/// What kind of text a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sort {
    /// Plain text.
    Text,
    /// A uid: different on another server, but consistent wherever it is repeated.
    Uid,
    /// A time.
    Time,
    /// A cluster IP, chosen by the server: different on another server, but consistent wherever it
    /// is repeated.
    Address,
    /// A resource version.
    Version,
    /// The name of an object, if the server chose it.
    Name,
    /// The resource version of a list: that of the whole store.
    List,
    /// An `ETag`.
    Tag,
    /// The URL of an `OpenAPI` document.
    Url,
    /// A continue token.
    Continue,
    /// A signed token, a date, a port, the server's own address: anything of the same form matches.
    Anything,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'t> {
    pub(crate) sort: Sort,
    pub(crate) text: &'t str,
}

/// Groups of the expression, by number.
const GROUPS: [Sort; 5] = [
    Sort::Text,
    Sort::Uid,
    Sort::Time,
    Sort::Address,
    Sort::Anything,
];

#[expect(
    clippy::expect_used,
    reason = "the expressions are constants, and tests read them"
)]
static PARTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
        r"|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)",
        r"|(\b10\.\d{1,3}\.\d{1,3}\.\d{1,3}\b)",
        r#"|(eyJ[\w-]+\.[\w-]+\.[\w-]+|\b\d{4}-\d\d-\d\d\b|127\.0\.0\.1:\d+|\bcurrent: \d+|\b(?:precondition|record) \(\d+\)|resourceVersion\\*"?: ?\\*"\d+|scheme "[\w/]+\.go:\d+"|:3[0-2]\d{3}/|kube-api-access-[a-z0-9]{5}|last sync: [0-9.]+)"#,
    ))
    .expect("a valid expression")
});

#[expect(
    clippy::expect_used,
    reason = "the expression is a constant, and tests read it"
)]
static AGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\d+(?:ms|[smhdy]))+(?: ago)?$|^<(?:unknown|invalid)>$")
        .expect("a valid expression")
});

/// Splits a text.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let (mut parts, mut done) = (Vec::new(), 0);
    for captures in PARTS.captures_iter(text) {
        let found = (1..GROUPS.len())
            .find_map(|group| captures.get(group).map(|found| (GROUPS[group], found)));
        let Some((sort, found)) = found else { continue };
        parts.push(Part {
            sort: Sort::Text,
            text: &text[done..found.start()],
        });
        parts.push(Part {
            sort,
            text: found.as_str(),
        });
        done = found.end();
    }

    parts.push(Part {
        sort: Sort::Text,
        text: &text[done..],
    });
    parts
}

/// Returns whether a table cell shows an age.
pub(crate) fn is_age(text: &str) -> bool {
    AGE.is_match(text)
}

/// Returns whether two texts contain the same pieces in another order, because causes, conflicts
/// and lists come in any order.
pub(crate) fn are_shuffled(left: &str, right: &str) -> bool {
    let pieces = |text: &str| {
        let mut pieces: Vec<String> = text
            .split([',', '\n', '[', ']'])
            .map(|piece| piece.trim().to_owned())
            .filter(|piece| !piece.is_empty())
            .collect();
        pieces.sort();
        pieces
    };
    pieces(left) == pieces(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorts(text: &str) -> Vec<Sort> {
        parts(text)
            .iter()
            .map(|part| part.sort)
            .filter(|sort| *sort != Sort::Text)
            .collect()
    }

    #[test]
    fn what_a_server_chooses_is_told_apart() {
        assert_eq!(
            sorts("uid 6ba7b810-9dad-11d1-80b4-00c04fd430c8 gone"),
            [Sort::Uid]
        );
        assert_eq!(
            sorts("2026-11-20T20:24:12Z and 2026-11-20T20:24:12.000001Z"),
            [Sort::Time, Sort::Time]
        );
        assert_eq!(sorts("10.96.0.10"), [Sort::Address]);
        assert_eq!(
            sorts("Too large resource version: 9, current: 8"),
            [Sort::Anything]
        );
        assert_eq!(
            sorts("in the precondition (474) and the record (476)"),
            [Sort::Anything, Sort::Anything]
        );
        assert_eq!(sorts("80:31234/TCP"), [Sort::Anything]);
        assert_eq!(sorts(r#"resourceVersion: "248""#), [Sort::Anything]);
        assert_eq!(
            sorts(r#"Invalid value: "{\"resourceVersion\":\"248\"}""#),
            [Sort::Anything]
        );
        assert_eq!(
            sorts(r#"registered in scheme "pkg/api/legacyscheme/scheme.go:30""#),
            [Sort::Anything]
        );
        assert_eq!(sorts("nginx:1.25 at port 8080"), []);
    }

    #[test]
    fn ages_are_ages_and_images_are_not() {
        assert!(is_age("100s") && is_age("5m24s") && is_age("<unknown>"));
        assert!(!is_age("1/6") && !is_age("5") && !is_age("nginx"));
    }

    #[test]
    fn order_of_pieces_does_not_matter() {
        assert!(are_shuffled("x: [a, b]", "x: [b, a]"));
        assert!(!are_shuffled("x: [a, b]", "x: [a, c]"));
    }
}

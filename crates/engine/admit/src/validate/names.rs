//! Spelling of names, labels and keys, in the words of Kubernetes
//! (`apimachinery/pkg/util/validation`).

/// A DNS label (RFC 1123).
pub(super) fn label(text: &str) -> Vec<String> {
    let mut wrong = length(text, LABEL_MAX);
    if !is_label(text) {
        // A subdomain is a label with dots.
        if text.split('.').count() > 1 && is_subdomain(text) {
            wrong.push("must not contain dots".to_owned());
        } else {
            wrong.push(LABEL.to_owned());
        }
    }
    wrong
}

/// A DNS subdomain (RFC 1123).
pub(super) fn subdomain(text: &str) -> Vec<String> {
    let mut wrong = length(text, SUBDOMAIN_MAX);
    if !is_subdomain(text) {
        wrong.push(SUBDOMAIN.to_owned());
    }
    wrong
}

/// A DNS subdomain prefixed with `*.`.
pub(super) fn wildcard(text: &str) -> Vec<String> {
    let mut wrong = length(text, SUBDOMAIN_MAX);
    if !text.strip_prefix("*.").is_some_and(is_subdomain) {
        wrong.push(WILDCARD.to_owned());
    }
    wrong
}

/// A path segment.
pub(super) fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|sign| text.contains(**sign))
        .map(|sign| format!("may not contain '{sign}'"))
        .collect()
}

/// A label key: a name, optionally after a host and a slash.
pub(super) fn qualified(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = match text.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        ["", name] => {
            wrong.push("prefix part must be non-empty".to_owned());
            name
        }
        [prefix, name] => {
            wrong.extend(
                subdomain(prefix)
                    .iter()
                    .map(|message| format!("prefix part {message}")),
            );
            name
        }
        _ => {
            let after = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {NAME} {after}")];
        }
    };

    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_MAX {
        wrong.push(format!("name part must be no more than {LABEL_MAX} bytes"));
    }

    if !is_name(name) {
        wrong.push(format!("name part {NAME}"));
    }
    wrong
}

/// A label value.
pub(super) fn label_value(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > LABEL_MAX {
        wrong.push(format!("must be no more than {LABEL_MAX} bytes"));
    }
    if !text.is_empty() && !is_name(text) {
        wrong.push(LABEL_VALUE.to_owned());
    }
    wrong
}

/// A key of a config map or secret.
pub(super) fn data_key(text: &str) -> Vec<String> {
    let mut wrong = length(text, SUBDOMAIN_MAX);
    if text.is_empty() || !text.bytes().all(is_name_byte) {
        wrong.push(DATA_KEY.to_owned());
    }
    if matches!(text, "." | "..") {
        wrong.push(format!("must not be '{text}'"));
    } else if text.starts_with("..") {
        wrong.push("must not start with '..'".to_owned());
    }
    wrong
}

/// The name of an environment variable.
pub(super) fn variable(text: &str) -> Vec<String> {
    let is_right = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    if text.bytes().all(is_right) {
        Vec::new()
    } else {
        vec![VARIABLE.to_owned()]
    }
}

/// The name of a port.
pub(super) fn port(text: &str) -> Vec<String> {
    let mut wrong = length(text, PORT_MAX);
    let is_right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let rules = [
        (
            text.is_empty() || !text.bytes().all(is_right),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            !text.bytes().any(|byte| byte.is_ascii_lowercase()),
            "must contain at least one letter (a-z)",
        ),
        (text.contains("--"), "must not contain consecutive hyphens"),
        (
            text.starts_with('-') || text.ends_with('-'),
            "must not begin or end with a hyphen",
        ),
    ];

    wrong.extend(
        rules
            .iter()
            .filter(|(broken, _)| *broken)
            .map(|(_, message)| (*message).to_owned()),
    );
    wrong
}

/// A trailing dash of a name prefix is ignored.
pub(super) fn masked(prefix: &str) -> String {
    match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => {
            let kept: String = rest.chars().take(rest.chars().count() - 1).collect();
            format!("{kept}a")
        }
        _ => prefix.to_owned(),
    }
}

fn length(text: &str, max: usize) -> Vec<String> {
    if text.len() > max {
        vec![format!("must be no more than {max} characters")]
    } else {
        Vec::new()
    }
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bounded(text, is_word, |byte| is_word(byte) || byte == b'-')
}

fn is_name(text: &str) -> bool {
    bounded(text, |byte| byte.is_ascii_alphanumeric(), is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Returns whether a text begins and ends with some characters and has others in between.
fn bounded(text: &str, ends: impl Fn(u8) -> bool, between: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|byte| ends(*byte))
        && bytes.last().is_some_and(|byte| ends(*byte))
        && bytes.iter().all(|byte| between(*byte))
}

const LABEL_MAX: usize = 63;
const SUBDOMAIN_MAX: usize = 253;
const PORT_MAX: usize = 15;
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
    consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. \
    '*.example.com', regex used for validation is \
    '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
    character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
    validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const DATA_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
    'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const VARIABLE: &str = "a valid environment variable name must consist only of printable ASCII characters other than '='";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_right_break_no_rule() {
        assert!(
            label("a-1").is_empty()
                && subdomain("a.b-c").is_empty()
                && wildcard("*.a.b").is_empty()
        );
        assert!(
            qualified("a.b/C_d").is_empty()
                && label_value("").is_empty()
                && data_key(".a_b").is_empty()
        );
        assert!(
            port("http-2").is_empty()
                && variable("A B").is_empty()
                && path_segment("a:b").is_empty()
        );
    }

    #[test]
    fn names_that_are_wrong_break_one() {
        assert_eq!(label("a.b"), ["must not contain dots"]);
        assert_eq!(label("A").len(), 1);
        assert_eq!(
            subdomain(&"a".repeat(254)),
            ["must be no more than 253 characters"]
        );
        assert_eq!(
            path_segment("a/b%"),
            ["may not contain '/'", "may not contain '%'"]
        );
        assert_eq!(qualified("/a"), ["prefix part must be non-empty"]);
        assert_eq!(qualified("").len(), 2);
        assert_eq!(
            port("a--b-"),
            [
                "must not contain consecutive hyphens",
                "must not begin or end with a hyphen"
            ]
        );
        assert_eq!(data_key("..x"), ["must not start with '..'"]);
        assert_eq!(variable("a=b").len(), 1);
    }

    #[test]
    fn a_prefix_may_end_with_a_dash() {
        assert!(subdomain(&masked("gen-")).is_empty());
        assert!(!subdomain(&masked("-")).is_empty());
    }
}

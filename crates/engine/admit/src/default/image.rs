//! The tag of an image, which determines its pull policy (the grammar of
//! `github.com/distribution/reference`).

/// Returns the default pull policy of an image: always if its tag is `latest` or it has neither tag
/// nor digest.
pub(super) fn pull_policy(image: &str) -> &'static str {
    if is_latest(image) {
        "Always"
    } else {
        "IfNotPresent"
    }
}

/// A malformed image has no tag.
fn is_latest(image: &str) -> bool {
    let (rest, digest) = image
        .split_once('@')
        .map_or((image, None), |(rest, digest)| (rest, Some(digest)));
    let slash = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest[slash..].find(':') {
        Some(at) => (&rest[..slash + at], Some(&rest[slash + at + 1..])),
        None => (rest, None),
    };
    is_name(name)
        && tag.is_none_or(is_tag)
        && (tag == Some("latest") || (tag.is_none() && digest.is_none()))
}

fn is_name(name: &str) -> bool {
    let path = match name.split_once('/') {
        Some((host, path)) if is_host(host) => path,
        _ => name,
    };
    path.split('/').all(is_component)
}

/// The first part is a host if it cannot be part of a path.
fn is_host(first: &str) -> bool {
    let host = first.rsplit_once(':').map_or(
        first,
        |(host, port)| if is_digits(port) { host } else { "" },
    );
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(is_host_char)
    };
    let marked = first.contains(['.', ':'])
        || first == "localhost"
        || first.chars().any(|c| c.is_ascii_uppercase());
    marked && host.split('.').all(is_label)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_host_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

/// Lower-case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_component(component: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = component
        .split(is_word)
        .filter(|separator| !separator.is_empty());
    component.starts_with(is_word)
        && component.ends_with(is_word)
        && separators
            .into_iter()
            .all(|of| matches!(of, "." | "_" | "__") || of.bytes().all(|b| b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= TAG_MAX
        && tag.starts_with(is_word)
        && tag.chars().all(|c| is_word(c) || matches!(c, '.' | '-'))
}

const TAG_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_image_is_always_pulled() {
        for image in [
            "nginx",
            "a/b",
            "localhost:5000/a",
            "r.io/a/b:latest",
            "REG/a",
            "a__b/c---d",
        ] {
            assert_eq!(pull_policy(image), "Always", "{image}");
        }
    }

    #[test]
    fn an_image_that_is_told_apart_or_none_is_not() {
        for image in [
            "nginx:1",
            "a@sha256:00",
            "r.io:80/a:1.2",
            "",
            "Nginx",
            "${IMAGE}",
            " a",
            "a:",
            "a//b",
            "a___b",
        ] {
            assert_eq!(pull_policy(image), "IfNotPresent", "{image}");
        }
    }
}

//! Paths with slashes, as Go's `path` treats them. Operators run where `path/filepath` does the
//! same.

/// Returns the shortest path with the same meaning.
pub(crate) fn clean(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return b".".to_vec();
    }

    let rooted = path.starts_with(b"/");
    let mut out = Vec::with_capacity(path.len());
    if rooted {
        out.push(b'/');
    }
    // No `..` may take away what stands before this.
    let mut fixed = out.len();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if out.len() > fixed => {
                let slash = out.iter().rposition(|byte| *byte == b'/');
                out.truncate(slash.unwrap_or_default().max(fixed));
            }
            b".." if rooted => {}
            b".." => {
                join(&mut out, rooted, part);
                fixed = out.len();
            }
            part => join(&mut out, rooted, part),
        }
    }
    if out.is_empty() {
        out.push(b'.');
    }
    out
}

fn join(out: &mut Vec<u8>, rooted: bool, part: &[u8]) {
    if out.len() > usize::from(rooted) {
        out.push(b'/');
    }
    out.extend_from_slice(part);
}

/// Returns the last part of a path.
pub(crate) fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|byte| *byte != b'/');
    let Some(trimmed) = end.and_then(|end| path.get(..=end)) else {
        return b"/";
    };
    trimmed
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default()
}

/// Returns all but the last part of a path, cleaned.
pub(crate) fn dir(path: &[u8]) -> Vec<u8> {
    let end = path
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |slash| slash + 1);
    clean(path.get(..end).unwrap_or_default())
}

/// Returns the part of the last name from its last dot on.
pub(crate) fn ext(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| matches!(byte, b'.' | b'/')) {
        Some(at) if path.get(at) == Some(&b'.') => path.get(at..).unwrap_or_default(),
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn paths_are_cleaned() {
        for (path, want) in [
            ("", "."),
            ("abc/def/", "abc/def"),
            ("abc//def//ghi", "abc/def/ghi"),
            ("//abc", "/abc"),
            ("abc/./def", "abc/def"),
            ("abc/def/../ghi/../jkl", "abc/jkl"),
            ("abc/def/../..", "."),
            ("/abc/def/../..", "/"),
            ("abc/def/../../..", ".."),
            ("/abc/def/../../..", "/"),
            ("abc/../../././../def", "../../def"),
            ("/../abc", "/abc"),
            ("../../abc/..", "../.."),
        ] {
            assert_eq!(text(&clean(path.as_bytes())), want, "{path}");
        }
    }

    #[test]
    fn parts_of_paths() {
        for (path, wanted_base, wanted_dir, wanted_ext) in [
            ("", ".", ".", ""),
            ("/", "/", "/", ""),
            ("////", "/", "/", ""),
            ("a/b.c/", "b.c", "a/b.c", ""),
            ("/foo/bar.txt", "bar.txt", "/foo", ".txt"),
            ("foo.tar.gz", "foo.tar.gz", ".", ".gz"),
            ("a.b/c", "c", "a.b", ""),
        ] {
            let path = path.as_bytes();
            assert_eq!(text(base(path)), wanted_base);
            assert_eq!(text(&dir(path)), wanted_dir);
            assert_eq!(text(ext(path)), wanted_ext);
        }
    }
}

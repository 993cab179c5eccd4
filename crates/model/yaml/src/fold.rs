//! What writing a folded text (`>`) with go-yaml v3 and reading it again makes of it.
//!
//! Its writer puts an empty line after every plain line, because one line break alone would be read as a space; it
//! does so even where the next line starts with a space and the break would have stayed.

/// Returns the text after it was written and read once more.
pub(crate) fn rewritten(text: &str) -> String {
    let body = text.trim_matches('\n');
    // The writer looks at the text's first character where it should look at the next line's.
    let doubles = !starts_blank(body);
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..text.len() - text.trim_start_matches('\n').len()]);
    let mut lines = body.split('\n').peekable();
    let mut indented = true;
    while let Some(line) = lines.next() {
        if !line.is_empty() {
            indented = starts_blank(line);
        }
        out.push_str(line);
        let mut breaks = usize::from(lines.peek().is_some());
        while lines.next_if(|line| line.is_empty()).is_some() {
            breaks += 1;
        }
        let Some(next) = lines.peek() else { break };
        let written = breaks + usize::from(doubles && !indented);
        match written {
            _ if indented || starts_blank(next) => out.extend(std::iter::repeat_n('\n', written)),
            1 => out.push(' '),
            _ => out.extend(std::iter::repeat_n('\n', written - 1)),
        }
    }
    out.push_str(&text[text.trim_end_matches('\n').len()..]);
    out
}

fn starts_blank(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_lines_gain_an_empty_line_before_them() {
        for (text, want) in [
            ("a\n  b\nc", "a\n\n  b\nc"),
            ("a\nb\n\nc\n", "a\nb\n\nc\n"),
            ("a\n  b\n  c\nd\n  e", "a\n\n  b\n  c\nd\n\n  e"),
            (" a\nb\nc", " a\nb c"),
            ("", ""),
            ("a b", "a b"),
        ] {
            assert_eq!(rewritten(text), want, "{text:?}");
        }
    }
}

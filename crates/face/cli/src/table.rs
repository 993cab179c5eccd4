//! Text in columns: a header and one line per row; each column is as wide as its widest cell.

/// Spaces between two columns.
const GAP: usize = 3;

/// Returns a table as text, without trailing spaces.
pub(crate) fn text(head: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..head.len())
        .map(|column| width(head[column], rows, column))
        .collect();
    let mut out = String::new();
    line(&mut out, head.iter().copied(), &widths);
    for row in rows {
        line(&mut out, row.iter().map(String::as_str), &widths);
    }
    out
}

fn width(head: &str, rows: &[Vec<String>], column: usize) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column));
    cells
        .map(|cell| cell.chars().count())
        .chain([head.chars().count()])
        .max()
        .unwrap_or_default()
}

fn line<'c>(out: &mut String, cells: impl Iterator<Item = &'c str>, widths: &[usize]) {
    let mut line = String::new();
    for (cell, width) in cells.zip(widths) {
        // A message with several lines would break the table.
        let cell = cell.split('\n').next().unwrap_or_default();
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width + GAP - cell.chars().count()));
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["a".to_owned(), "héé".to_owned(), "first\nsecond".to_owned()],
            vec!["long".into(), String::new(), "x".into()],
        ];
        assert_eq!(
            text(&["N", "R", "M"], &rows),
            "N      R     M\na      héé   first\nlong         x\n"
        );
    }
}

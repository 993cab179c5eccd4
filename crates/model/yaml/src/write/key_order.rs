//! [`key_order()`]: the order of keys that go-yaml writes.

use std::cmp::Ordering;

/// The order of keys: letters by code, runs of digits by number, other characters before letters.
#[must_use]
pub fn key_order(a: &str, b: &str) -> Ordering {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    if let (Some(x), Some(y)) = (a.as_bytes().get(common), b.as_bytes().get(common))
        && x.is_ascii_alphabetic()
        && y.is_ascii_alphabetic()
    {
        return x.cmp(y);
    }
    // Equal bytes may end inside a character; step back to a character boundary of both.
    let start = (0..=common)
        .rev()
        .find(|&at| a.is_char_boundary(at) && b.is_char_boundary(at))
        .unwrap_or_default();
    let (Some(x), Some(y)) = (a[start..].chars().next(), b[start..].chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => x.cmp(&y),
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => by_number(&a[..start], &a[start..], &b[start..]).then(x.cmp(&y)),
    }
}

/// Compares the numbers that follow the common prefix; leading zeros count unless a number
/// continues from the prefix.
fn by_number(shared: &str, a: &str, b: &str) -> Ordering {
    let in_number = (a.starts_with('0') || b.starts_with('0'))
        && shared
            .chars()
            .rev()
            .take_while(char::is_ascii_digit)
            .any(|c| c != '0');
    let read = |text: &str| {
        let digits = text.chars().take_while(char::is_ascii_digit);
        digits.fold((i64::from(in_number), 0_usize), |(number, len), c| {
            let digit = i64::from(u32::from(c)) - i64::from(u32::from('0'));
            (number.wrapping_mul(10).wrapping_add(digit), len + 1)
        })
    };
    read(a).cmp(&read(b))
}

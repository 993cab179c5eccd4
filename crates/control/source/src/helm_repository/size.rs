//! Sizes as events show them: four digits and a unit of a thousand.

/// Units, each a thousand of the one before.
const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];

/// Returns a size with at most four digits, such as `380B` or `1.217kB`.
pub(crate) fn human(bytes: u64) -> String {
    let mut power = 0;
    let mut unit = 1_u64;
    while power + 1 < UNITS.len() && bytes / unit >= 1000 {
        unit = unit.saturating_mul(1000);
        power += 1;
    }
    let whole = bytes / unit;
    // As many digits behind the point as four leave.
    let places = 3_usize.saturating_sub(whole.checked_ilog10().unwrap_or(0) as usize);
    let scale = 10_u64.pow(u32::try_from(places).unwrap_or_default());
    let scaled = u128::from(bytes) * u128::from(scale);
    let rounded = (scaled + u128::from(unit / 2)) / u128::from(unit);
    let (whole, rest) = (rounded / u128::from(scale), rounded % u128::from(scale));
    let rest = format!("{rest:0places$}");
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() || places == 0 {
        ""
    } else {
        "."
    };
    let rest = if places == 0 { "" } else { rest };
    let unit = UNITS.get(power).copied().unwrap_or_default();
    format!("{whole}{point}{rest}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_four_digits() {
        for (bytes, expected) in [
            (0, "0B"),
            (380, "380B"),
            (1000, "1kB"),
            (1217, "1.217kB"),
            (12_345, "12.35kB"),
            (123_456, "123.5kB"),
            (999_999, "1000kB"),
            (52_428_800, "52.43MB"),
            (u64::MAX, "18447PB"),
        ] {
            assert_eq!(human(bytes), expected, "{bytes}");
        }
    }
}

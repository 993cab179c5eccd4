//! [`go_float()`]: a number with a point as Go prints it.

/// Returns a number with the fewest digits, and an exponent of two digits below 1e-4 and from 1e6 on: `1e+06`.
#[must_use]
pub fn go_float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(-4..=5) | Err(_) => number.to_string(),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_small_numbers_have_an_exponent() {
        for (number, text) in [
            (0.0, "0"),
            (1.5, "1.5"),
            (999_999.0, "999999"),
            (1_000_000.0, "1e+06"),
            (0.000_1, "0.0001"),
            (0.000_012, "1.2e-05"),
            (-1e100, "-1e+100"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(go_float(number), text);
        }
    }
}

//! Numbers as Go prints them.

use serde_json::Number;

/// Returns a number as Go prints it: integers without a point, floats with the fewest digits and an
/// exponent below 1e-4 and from 1e6 on.
///
/// [`Reader`](crate::Reader) does not distinguish `1.0` from `1`, so whole floats that it read are integers.
#[must_use]
pub fn number_text(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let shortest = format!("{float:e}");
    let Some((digits, exponent)) = shortest.split_once('e') else {
        return shortest;
    };
    match exponent.parse::<i32>() {
        Ok(-4..=5) => float.to_string(),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        Err(_) => shortest,
    }
}

//! Numbers as Go prints them.

use lode_stdx::go_float;
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
    go_float(float)
}

//! Times as Kubernetes writes them. The caller provides the time.

use jiff::Timestamp;

/// Returns a time as `metav1.Time`: RFC 3339 in UTC, truncated to seconds.
///
/// ```
/// use lode_stdx::time;
///
/// assert_eq!(time::rfc3339(jiff::Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00Z");
/// ```
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns a time as RFC 3339 in UTC, truncated to milliseconds.
#[must_use]
pub fn rfc3339_millis(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_cut_off() {
        let time: Timestamp = "2026-11-29T19:06:32.9999+02:00".parse().unwrap();
        assert_eq!(rfc3339(time), "2026-11-29T17:06:32Z");
        assert_eq!(rfc3339_millis(time), "2026-11-29T17:06:32.999Z");
    }
}

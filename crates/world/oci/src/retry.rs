//! [`Tries`]: how often a request is sent again after a fault that passes by itself, and after which waits.

use std::time::Duration;

/// Times that a request is sent.
const TRIES: u32 = 3;
/// Wait before the second time; it triples.
const WAIT: Duration = Duration::from_millis(100);
/// Longest wait that a server may ask for.
const ASKED_MAX: Duration = Duration::from_secs(10);

/// The tries of one request.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    made: u32,
}

impl Tries {
    /// Returns how long to wait before the next try; nothing if there is none. `asked` is what the server asks for, in
    /// seconds.
    pub(crate) fn next(&mut self, asked: Option<&str>) -> Option<Duration> {
        self.made += 1;
        if self.made >= TRIES {
            return None;
        }
        let own = WAIT * 3_u32.pow(self.made - 1);
        let asked = asked.and_then(|text| text.trim().parse().ok());
        let asked = asked.map(Duration::from_secs).unwrap_or_default();
        Some(own.max(asked.min(ASKED_MAX)))
    }
}

/// Returns whether a status code may be another one soon.
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_three_times_with_growing_waits() {
        let mut tries = Tries::default();
        assert_eq!(tries.next(None), Some(WAIT));
        assert_eq!(tries.next(None), Some(3 * WAIT));
        assert_eq!(tries.next(None), None);
    }

    #[test]
    fn a_server_may_ask_for_a_longer_wait_within_reason() {
        for (asked, expected) in [
            ("2", Duration::from_secs(2)),
            ("3600", ASKED_MAX),
            ("0", WAIT),
            ("tomorrow", WAIT),
        ] {
            assert_eq!(Tries::default().next(Some(asked)), Some(expected));
        }
    }

    #[test]
    fn a_refusal_is_final() {
        for status in [400, 401, 403, 404] {
            assert!(!is_passing(status), "{status}");
        }
        assert!(is_passing(429) && is_passing(503));
    }
}

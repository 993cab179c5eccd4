//! The memory and CPU time of this process, read from Linux's `/proc`.
//!
//! Returns nothing if there is no `/proc`.

use std::fs;

/// Clock ticks per second in values the kernel reports to user space: the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The current usage of the process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Resident memory.
    pub(crate) resident_bytes: u64,
    /// CPU time since the start, in user and system mode.
    pub(crate) cpu_seconds: f64,
}

/// Reads the current usage.
pub(crate) fn usage() -> Option<Usage> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(Usage {
        resident_bytes: resident_bytes(&status)?,
        cpu_seconds: cpu_seconds(&stat)?,
    })
}

/// Reads memory from `status`, which has it in KiB, while `stat` counts pages of an unknown size.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Reads user and system time from `stat`: the 14th and 15th field. The second is the program's
/// name in parentheses, which may itself contain spaces and parentheses.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().ok());
    let (user, system) = (times.next()??, times.next()??);
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_whatever_the_program_is_called() {
        let stat =
            "12 (a ) b) S 1 12 12 0 -1 4194560 900 0 0 0 250 75 0 0 20 0 4 0 100 5000 600 1844";
        assert_eq!(cpu_seconds(stat), Some(3.25));
        assert_eq!(cpu_seconds("12 (a) S 1"), None);
        assert_eq!(
            resident_bytes("Name:\tlode\nVmRSS:\t    1024 kB\nThreads:\t4\n"),
            Some(1 << 20)
        );
        assert_eq!(resident_bytes("Name:\tlode\n"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        if let Some(usage) = usage() {
            assert!(usage.resident_bytes > 100 << 10, "{usage:?}");
        }
    }

    #[test]
    fn figures_that_are_no_numbers_are_none() {
        let stat = "12 (a) S 1 12 12 0 -1 4194560 900 0 0 0 many 75 0 0 20";
        assert_eq!(cpu_seconds(stat), None);
        assert_eq!(cpu_seconds(""), None);
        assert_eq!(resident_bytes("VmRSS:\tmany kB\n"), None);
        assert_eq!(resident_bytes("VmRSS:\t1024 pages\n"), None);
        let huge = format!("VmRSS:\t{} kB\n", u64::MAX);
        assert_eq!(resident_bytes(&huge), None, "more than there can be");
    }
}

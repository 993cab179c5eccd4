//! Law: reading any archive takes at most four times its memory budget.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use lode_spool::Spool;
use lode_stdx::budget::{Budget, Limits};
use lode_store::read_archive;
use peak_alloc::PeakAlloc;
use tar::{Builder, EntryType, Header};

use crate::ALONE;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const CASES: u64 = 120;
/// Memory that inflating always takes: its window and tables.
const SLACK: usize = 256 << 10;

/// Pseudo-random numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

/// Returns an archive that tries to be expensive: zeros, long names, many files, wrong headers,
/// noise.
fn archive(numbers: &mut Numbers) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for n in 0..numbers.below(40) {
        let size = 1 << numbers.below(22);
        let name = match numbers.below(4) {
            0 => format!("{}/{n}", "long/".repeat(numbers.below(700) as usize)),
            _ => format!("folder/{n}"),
        };
        let mut header = Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_entry_type(if numbers.below(12) == 0 {
            EntryType::GNULongName
        } else {
            EntryType::Regular
        });
        builder
            .append_data(&mut header, name, &vec![0; size as usize][..])
            .unwrap();
    }
    let mut bytes = builder.into_inner().unwrap().finish().unwrap();
    if numbers.below(5) == 0 {
        bytes.truncate(numbers.below(bytes.len() as u64) as usize);
    }
    if numbers.below(5) == 0 {
        // A header that announces more than follows.
        let mut header = Header::new_gnu();
        header.set_size(1 << 40);
        header.set_cksum();
        let mut lie = GzEncoder::new(Vec::new(), Compression::fast());
        lie.write_all(header.as_bytes()).unwrap();
        bytes = lie.finish().unwrap();
    }
    bytes
}

#[test]
fn reading_takes_no_more_than_four_times_its_budget() {
    let _turn = ALONE.blocking_write();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let folder = tempfile::tempdir().unwrap();
    let (mut within, mut over, mut worst) = (0, 0, 0.0_f64);
    for case in 0..CASES {
        let bytes = archive(&mut numbers);
        let limits = Limits {
            bytes: 1 << (14 + numbers.below(10)),
            nodes: 1 + numbers.below(60),
            steps: u64::MAX,
        };
        let budget = Budget::new(limits);
        let mut spool = if numbers.below(2) == 0 {
            Spool::in_memory()
        } else {
            Spool::new(folder.path())
        };
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let tree = read_archive(&bytes[..], &mut spool, &budget);
        let peak = MEMORY.peak_usage().saturating_sub(before);
        assert!(
            peak <= 4 * limits.bytes as usize + SLACK,
            "case {case}: {peak} bytes for a budget of {}",
            limits.bytes
        );
        worst = worst.max(peak.saturating_sub(SLACK) as f64 / limits.bytes as f64);
        if tree.is_ok() { within += 1 } else { over += 1 }
    }
    println!("{within} read, {over} refused; at worst {worst:.2} times the budget");
    assert!(within > 10 && over > 10);
}

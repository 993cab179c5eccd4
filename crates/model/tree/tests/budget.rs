//! Law: filtering a tree with any patterns and names takes at most four times its memory budget,
//! and terminates.
//!
//! It has its own test binary because it counts allocations.

use lode_stdx::budget::{Budget, Limits};
use lode_tree::{RepoPath, Tree, ignore};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const CASES: u64 = 200;
/// Memory that is allowed with an empty budget: a name's characters, a few vectors.
const SLACK: usize = 64 << 10;

/// Pseudo-random numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len() as u64) as usize]
    }

    fn text(&mut self, pieces: &[&str], longest: u64) -> String {
        (0..=self.below(longest))
            .map(|_| self.pick(pieces))
            .collect()
    }
}

fn pattern(numbers: &mut Numbers) -> String {
    const PIECES: [&str; 14] = [
        "a", "b", "*", "**", "?", "[a-z]", "[!b]", "\\*", "é", "/", "**/", "!", " ", "#",
    ];
    let longest = if numbers.below(20) == 0 { 2000 } else { 30 };
    numbers.text(&PIECES, longest)
}

fn tree(numbers: &mut Numbers) -> Tree {
    let mut files: Vec<(String, String)> = Vec::new();
    for _ in 0..numbers.below(300) {
        let folder = numbers.text(&["a/", "b/", "é/", "ab/"], 6);
        files.push((
            format!("{folder}{}", numbers.text(&["a", "b", "é", "."], 60)),
            String::new(),
        ));
        if numbers.below(10) == 0 {
            let patterns: Vec<_> = (0..numbers.below(200)).map(|_| pattern(numbers)).collect();
            files.push((
                format!("{folder}{}", ignore::FILE_NAME),
                patterns.join("\n"),
            ));
        }
    }
    files.into_iter().collect()
}

#[test]
fn filtering_takes_no_more_than_four_times_its_budget_and_ends() {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let (mut within, mut over, mut worst) = (0, 0, 0.0_f64);
    for case in 0..CASES {
        let tree = tree(&mut numbers);
        let spec: Vec<_> = (0..numbers.below(500))
            .map(|_| pattern(&mut numbers))
            .collect();
        let spec = spec.join("\n");
        let bytes = 1 << (10 + numbers.below(14));
        let limits = Limits {
            bytes,
            nodes: 1 + numbers.below(5000),
            steps: 1 + numbers.below(5_000_000),
        };
        let (budget, paths) = (
            Budget::new(limits),
            tree.entries()
                .map(|(path, _)| path.clone())
                .collect::<Vec<RepoPath>>(),
        );
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let filtered = ignore::filter(tree, Some(&spec), &budget);
        let peak = MEMORY.peak_usage().saturating_sub(before);
        assert!(
            peak <= 4 * bytes as usize + SLACK,
            "case {case}: {peak} bytes for a budget of {bytes}"
        );
        worst = worst.max(peak.saturating_sub(SLACK) as f64 / bytes as f64);
        let spent = budget.spent();
        assert!(
            spent.bytes <= limits.bytes
                && spent.nodes <= limits.nodes
                && spent.steps <= limits.steps
        );
        match filtered {
            Ok(filtered) => {
                within += 1;
                assert!(
                    filtered.entries().all(|(path, _)| paths.contains(path)),
                    "case {case}: a file came from nowhere"
                );
            }
            Err(_) => over += 1,
        }
    }
    println!("{within} within their budget, {over} over it; at worst {worst:.2} times the budget");
    assert!(within > 10 && over > 10);
    let none = RepoPath::parse("a").unwrap();
    assert!(!Tree::default().contains(&none));
}

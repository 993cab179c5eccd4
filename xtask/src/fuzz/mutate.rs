//! Makes inputs: pieces of seeds, changed in a few places.

/// Makes inputs one after the other from a number and seeds.
pub(super) struct Mutator<'s> {
    state: u64,
    seeds: &'s [String],
    pieces: &'static [&'static str],
}

/// What is inserted into YAML, besides pieces of the input itself.
pub(super) const YAML_PIECES: [&str; 66] = [
    " ",
    "\n",
    ":",
    "-",
    "?",
    ",",
    "[",
    "]",
    "{",
    "}",
    "#",
    "&",
    "*",
    "!",
    "|",
    ">",
    "'",
    "\"",
    "%",
    "@",
    "`",
    "\t",
    "\\",
    "a",
    "1",
    "~",
    "<",
    "=",
    "+",
    ".",
    "\r",
    "\r\n",
    "\u{85}",
    "\u{2028}",
    "\u{e9}",
    "\u{a0}",
    "\u{feff}",
    "\u{1f600}",
    "  ",
    "\n  ",
    "\n- ",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "!!str ",
    "!!map ",
    "|\n",
    "'x'",
    "\"y\"",
    "---\n",
    "...\n",
    "\n\n",
    "# c\n",
    "  # d\n\n",
    "a: ",
    "- b\n",
    "[a, b]",
    "{a: b}",
    "|-\n  ",
    ">+\n ",
    "\n    ",
    "!x ",
    "<<: ",
    "%YAML 1.1\n",
];
/// Longest piece of a seed.
const LINES_MAX: usize = 24;
const BYTES_MAX: usize = 4000;
const CHANGES: [usize; 7] = [0, 1, 1, 2, 3, 5, 12];

impl<'s> Mutator<'s> {
    /// Starts with a seed; `pieces` are inserted, besides pieces of the input itself.
    pub(super) fn new(seed: u64, seeds: &'s [String], pieces: &'static [&'static str]) -> Self {
        Self {
            state: seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            seeds,
            pieces,
        }
    }

    /// Makes the next input.
    pub(super) fn text(&mut self) -> String {
        let mut text = match self.below(8) {
            0 => (0..self.below(24)).map(|_| self.piece()).collect(),
            1 => format!("{}\n---\n{}", self.snippet(), self.snippet()),
            _ => self.snippet(),
        };
        for _ in 0..CHANGES[self.below(CHANGES.len())] {
            self.change(&mut text);
        }
        text
    }

    /// Makes the next input from a whole seed, with lines of others inserted.
    pub(super) fn whole(&mut self) -> String {
        let seeds = self.seeds;
        if seeds.is_empty() {
            return String::new();
        }
        let mut text = seeds[self.below(seeds.len())].clone();
        for _ in 0..CHANGES[self.below(CHANGES.len())] {
            match self.below(3) {
                0 => {
                    let lines = self.snippet();
                    let start = text.floor_char_boundary(self.below(text.len() + 1));
                    let at = text[..start].rfind('\n').map_or(0, |at| at + 1);
                    text.insert_str(at, &lines);
                }
                _ => self.change(&mut text),
            }
        }
        text
    }

    fn snippet(&mut self) -> String {
        let seeds = self.seeds;
        if seeds.is_empty() {
            return String::new();
        }
        let seed = &seeds[self.below(seeds.len())];
        let lines = seed.split_inclusive('\n').count();
        let (first, count) = (self.below(lines.max(1)), 1 + self.below(LINES_MAX));
        let mut text: String = seed.split_inclusive('\n').skip(first).take(count).collect();
        text.truncate(text.floor_char_boundary(BYTES_MAX));
        text
    }

    fn change(&mut self, text: &mut String) {
        let at = text.floor_char_boundary(self.below(text.len() + 1));
        match self.below(10) {
            0..6 => text.insert_str(at, self.piece()),
            6 | 7 => {
                let end = text.ceil_char_boundary((at + 1 + self.below(4)).min(text.len()));
                text.replace_range(at..end, "");
            }
            _ => {
                let from = text.floor_char_boundary(self.below(text.len() + 1));
                let to = text.ceil_char_boundary((from + 1 + self.below(40)).min(text.len()));
                let copy = text[from..to.max(from)].to_owned();
                text.insert_str(at, &copy);
            }
        }
    }

    fn piece(&mut self) -> &'static str {
        self.pieces[self.below(self.pieces.len())]
    }

    /// Returns a number below `limit` (xorshift*).
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let high = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        high as usize % limit.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_inputs_again_and_another_gives_others() {
        let seeds = ["a: 1\nb: [2, \u{e9}]\n# c\n".to_owned()];
        let inputs = |seed| {
            let mut mutator = Mutator::new(seed, &seeds, &YAML_PIECES);
            (0..500).map(|_| mutator.text()).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(1).iter().any(|text| text.contains('\u{e9}')));
    }

    #[test]
    fn inputs_are_made_without_seeds() {
        let mut mutator = Mutator::new(7, &[], &YAML_PIECES);
        assert!((0..100).any(|_| !mutator.text().is_empty()));
    }
}

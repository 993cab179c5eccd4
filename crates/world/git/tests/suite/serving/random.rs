//! Random histories, fetched in random steps, compared with the result of Git's own server.

use super::{Clone, Serving, git};

/// Pseudo-random numbers that are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(0x5851_F42D_4C95_7F2D)
            .wrapping_add(0x1405_7B7E_F767_814F);
        (self.0 >> 33) as usize % sides
    }
}

/// Returns a stream for `git fast-import`: commits on a few branches, some of them merges, some
/// with wrong clocks.
fn history(dice: &mut Dice, from: usize, count: usize) -> String {
    let mut stream = Vec::new();
    for mark in from + 1..=from + count {
        let branch = dice.roll(3);
        let time = 1_700_000_000 + mark * 60 - if dice.roll(8) == 0 { 150 } else { 0 };
        let folder = dice.roll(4);
        stream.push(format!(
            "commit refs/heads/b{branch}\nmark :{mark}\ncommitter A <a@b> {time} +0000\ndata 1\nx\n"
        ));
        if mark > from + 1 || from > 0 {
            stream.push(format!(
                "from :{}\n",
                (mark - 1).saturating_sub(dice.roll(4)).max(1)
            ));
        }
        if mark > 6 && dice.roll(4) == 0 {
            stream.push(format!("merge :{}\n", mark - 5));
        }
        let text = format!("{}", dice.roll(5));
        stream.push(format!(
            "M 644 inline d{folder}/f{}\ndata {}\n{text}\n",
            dice.roll(9),
            text.len()
        ));
    }
    stream.concat()
}

/// Returns the commits of a clone, and its shallow commits.
fn seen(clone: &Clone) -> [Vec<String>; 2] {
    let ends = std::fs::read_to_string(clone.0.join(".git/shallow")).unwrap_or_default();
    [clone.git(&["rev-list", "--remotes"]), ends].map(|text| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    })
}

#[test]
fn any_fetch_leaves_what_git_would_leave() {
    let mut dice = Dice(12345);
    for round in 0..3 {
        let serving = Serving::start();
        serving.repository("fleet");
        git(&serving.folder, &["init", "-q", "--bare", "real.git"]).unwrap();
        let real = Clone(serving.folder.join("real.git"));
        let marks = "marks";
        let mut made = 0;
        let mut grow = |dice: &mut Dice, count: usize| {
            let stream = serving.folder.join("stream");
            std::fs::write(&stream, history(dice, made, count)).unwrap();
            made += count;
            let import = format!("--import-marks-if-exists={marks}");
            let export = format!("--export-marks={marks}");
            let file = std::fs::File::open(&stream).unwrap();
            let mut command = std::process::Command::new("git");
            command
                .args(["fast-import", "--quiet", "--force", &import, &export])
                .current_dir(&real.0)
                .stdin(file);
            assert!(command.status().unwrap().success());
            real.git(&[
                "push",
                "-q",
                "--force",
                &serving.url("fleet"),
                "refs/heads/*:refs/heads/*",
            ]);
        };
        grow(&mut dice, 25);
        let of_git = format!("file://{}", real.0.display());
        let branch = format!("b{}", dice.roll(3));
        let mut pair = [(serving.url("fleet"), "ours"), (of_git, "gits")].map(|(url, name)| {
            git(&serving.folder, &["init", "-q", name]).unwrap();
            let clone = Clone(serving.folder.join(name));
            clone.git(&["remote", "add", "origin", &url]);
            clone
        });
        for step in 0..8 {
            let depth = (1 + dice.roll(9)).to_string();
            let refspec = format!("+refs/heads/{branch}:refs/remotes/origin/{branch}");
            let options: &[&str] = match dice.roll(5) {
                0 => &["--depth", &depth, "origin", &refspec],
                1 => &["--deepen", &depth, "origin", &refspec],
                2 => &["--depth", &depth, "origin"],
                3 => &["origin", &refspec],
                _ => &["origin"],
            };
            for clone in &mut pair {
                clone.git(&[&["fetch", "-q", "--no-tags"], options].concat());
                let check = clone.try_git(&["fsck", "--full", "--strict", "--no-dangling"]);
                check.unwrap_or_else(|words| {
                    panic!(
                        "round {round}, step {step}, {:?}, {options:?}: {words}",
                        clone.0
                    )
                });
            }
            assert_eq!(
                seen(&pair[0]),
                seen(&pair[1]),
                "round {round}, step {step}: {options:?}"
            );
            if dice.roll(2) == 0 {
                grow(&mut dice, 5);
            }
        }
    }
}

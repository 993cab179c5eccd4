//! Folders of real repositories, compared byte for byte.

use std::collections::BTreeMap;

use cases::{Archive, Score};
use lode_kustomize::{Build, LIMITS, Options, Order, Restrictions, build, build_within};
use lode_stdx::budget::{Budget, Limits};
use lode_yaml::Dialect;

use crate::corpus::{count, folder_of, tree};

/// Measured; may only rise.
const FLOOR: usize = 811;

/// A build may cost this many times what the largest of these builds needs.
const ROOM: u64 = 10;

#[test]
fn builds_equal_those_of_kustomize_and_leave_nine_tenths_of_the_bounds() {
    let Some(archive) = Archive::open(cases::KUSTOMIZE) else {
        return;
    };
    let mut score = Score::new("overlays", FLOOR);
    let mut needs = Needs::default();
    let mut trees = BTreeMap::new();
    let options = Options {
        restrictions: Restrictions::None,
        order: Order::None,
        ..Options::default()
    };
    let expected = "kustomize/overlays/expected/";
    for path in archive
        .files
        .keys()
        .filter(|path| path.starts_with(expected))
    {
        let name = path.trim_start_matches(expected).trim_end_matches(".yaml");
        let Some((repository, folder)) = folder_of(&archive, name) else {
            continue;
        };
        let input = trees
            .entry(repository.clone())
            .or_insert_with(|| tree(&archive, &format!("kustomize/overlays/input/{repository}")));
        let budget = Budget::unlimited();
        let outcome = build_within(input, &folder, &options, &budget);
        if let Ok(built) = &outcome {
            spend_as_the_operator(built, &budget);
        }
        needs.note(name, budget.spent());
        count(&mut score, name, outcome, archive.text(path));
    }
    needs.check();
    score.finish();
}

/// Charges the processing of a build's result: its text and the objects that are applied.
fn spend_as_the_operator(built: &Build, budget: &Budget) {
    for object in &built.objects {
        object.write_within(&mut String::new(), budget).unwrap();
        object.to_object_within(budget).unwrap();
    }
}

/// The needs of the most expensive build for each type of cost.
#[derive(Default)]
struct Needs([(u64, String); 3]);

impl Needs {
    fn note(
        &mut self,
        name: &str,
        Limits {
            bytes,
            nodes,
            steps,
        }: Limits,
    ) {
        for (most, spent) in self.0.iter_mut().zip([bytes, nodes, steps]) {
            if spent > most.0 {
                *most = (spent, name.to_owned());
            }
        }
    }

    fn check(&self) {
        let limits = [
            ("bytes", LIMITS.bytes),
            ("nodes", LIMITS.nodes),
            ("steps", LIMITS.steps),
        ];
        for ((what, limit), (most, name)) in limits.into_iter().zip(&self.0) {
            println!("{name} needs {most} {what} of {limit}");
            assert!(
                most * ROOM <= limit,
                "{name} needs {most} {what} of {limit}"
            );
        }
    }
}

#[test]
fn builds_that_keep_comments_say_the_same() {
    let Some(archive) = Archive::open(cases::KUSTOMIZE) else {
        return;
    };
    let (mut objects, mut comments) = (0, 0);
    let mut trees = BTreeMap::new();
    let options = Options {
        restrictions: Restrictions::None,
        order: Order::None,
        comments: true,
        ..Options::default()
    };
    let expected = "kustomize/overlays/expected/";
    // Large ones are very similar.
    let folders = archive
        .files
        .iter()
        .filter(|(path, bytes)| path.starts_with(expected) && bytes.len() < 200_000);
    for (path, _) in folders {
        let name = path.trim_start_matches(expected).trim_end_matches(".yaml");
        let Some((repository, folder)) = folder_of(&archive, name) else {
            continue;
        };
        let input = trees
            .entry(repository.clone())
            .or_insert_with(|| tree(&archive, &format!("kustomize/overlays/input/{repository}")));
        for object in build(input, &folder, &options).unwrap().objects {
            let mut text = String::new();
            object.write_commented(&mut text).unwrap();
            let again = lode_yaml::parse(text.as_bytes(), Dialect::V2).unwrap();
            assert_eq!(
                &again,
                object.to_object().unwrap().value(),
                "{name}: {object:?}"
            );
            objects += 1;
            comments += usize::from(text.lines().any(|line| line.trim_start().starts_with('#')));
        }
    }
    println!("{objects} objects say the same, {comments} with comments");
    assert!(comments > 100, "only {comments} objects have comments");
}

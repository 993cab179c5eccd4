//! Edits of every file of the corpus up to 50 kB: one value changes and every other byte stays.

use lode_yaml::edit::{Edit, Error, Step};
use lode_yaml::{Content, Dialect, Node};

use crate::corpus::each_file;

const LONGEST_FILE: usize = 50 << 10;
/// Fewer in a debug build; all of them run in a release build.
const EDITS_A_FILE: usize = if cfg!(debug_assertions) { 1 } else { 12 };
const NEW_TEXTS: [&str; 4] = ["other", "1.2", "it's: \"so\"", "yes"];

#[test]
fn setting_a_scalar_changes_nothing_else() {
    let mut count = Count::default();
    each_editable(|path, edit| {
        for (number, (document, steps, node)) in places(edit, |node| node.text().is_some())
            .into_iter()
            .enumerate()
        {
            let new = NEW_TEXTS[number % NEW_TEXTS.len()];
            let mut changed = edit.clone();
            if !count.accepts(path, changed.set(document, &steps, new)) {
                continue;
            }
            let (start, end) = (
                node.place.start as usize,
                (node.place.end as usize).min(edit.text().len()),
            );
            let (before, after) = (&edit.text()[..start], &edit.text()[end..]);
            let value = at(&changed.documents()[document], &steps).unwrap();
            let says_so = value.text() == Some(new) && (value.is_string() || !node.is_string());
            let alone = changed.text().starts_with(before) && changed.text().ends_with(after);
            count.holds(says_so && alone, path, &steps);
        }
    });
    count.assert_nearly_all("scalars set");
}

#[test]
fn what_is_removed_can_be_put_back() {
    let mut count = Count::default();
    each_editable(|path, edit| {
        for (document, steps, node) in places(edit, |_| true) {
            let Some(Step::Key(_)) = steps.last() else {
                continue;
            };
            let mut changed = edit.clone();
            if !count.accepts(path, changed.remove(document, &steps)) {
                continue;
            }
            let is_gone = at(&changed.documents()[document], &steps).is_none();
            count.holds(
                is_gone && changed.text().len() < edit.text().len() + 2,
                path,
                &steps,
            );
            if count.accepts(path, changed.insert(document, &steps, &node)) {
                let (was, is) = (&edit.documents()[document], &changed.documents()[document]);
                count.holds(
                    is.to_value(Dialect::V3).ok() == was.to_value(Dialect::V3).ok(),
                    path,
                    &steps,
                );
            }
        }
    });
    count.assert_nearly_all("entries removed and put back");
}

#[test]
fn items_are_added_and_taken_away_again() {
    let mut count = Count::default();
    let item = Node::string("one more");
    each_editable(|path, edit| {
        for (document, mut steps, node) in places(edit, |node| {
            node.items().is_some_and(|items| !items.is_empty())
        }) {
            let mut changed = edit.clone();
            steps.push(Step::Index(node.items().map_or(0, <[Node]>::len)));
            if count.accepts(path, changed.insert(document, &steps, &item))
                && count.accepts(path, changed.remove(document, &steps))
            {
                count.holds(
                    changed.text().trim_end() == edit.text().trim_end(),
                    path,
                    &steps,
                );
            }
        }
    });
    count.assert_nearly_all("items added and taken away");
}

/// Number of edits made and refused.
#[derive(Default)]
struct Count {
    made: usize,
    shared: usize,
    refused: usize,
    wrong: usize,
}

impl Count {
    fn accepts(&mut self, path: &str, outcome: Result<(), Error>) -> bool {
        match outcome {
            Ok(()) => self.made += 1,
            Err(Error::Shared { .. }) => self.shared += 1,
            Err(error) => {
                println!("{path}: {error}");
                self.refused += 1;
                return false;
            }
        }
        outcome.is_ok()
    }

    fn holds(&mut self, holds: bool, path: &str, steps: &[Step<'_>]) {
        if !holds {
            println!("{path}: {steps:?}");
            self.wrong += 1;
        }
    }

    fn assert_nearly_all(&self, what: &str) {
        println!(
            "{what}: {} made, {} shared by an anchor, {} refused",
            self.made, self.shared, self.refused
        );
        assert_eq!(self.wrong, 0);
        assert!(
            self.refused * 1000 <= self.made,
            "{} of {} refused",
            self.refused,
            self.made
        );
    }
}

fn each_editable(mut check: impl FnMut(&str, &Edit)) {
    each_file(|path, text| {
        if text.len() <= LONGEST_FILE
            && !path.contains("/expected")
            && let Ok(edit) = Edit::new(text)
        {
            check(path, &edit);
        }
    });
}

/// Returns some of the matching places in a text, spread over all of it.
fn places(edit: &Edit, is_wanted: fn(&Node) -> bool) -> Vec<(usize, Vec<Step<'_>>, Node)> {
    let mut all = Vec::new();
    for (number, document) in edit.documents().iter().enumerate() {
        gather(document, &mut Vec::new(), &mut |steps, node| {
            if is_wanted(node) && !steps.is_empty() {
                all.push((number, steps.to_vec(), node.clone()));
            }
        });
    }
    let stride = all.len().div_ceil(EDITS_A_FILE).max(1);
    all.into_iter().step_by(stride).collect()
}

fn gather<'n>(
    node: &'n Node,
    steps: &mut Vec<Step<'n>>,
    found: &mut impl FnMut(&[Step<'n>], &'n Node),
) {
    found(steps, node);
    let mut go = |step, child| {
        steps.push(step);
        gather(child, steps, found);
        steps.pop();
    };
    match &node.content {
        Content::Scalar(_) => {}
        Content::Sequence(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, item)| go(Step::Index(at), item)),
        Content::Mapping(entries) => {
            for entry in entries {
                go(
                    Step::Key(entry.key.text().unwrap_or_default()),
                    &entry.value,
                );
            }
        }
    }
}

fn at<'n>(root: &'n Node, steps: &[Step<'_>]) -> Option<&'n Node> {
    steps.iter().try_fold(root, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.items()?.get(*index),
        Step::Match { .. } => None,
    })
}

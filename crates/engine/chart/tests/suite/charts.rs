//! Real charts, compared line by line with what Helm 4.2.1 rendered.

use std::collections::{BTreeMap, BTreeSet};

use cases::{Content, Score};
use lode_chart::{Chart, LIMITS, Supplied};
use lode_stdx::budget::{Budget, Limits};
use lode_tree::{RepoPath, Tree};
use serde_json::Value;

use crate::kit;

/// The charts, each with its renders.
const CHARTS: &str = "helm/charts.tar.zst";
/// Measured; may only rise.
const FLOOR: usize = 355;
/// A render may cost this many times what the most expensive of these needs.
const ROOM: u64 = 10;

type RenderedFiles = BTreeMap<String, Vec<u8>>;

#[test]
fn renders_equal_those_of_helm_and_leave_nine_tenths_of_the_bounds() {
    let mut score = Score::new("charts", FLOOR);
    let mut needs = Needs::default();
    let mut name = String::new();
    let mut files = RenderedFiles::new();
    let mut charts = 0;
    cases::visit(CHARTS, |path, content| {
        let Content::File(bytes) = content else {
            return;
        };
        let Some((chart, inside)) = path.trim_start_matches("helm/charts/").split_once('/') else {
            return;
        };
        if chart != name {
            check(&name, &std::mem::take(&mut files), &mut score, &mut needs);
            chart.clone_into(&mut name);
            charts += 1;
        }
        files.insert(inside.to_owned(), bytes);
    });
    check(&name, &files, &mut score, &mut needs);

    println!("{charts} charts");
    score.finish();
    if charts > 0 {
        needs.check();
    }
}

/// Renders a chart with all its values and counts what is equal.
fn check(name: &str, files: &RenderedFiles, score: &mut Score, needs: &mut Needs) {
    let folder = files.iter().filter(|(path, _)| path.starts_with("chart/"));
    let tree: Tree = folder.collect();
    let at = RepoPath::parse("chart").unwrap();
    for (path, expected) in files
        .iter()
        .filter(|(path, _)| path.starts_with("expected/"))
    {
        let Some((values, kind)) = path.trim_start_matches("expected/").rsplit_once('.') else {
            continue;
        };
        if kind == "mask" {
            continue;
        }

        let budget = Budget::new(LIMITS);
        let chart = Chart::from_folder(&tree, &at, &budget);
        let chart = chart.map_err(|error| error.to_string());
        let got = chart.and_then(|chart| render(&chart, files, values, &budget));
        let case = format!("{name}/{values}");
        needs.note(&case, budget.spent());
        let outcome = match got {
            Ok(text) if kind == "yaml" => {
                let mask = mask(files, values);
                compare(&String::from_utf8_lossy(expected), &text, &mask)
            }
            Ok(_) => Err("must fail".to_owned()),
            Err(_) if kind == "err" => Ok(()),
            Err(error) => Err(error),
        };
        let miss = outcome.as_ref().err().cloned().unwrap_or_default();
        score.add(outcome.is_ok(), || format!("{case}: {miss}"));
    }
}

fn render(
    chart: &Chart,
    files: &RenderedFiles,
    values: &str,
    budget: &Budget,
) -> Result<String, String> {
    chart
        .check_dependencies()
        .map_err(|error| error.to_string())?;
    chart
        .check_installable()
        .map_err(|error| error.to_string())?;
    let values = [".yaml", ".yml", ""].iter().find_map(|end| {
        let path = format!("chart/ci/{values}{end}");
        files
            .get_key_value(&path)
            .map(|(path, content)| (path.as_str(), content.as_slice()))
    });
    let values: Vec<(&str, &[u8])> = values.into_iter().collect();
    let supplied = Supplied {
        files: &values,
        ..Supplied::default()
    };
    let supplied = supplied.merge(&|name| Err(name.to_owned()), budget);
    let supplied = supplied.map_err(|error| error.to_string())?;
    kit::render(chart, &supplied, &kit::RELEASE, budget).map(|(_, text)| text)
}

/// Returns the lines that are random, from 0.
fn mask(files: &RenderedFiles, values: &str) -> BTreeSet<usize> {
    let Some(mask) = files.get(&format!("expected/{values}.mask")) else {
        return BTreeSet::new();
    };
    let mask: Value = serde_json::from_slice(mask).unwrap();
    let lines = mask["lines"].as_array().unwrap().iter();
    lines.map(|line| line.as_u64().unwrap() as usize).collect()
}

fn compare(expected: &str, got: &str, mask: &BTreeSet<usize>) -> Result<(), String> {
    let (want, have): (Vec<&str>, Vec<&str>) =
        (expected.split('\n').collect(), got.split('\n').collect());
    let differs = |at: &usize| !mask.contains(at) && want.get(*at) != have.get(*at);
    match (0..want.len().max(have.len())).find(differs) {
        None if want.len() != have.len() => {
            Err(format!("{} lines, want {}", have.len(), want.len()))
        }
        None => Ok(()),
        Some(at) => Err(format!(
            "line {}: want {:?}, got {:?}",
            at + 1,
            want.get(at),
            have.get(at)
        )),
    }
}

/// The needs of the most expensive render for each type of cost.
#[derive(Default)]
struct Needs([(u64, String); 3]);

impl Needs {
    fn note(&mut self, name: &str, spent: Limits) {
        for (most, spent) in self
            .0
            .iter_mut()
            .zip([spent.bytes, spent.nodes, spent.steps])
        {
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

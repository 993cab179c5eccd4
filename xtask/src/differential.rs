//! Sends the same random operations to two API servers and reports where they answer differently.
//!
//! The first server is a fresh real one without controllers, the second the one under test.
//! Operations come in sequences, each about a few objects of its own, so that a difference affects
//! only the rest of its sequence; the first difference of a sequence is counted separately. The
//! same seed produces the same operations.

mod classes;
mod kinds;
mod make;
mod operation;
mod operations;
mod random;
mod sequence;
mod side;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use self::classes::Classes;
use self::kinds::TestedKind;
use self::operation::Operation;
use self::random::Random;
use self::sequence::Sequence;
use self::side::Side;
use crate::replay::{
    Answer, Call, Difference, JudgedServer, Same, Server, real, without_bookmarks,
};

/// `cargo xtask differential`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: JudgedServer,
    /// Seed of the operations
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of sequences
    #[arg(long, default_value_t = 500)]
    sequences: usize,
    /// Operations per sequence
    #[arg(long, default_value_t = 20)]
    operations: usize,
    /// Run only this sequence and print every operation that differs
    #[arg(long)]
    sequence: Option<usize>,
    /// Classes of differences to print
    #[arg(long, default_value_t = 60)]
    show: usize,
}

/// Number of namespaces that the sequences share.
const NAMESPACES: usize = 50;
/// Longest time until a newly defined kind is served.
const SERVED_WITHIN: Duration = Duration::from_secs(20);
/// One of this many sequences ends by comparing the events of a watch.
const WATCH_EVERY: usize = 10;
/// Headers that are compared.
const HEADERS: [&str; 2] = ["content-type", "warning"];

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let (left, right) = (real("differential")?, args.target.start("differential")?);
    for server in [&left.server, &right.server] {
        prepare(server)?;
    }
    let kinds = kinds::all()?;
    let mut classes = Classes::default();
    let numbers = args.sequence.map_or(0..args.sequences, |one| one..one + 1);
    for number in numbers {
        let random = Random::new(args.seed, number as u64);
        let sequence = Sequence::new(
            &kinds,
            random,
            &format!("d-{}", number % NAMESPACES),
            number,
        );
        let mut pair = Pair::new(&left.server, &right.server, args.sequence.is_some());
        pair.run(sequence, args.operations, number, &mut classes)?;
    }
    classes.print(args.show);
    Ok(if classes.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Both servers during one sequence.
struct Pair<'s> {
    left: Side<'s>,
    right: Side<'s>,
    same: Same,
    /// Whether differences are printed at once.
    verbose: bool,
}

impl<'s> Pair<'s> {
    fn new(left: &'s Server, right: &'s Server, verbose: bool) -> Self {
        Self {
            left: Side::new(left),
            right: Side::new(right),
            same: Same::default(),
            verbose,
        }
    }

    fn run(
        &mut self,
        mut sequence: Sequence,
        count: usize,
        number: usize,
        classes: &mut Classes,
    ) -> Result<()> {
        let watched = number.is_multiple_of(WATCH_EVERY).then(|| sequence.watch());
        let mut operations = sequence.first();
        let more = count.saturating_sub(operations.len() + usize::from(watched.is_some()));
        operations.extend((0..more).map(|_| sequence.next()));
        operations.extend(watched);
        let mut is_first = true;
        for operation in &operations {
            let differences = self.perform(operation, classes)?;
            if self.verbose && !differences.is_empty() {
                println!("{} {}", operation.label, operation.call.path);
                for difference in &differences {
                    println!("    {difference}");
                }
            }
            classes.add(operation, number, &differences, &mut is_first);
        }
        Ok(())
    }

    /// Performs an operation on both sides and compares the answers.
    fn perform(&mut self, operation: &Operation, classes: &mut Classes) -> Result<Vec<Difference>> {
        self.same.note_sent(&operation.text());
        let (left, right) = (
            self.left.perform(operation)?,
            self.right.perform(operation)?,
        );
        classes.count(left.status);
        let mut differences = Vec::new();
        if left.status != right.status {
            differences.push(Difference::of(
                "status",
                left.status,
                format!("{} {}", right.status, right.text()),
            ));
        }
        for name in HEADERS {
            let values = |answer: &Answer| {
                answer
                    .headers
                    .get(name)
                    .map_or(String::new(), |values| values.join(" | "))
            };
            if values(&left) != values(&right) {
                differences.push(Difference::of(name, values(&left), values(&right)));
            }
        }
        let (left, right) = (body(operation, &left)?, body(operation, &right)?);
        differences.extend(self.same.compare(&left, &right));
        Ok(differences)
    }
}

fn body(operation: &Operation, answer: &Answer) -> Result<Value> {
    if operation.label == "watch" {
        return Ok(without_bookmarks(answer.values()?).into());
    }
    Ok(answer.json().unwrap_or_else(|| answer.text().into()))
}

/// Creates the namespaces and the custom kind.
fn prepare(server: &Server) -> Result<()> {
    for number in 0..NAMESPACES {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("d-{number}")}});
        create(server, "/api/v1/namespaces", &namespace)?;
    }
    let definition = kinds::definition()?;
    create(
        server,
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &definition,
    )?;
    let name = definition["metadata"]["name"].as_str().unwrap_or_default();
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
    let start = Instant::now();
    while !is_served(server, &path)? {
        if start.elapsed() > SERVED_WITHIN {
            bail!("{name} is not served after {} s", SERVED_WITHIN.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn create(server: &Server, path: &str, object: &Value) -> Result<()> {
    let answer =
        server.call(&Call::new("POST", path).body("application/json", object.to_string()))?;
    if answer.status != 201 {
        bail!(
            "create {}: {} {}",
            object["metadata"]["name"],
            answer.status,
            answer.text()
        );
    }
    Ok(())
}

/// Returns whether the definition is established and its objects can be listed.
fn is_served(server: &Server, path: &str) -> Result<bool> {
    let definition = server
        .call(&Call::new("GET", path))?
        .json()
        .context("read the definition")?;
    let mut conditions = definition["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    let established = conditions.any(|one| one["type"] == "Established" && one["status"] == "True");
    let listed = format!("{}/d-0/widgets", TestedKind::folder_of(&definition));
    Ok(established && server.call(&Call::new("GET", listed))?.status == 200)
}

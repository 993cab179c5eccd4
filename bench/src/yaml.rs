//! Reading YAML: bytes to node trees and to values, compared with libyaml's events and JSON of the
//! same data, in one run on one thread. Each figure is the best of several rounds.

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libyaml_safer::{EventData, Parser};
use lode_yaml::{Dialect, Nodes, Origins, Reader};
use serde_json::Value;

use crate::print;

/// Measures the files, or the larger YAML files of the kustomize corpus if none is given.
pub(crate) fn run(files: &[PathBuf]) -> Result<()> {
    let texts = if files.is_empty() {
        corpus()?
    } else {
        read(files)?
    };
    ensure!(
        texts.iter().all(|text| events(text) > 0),
        "libyaml refuses a text: there would be nothing to compare with"
    );
    let values = texts
        .iter()
        .map(|text| values(text))
        .collect::<Result<Vec<_>>>()?;
    let jsons = values
        .iter()
        .map(serde_json::to_vec)
        .collect::<Result<Vec<_>, _>>()?;
    let bytes = texts.iter().map(Vec::len).sum();
    let json_bytes = jsons.iter().map(Vec::len).sum();
    print::line(&format!(
        "{} texts, {bytes} bytes of YAML, {json_bytes} bytes as JSON",
        texts.len()
    ));
    let rate = |what: &str, bytes: usize, round: &dyn Fn() -> usize| {
        print::figure(
            what,
            bytes as f64 / BYTES_PER_MB / best(round).as_secs_f64(),
            "MB/s",
        );
    };
    rate("bytes to node trees", bytes, &|| {
        texts.iter().map(|text| nodes(text)).sum()
    });
    rate("bytes to values", bytes, &|| {
        texts.iter().filter(|text| values_count(text) > 0).count()
    });
    rate("libyaml, events only", bytes, &|| {
        texts.iter().map(|text| events(text)).sum()
    });
    rate(
        "JSON of the same data (per byte of JSON)",
        json_bytes,
        &|| {
            jsons
                .iter()
                .filter(|json| serde_json::from_slice::<Value>(json).is_ok())
                .count()
        },
    );
    Ok(())
}

const ROUNDS: usize = 7;
const BYTES_PER_MB: f64 = 1e6;

fn best(round: &dyn Fn() -> usize) -> Duration {
    let timed = |_| {
        let start = Instant::now();
        std::hint::black_box(round());
        start.elapsed()
    };
    (0..ROUNDS).map(timed).min().unwrap_or_default()
}

fn nodes(text: &[u8]) -> usize {
    Nodes::new(text, Dialect::V3, Origins::default())
        .flatten()
        .count()
}

fn values_count(text: &[u8]) -> usize {
    Reader::new(text, Dialect::V3).flatten().count()
}

fn values(text: &[u8]) -> Result<Value> {
    let read =
        Reader::new(text, Dialect::V3).map(|document| document.map(|document| document.value));
    Ok(Value::Array(read.collect::<Result<_, _>>()?))
}

/// Counts events; 0 if libyaml refuses the text.
fn events(text: &[u8]) -> usize {
    let mut parser = Parser::new();
    parser.set_encoding(libyaml_safer::Encoding::Utf8);
    let mut input = text;
    parser.set_input(&mut input);
    let mut count = 0;
    loop {
        let Ok(event) = parser.parse() else { return 0 };
        count += 1;
        if event.data == EventData::StreamEnd {
            return count;
        }
    }
}

fn read(files: &[PathBuf]) -> Result<Vec<Vec<u8>>> {
    files
        .iter()
        .map(|file| std::fs::read(file).with_context(|| format!("read {}", file.display())))
        .collect()
}

const FILE_MIN_BYTES: usize = 100_000;

fn corpus() -> Result<Vec<Vec<u8>>> {
    let archive = cases::folder().join(cases::KUSTOMIZE);
    ensure!(
        archive.exists(),
        "name files: {} is absent",
        archive.display()
    );
    let mut texts = Vec::new();
    for entry in cases::unpack(&archive)?.entries()? {
        let mut entry = entry?;
        let is_yaml = entry
            .path()?
            .extension()
            .is_some_and(|extension| extension == "yaml");
        if is_yaml && entry.header().size()? >= FILE_MIN_BYTES as u64 {
            let mut text = Vec::new();
            entry.read_to_end(&mut text)?;
            // libyaml panics if the last line break is missing.
            if text.ends_with(b"\n") && values(&text).is_ok() && events(&text) > 0 {
                texts.push(text);
            }
        }
    }
    Ok(texts)
}

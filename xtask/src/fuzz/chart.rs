//! Charts: packed, unpacked, prepared and rendered within a budget.
//!
//! Inputs: whole charts of the shared corpus, if it exists, and a small one of ours, each as one text
//! in which a line `=== path` begins a file, so that a mutation may hit any of them, or span two. Of
//! every other input some bytes of the archive are changed too, before or after it is compressed.
//! What must hold: nothing panics or runs away, a render is deterministic, and what a
//! folder is packed to can be loaded and is packed to the same again.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use lode_chart::{Capabilities, Chart, ReleaseInfo, RenderOptions, SchemaDocuments};
use lode_stdx::Digest;
use lode_stdx::budget::{Budget, Limits};
use lode_template::Environment;
use lode_tree::{RepoPath, Tree};
use serde_json::Map;

use super::template::{Constant, KEYS};

const OWN: &str = "=== Chart.yaml\napiVersion: v2\nname: web\nversion: 1.0.0\ntype: application\ndependencies:\n- {name: sub, version: 1.x, \
                   repository: 'https://charts.example', condition: sub.on, tags: [t], alias: other, import-values: [data, {child: a, parent: b}]}\n\
                   === values.yaml\ncolor: blue\nsub: {on: true}\nother: {n: null}\nglobal: {g: 1}\ntags: {t: true}\n\
                   === values.schema.json\n{\"type\": \"object\", \"required\": [\"color\"], \"properties\": {\"color\": {\"pattern\": \"^b\", \"$ref\": \"#/$defs/c\"}}, \"$defs\": {\"c\": {\"type\": \"string\"}}}\n\
                   === .helmignore\n*.bak\n!a.bak\nsecret/\n\
                   === templates/_h.tpl\n{{ define \"n\" }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}\n\
                   === templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ include \"n\" . }}, annotations: {helm.sh/hook: \"pre-install,test\", helm.sh/hook-weight: \"-5\"}}\n\
                   data: {c: {{ .Values.color | quote }}, f: {{ .Files.Get \"f.txt\" | quote }}, g: {{ (.Files.Glob \"*.txt\").AsConfig | quote }}}\n\
                   === templates/NOTES.txt\n{{ tpl \"{{ .Values.color }}\" . }}\n=== f.txt\ntext\n=== crds/c.yaml\nkind: CustomResourceDefinition\nmetadata: {name: c}\n\
                   === charts/sub/Chart.yaml\napiVersion: v1\nname: sub\nversion: 1.2.3\n=== charts/sub/values.yaml\nexports: {data: {x: 1}}\na: {y: 2}\n\
                   === charts/sub/templates/b.yaml\nkind: Secret\nmetadata: {name: b}\nstringData: {v: {{ .Values | toJson | quote }}}\n";
/// Largest chart used, in bytes: larger ones are mostly repetitive.
const CHART_MAX: usize = 160 << 10;
const FILE_MARK: &str = "=== ";

pub(super) const LIMITS: Limits = Limits {
    bytes: 16 << 20,
    nodes: 1 << 18,
    steps: 1 << 21,
};

pub(super) fn seeds() -> Vec<String> {
    let mut charts: BTreeMap<String, String> = BTreeMap::new();
    cases::visit("helm/charts.tar.zst", |path, content| {
        let Some((name, file)) = path.split_once("/chart/") else {
            return;
        };
        if let cases::Content::File(bytes) = content
            && let Ok(text) = String::from_utf8(bytes)
            && !makes_keys(&text)
        {
            let whole = charts.entry(name.to_owned()).or_default();
            whole.extend([FILE_MARK, file, "\n", &text, "\n"]);
        }
    });
    let mut seeds = vec![OWN.to_owned(); 20];
    let small = charts.into_values().filter(|it| it.len() <= CHART_MAX);
    seeds.extend(small);
    seeds
}

fn makes_keys(text: &str) -> bool {
    KEYS.iter().any(|function| text.contains(function))
}

/// Checks a chart; the error says which law does not hold.
pub(super) fn check(text: &str) -> Result<(), String> {
    if makes_keys(text) {
        return Ok(());
    }
    let packed = packed(text).map_err(|error| format!("pack the input: {error}"))?;
    let (once, again) = (run(&packed), run(&packed));
    // Compiled patterns are kept, so that a second run may get further.
    let is_bound = |outcome: &Result<String, String>| matches!(outcome, Err(error) if error.contains("the limit"));
    if once != again && !is_bound(&once) {
        return Err("two renders of the same differ".to_owned());
    }
    check_folder(text)
}

/// Checks that a chart which is loaded from a folder, with its `.helmignore`, and packed can be loaded from that package
/// and is packed to the same bytes.
fn check_folder(text: &str) -> Result<(), String> {
    // In a package a backslash separates folders, and two points at the start lead out of it, as for Helm, which writes
    // both as they are.
    let is_other = |path: &str| path.contains('\\') || path.starts_with("web/..");
    if files(text).any(|(path, _)| is_other(&path)) {
        return Ok(());
    }
    let tree: Tree = files(text).collect();
    let budget = Budget::new(LIMITS);
    let at = RepoPath::parse("web").map_err(|error| error.to_string())?;
    let mut package = Vec::new();
    let Ok(chart) = Chart::from_folder(&tree, &at, &budget) else {
        return Ok(());
    };
    if chart.pack(&mut package).is_err() {
        return Ok(());
    }

    let chart = match Chart::from_archive(&package, &budget) {
        Ok(chart) => chart,
        Err(error) if error.to_string().contains("the limit") => return Ok(()),
        Err(error) => return Err(format!("what was packed cannot be loaded: {error}")),
    };
    let mut again = Vec::new();
    match chart.pack(&mut again) {
        Ok(()) if again == package => Ok(()),
        Ok(()) => Err("a package is packed otherwise".to_owned()),
        Err(error) => Err(format!("what was packed cannot be packed: {error}")),
    }
}

/// Returns the files of a text, with paths as they are: readers have to refuse what leads outside.
fn files(text: &str) -> impl Iterator<Item = (String, &str)> {
    let pieces = text.split(FILE_MARK).skip(1);
    pieces.map(|piece| {
        let (path, content) = piece.split_once('\n').unwrap_or((piece, ""));
        (format!("web/{path}"), content)
    })
}

/// Packs the files of a text. What is changed in the archive depends on the text alone.
fn packed(text: &str) -> std::io::Result<Vec<u8>> {
    let mut tar = Vec::new();
    for (path, content) in files(text) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let name = &mut header.as_old_mut().name;
        let length = path.len().min(name.len());
        name[..length].copy_from_slice(&path.as_bytes()[..length]);
        header.set_cksum();
        tar.extend(header.as_bytes());
        tar.extend(content.as_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);

    let noise = Digest::of(text.as_bytes()).hex().into_bytes();
    if noise[0].is_multiple_of(4) {
        change(&mut tar, &noise);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&tar)?;
    let mut packed = encoder.finish()?;
    if noise[0] % 4 == 1 {
        change(&mut packed, &noise);
    }
    Ok(packed)
}

/// Changes a few bytes where noise says.
fn change(bytes: &mut [u8], noise: &[u8]) {
    for (at, window) in noise.windows(5).step_by(17).enumerate() {
        let place = window
            .iter()
            .fold(at, |sum, byte| sum * 37 + usize::from(*byte));
        let length = bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(place % length) {
            *byte ^= window[0].rotate_left(3);
        }
    }
}

fn run(packed: &[u8]) -> Result<String, String> {
    let budget = Budget::new(LIMITS);
    let chart = Chart::from_archive(packed, &budget).map_err(|error| error.to_string())?;
    let values = Map::new();
    let prepared = chart.prepare(&values, &budget);
    let prepared = prepared.map_err(|error| error.to_string())?;
    let checked = prepared.check_schemas(&SchemaDocuments::new(), &budget);
    checked.map_err(|error| error.to_string())?;

    let release = ReleaseInfo {
        name: "rel",
        namespace: "ns",
        revision: 1,
        is_upgrade: false,
    };
    let environment =
        Environment::without_cluster((jiff::Timestamp::UNIX_EPOCH, &Constant), &budget);
    let options = RenderOptions::default();
    let rendered = prepared.render(&release, &Capabilities::default(), &options, &environment);
    let rendered = rendered.map_err(|error| error.to_string())?;
    let mut text = lode_chart::manifest::text(&rendered.manifests);
    for hook in &rendered.hooks {
        text.push_str(&hook.manifest);
    }
    text.push_str(&rendered.notes);
    Ok(text)
}

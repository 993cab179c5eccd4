//! Templates: one source, parsed, compiled and run within a budget.
//!
//! Inputs: Go's and Helm's own cases and templates of real charts from the shared corpus, if it
//! exists, and a small one of ours. What must hold: no template panics or runs away, however it is
//! nested, and a run is deterministic.

use std::sync::{Arc, LazyLock};

use lode_stdx::budget::{Budget, Limits};
use lode_template::function::Functions;
use lode_template::{Environment, Map, MissingKey, Random, TemplateFile, Templates, Value};
use serde_json::json;

const OWN: &str = "{{- define \"t\" }}{{ range $k, $v := .m }}{{ $k }}={{ $v | quote }}{{ else }}-{{ end }}{{ end -}}\n\
                   {{ $x := .Values.a | default 1 }}{{ with .Values.m }}{{ include \"t\" (dict \"m\" . \"x\" $x) | nindent 2 }}{{ end }}\n\
                   {{ if and (eq .Values.s \"a\") (not .Values.none) }}{{ printf \"%5d|%-4q|%v\" 3 \"x\" .Values.l }}{{ else if gt 1 2 }}no{{ end }}\n\
                   {{ tpl \"{{ .Values.s }}{{ toYaml .Values.m }}\" . }}{{ range until 3 }}{{ if . }}{{ continue }}{{ end }}{{ break }}{{ end }}\n";
/// Largest template used, in bytes.
const SEED_MAX: usize = 8 << 10;
/// Functions that make keys, which takes long and is different each time.
pub(super) const KEYS: [&str; 7] = [
    "genPrivateKey",
    "genCA",
    "genSelfSignedCert",
    "genSignedCert",
    "bcrypt",
    "htpasswd",
    "derivePassword",
];
/// Templates of charts that are used.
const CHART_FILES: usize = 3000;

/// What is inserted, besides pieces of the input itself.
pub(super) const PIECES: [&str; 52] = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    "{{ end }}",
    "{{ else }}",
    "{{/*",
    "*/}}",
    "(",
    ")",
    "|",
    ":=",
    "=",
    "$",
    ".",
    "$x",
    ".a.b",
    "\"",
    "`",
    "'",
    "\\",
    "'a'",
    "0x",
    "1e3",
    "-1",
    "1_0",
    "nil",
    "true",
    "{{ if . }}",
    "{{ with . }}",
    "{{ range . }}",
    "{{ range $i, $e := . }}",
    "{{ define \"t\" }}",
    "{{ block \"t\" . }}",
    "{{ template \"t\" . }}",
    "{{ include \"t\" . }}",
    "{{ tpl . . }}",
    "{{ $x := . }}",
    "{{ $x = list $x $x }}",
    "{{ . }}",
    "{{ break }}",
    "{{ continue }}",
    " 1000000000 ",
    "{{ set . \"a\" . }}",
    "{{ toYaml . }}",
    "{{ printf \"%99999d%*d\" 1 2 }}",
    "{{ repeat 99999 \"a\" }}",
    "\n",
    " ",
    "\u{e9}",
    "{{ index . 0 }}",
    "{{ .Values.m | toJson | fromJson }}",
];

pub(super) struct Constant;

impl Random for Constant {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

pub(super) const LIMITS: Limits = Limits {
    bytes: 16 << 20,
    nodes: 1 << 18,
    steps: 1 << 20,
};

pub(super) fn seeds() -> Vec<String> {
    let mut seeds = vec![OWN.to_owned(); 20];
    let texts = cases::json("template/texttemplate-cases.json").unwrap_or_default();
    let inputs = texts.as_array().into_iter().flatten().cloned();
    let lines = ["template/sprig.jsonl", "template/helm-engine-exec.jsonl"]
        .into_iter()
        .flat_map(cases::lines);
    for case in inputs.chain(lines) {
        seeds.extend(case["input"].as_str().map(str::to_owned));
    }

    let mut left = CHART_FILES;
    cases::visit("helm/charts.tar.zst", |path, content| {
        if let cases::Content::File(bytes) = content
            && left > 0
            && path.contains("/templates/")
            && bytes.len() <= SEED_MAX
            && let Ok(text) = String::from_utf8(bytes)
        {
            left -= 1;
            seeds.push(text);
        }
    });
    seeds.retain(|text| !KEYS.iter().any(|function| text.contains(function)));
    seeds
}

/// Checks a template; the error says which law does not hold.
pub(super) fn check(text: &str) -> Result<(), String> {
    if KEYS.iter().any(|function| text.contains(function)) {
        return Ok(());
    }
    let (once, again) = (run(text), run(text));
    // Compiled patterns are kept, so that a second run may get further.
    let is_bound = |outcome: &Result<String, String>| matches!(outcome, Err(error) if error.contains("the limit"));
    if once == again || is_bound(&once) {
        return Ok(());
    }
    Err("two runs of the same differ".to_owned())
}

fn run(text: &str) -> Result<String, String> {
    static FUNCTIONS: LazyLock<Arc<Functions>> = LazyLock::new(|| Arc::new(Functions::helm()));
    try_run(text, Arc::clone(&FUNCTIONS), &Budget::new(LIMITS))
}

fn try_run(text: &str, functions: Arc<Functions>, budget: &Budget) -> Result<String, String> {
    let file = TemplateFile {
        name: "a",
        text: text.as_bytes().into(),
    };
    let templates = Templates::compile(functions, &[file], budget);
    let templates = templates.map_err(|error| error.to_string())?;
    let environment = Environment {
        now: jiff::Timestamp::UNIX_EPOCH,
        random: &Constant,
        cluster: None,
        resolve_host: None,
        used_time: None,
        is_lint: false,
        budget,
    };
    let data = json!({
        "Values": {"a": 1, "s": "a", "l": [1, "b", null, 2.5], "m": {"k": "v", "n": {"d": true}}, "none": null},
        "Release": {"Name": "rel", "Namespace": "ns"},
        "Chart": {"Name": "c", "Version": "1.0.0"},
    });
    let scope = |_: &str| match Value::from_json(&data) {
        Value::Map(map) => (map.named("common.Values"), "templates".to_owned()),
        _ => (Map::new(), String::new()),
    };
    let rendered = templates.render(["a"], scope, MissingKey::Zero, &environment);
    let rendered = rendered.map_err(|error| error.to_string())?;
    Ok(rendered.into_iter().map(|file| file.content).collect())
}

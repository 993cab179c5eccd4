//! Hostile templates end with an error, whatever they do and however little they may spend.

use std::sync::Arc;

use lode_stdx::budget::{Budget, Limits};
use lode_template::function::Functions;
use lode_template::{Map, MissingKey, TemplateFile, Templates, Value};

use crate::execute::with_environment;

/// Templates that would run, print or nest without end.
const HOSTILE: [&str; 10] = [
    r#"{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}"#,
    r#"{{ define "t" }}{{ include "u" . }}{{ end }}{{ define "u" }}{{ include "t" . }}{{ end }}{{ include "t" . }}"#,
    r#"{{ define "t" }}{{ tpl "{{ template \"t\" . }}" . }}{{ end }}{{ template "t" . }}"#,
    "{{ range 1000000000000 }}{{ end }}",
    "{{ range 1000000000 }}x{{ end }}",
    "{{ $x := `aaaaaaaa` }}{{ range 64 }}{{ $x = print $x $x }}{{ end }}{{ $x }}",
    r#"{{ range 1000000 }}{{ $x := printf "%1000000d" 1 }}{{ end }}"#,
    r#"{{ range 1000 }}{{ range 1000 }}{{ range 1000 }}{{ include "v" . }}{{ end }}{{ end }}{{ end }}{{ define "v" }}{{ end }}"#,
    r#"{{ define "t" }}{{ tpl (print "{{ template \"t\" . }}{{/*" (len .) "*/}}") (print . "x") }}{{ end }}{{ template "t" "x" }}"#,
    "{{ range 100000000 }}{{ $x := 1 }}{{ end }}",
];

fn run(text: &str, limits: Limits) -> Result<Vec<u8>, String> {
    let files = [TemplateFile {
        name: "a",
        text: text.as_bytes().into(),
    }];
    let functions = Arc::new(Functions::helm());
    let templates = Templates::compile(functions, &files, &Budget::new(limits))
        .map_err(|error| error.to_string())?;
    with_environment(limits, |environment| {
        let output = templates.execute("a", Map::new().into(), MissingKey::Zero, environment);
        output.map_err(|error| error.to_string())
    })
}

#[test]
fn hostile_templates_end_within_their_budget() {
    let limits = Limits {
        bytes: 8 << 20,
        nodes: 1 << 18,
        steps: 1 << 20,
    };
    for text in HOSTILE {
        let error = run(text, limits).unwrap_err();
        let names_the_bound = ["limit", "exceeded maximum", "nested reference"]
            .iter()
            .any(|bound| error.contains(bound));
        assert!(names_the_bound, "{text}: {error}");
    }
}

#[test]
fn sources_of_very_many_parts_end_within_their_budget() {
    let many = |part: &dyn Fn(usize) -> String| -> String { (0..30_000).map(part).collect() };
    let sources = [
        many(&|n| format!("{{{{ define \"t{n}\" }}}}x{{{{ end }}}}")),
        many(&|n| format!("{{{{ include \"t{n}\" . }}}}")),
        many(&|n| format!("{{{{ $a{n} := 1 }}}}")),
        many(&|_| "{{ .A 1 }}".to_owned()),
        format!("{{{{ print {} }}}}", "1 ".repeat(70_000)),
        format!("{{{{ {} }}}}", ".a".repeat(70_000)),
        format!("{{{{ . {} }}}}", "| not ".repeat(70_000)),
    ];
    let limits = Limits {
        bytes: 256 << 20,
        nodes: 1 << 20,
        steps: 8 << 20,
    };
    for source in sources {
        let start = source.chars().take(40).collect::<String>();
        let small = Limits {
            bytes: 1 << 20,
            ..limits
        };
        let error = run(&source, small).unwrap_err();
        assert!(error.contains("the limit"), "{start}: {error}");
        // With more to spend it ends somehow, and soon.
        drop(run(&source, limits));
    }
}

#[test]
fn errors_of_deep_nesting_stay_small() {
    // Each level would quote the text.
    let text = format!("{{{{ tpl .t . }}}}{}", "x".repeat(1 << 14));
    let data = Map::from_entries(vec![("t".into(), Value::text(text))]);
    let files = [TemplateFile {
        name: "a",
        text: (*b"{{ tpl .t . }}").into(),
    }];
    let functions = Arc::new(Functions::helm());
    let templates = Templates::compile(functions, &files, &Budget::unlimited()).unwrap();
    let error = with_environment(Limits::UNLIMITED, |environment| {
        let data = Value::from(data.clone());
        templates
            .execute("a", data, MissingKey::Zero, environment)
            .unwrap_err()
            .to_string()
    });
    assert!(error.ends_with("nested deeper than 10000, the limit"));
    assert!(error.len() < 4 << 20, "{} bytes", error.len());
}

/// A stream of numbers that is the same every time.
struct Stream(u64);

impl Stream {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Parts that templates are put together from.
const PARTS: [&str; 26] = [
    "{{ range 9 }}",
    "{{ end }}",
    "{{ if . }}",
    "{{ else }}",
    "{{ with 1 }}",
    "{{ $x := 1 }}",
    "{{ $x = . }}",
    "{{ $x }}",
    "{{ . }}",
    "text ",
    "{{- break -}}",
    "{{ continue }}",
    r#"{{ define "t" }}"#,
    r#"{{ include "t" . }}"#,
    r#"{{ template "t" . }}"#,
    r#"{{ tpl "{{ . }}{{ include \"t\" . }}" . }}"#,
    "{{ index . 0 }}",
    "{{ and . 0 (not .) }}",
    r#"{{ printf "%5d %s %v" 1 . }}"#,
    "{{ .a.b }}",
    "{{ (print 1 | len) }}",
    "{{ len . }}",
    "{{ eq . 1 }}",
    "{{ $.x }}",
    "{{ range $i, $e := . }}",
    "{{ required `x` . }}",
];

#[test]
fn random_templates_with_random_budgets_never_panic() {
    let mut stream = Stream(0x9e37_79b9_7f4a_7c15);
    let mut finished = 0;
    for _ in 0..4000 {
        let mut text = String::new();
        for _ in 0..stream.below(14) {
            text.push_str(PARTS[stream.below(PARTS.len())]);
        }
        // Most of them are closed, so that they are run.
        let opened = ["{{ range", "{{ if", "{{ with", "{{ define"]
            .iter()
            .map(|open| text.matches(open).count())
            .sum::<usize>();
        for _ in text.matches("{{ end }}").count()..opened {
            text.push_str("{{ end }}");
        }
        let limits = Limits {
            bytes: stream.below(100_000) as u64,
            nodes: stream.below(5_000) as u64,
            steps: stream.below(50_000) as u64,
        };
        finished += usize::from(run(&text, limits).is_ok());
    }
    assert!(finished > 100, "only {finished} templates ran to their end");
}

#[test]
fn deep_nesting_needs_no_stack() {
    let work = || {
        let deep = r#"{{ define "t" }}{{ if . }}{{ with . }}{{ template "t" . }}{{ end }}{{ end }}{{ end }}{{ template "t" 1 }}"#;
        let limits = Limits::UNLIMITED;
        let error = run(deep, limits).unwrap_err();
        assert!(
            error.contains("exceeded maximum template depth (100000)"),
            "{error}"
        );

        for depth in [190, 100_000] {
            let parens = format!("{{{{ {}1{} }}}}", "(".repeat(depth), ")".repeat(depth));
            let blocks = format!(
                "{}{}",
                "{{ if 1 }}".repeat(depth),
                "{{ end }}".repeat(depth)
            );
            let chain = format!(
                "{{{{ if 0 }}}}{}{{{{ end }}}}",
                "{{ else if 0 }}".repeat(depth)
            );
            for text in [parens, blocks, chain] {
                let result = run(&text, limits);
                assert_eq!(result.is_ok(), depth < 200, "{result:?}");
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work);
    thread.unwrap().join().unwrap();
}

#[test]
fn a_map_that_contains_itself_is_freed_and_not_followed() {
    let map = Map::new();
    map.insert("self".into(), map.clone().into()).unwrap();
    let files = [TemplateFile {
        name: "a",
        text: (*b"{{ . }}").into(),
    }];
    let functions = Arc::new(Functions::helm());
    let templates = Templates::compile(functions, &files, &Budget::unlimited()).unwrap();
    let error = with_environment(Limits::UNLIMITED, |environment| {
        let data = Value::from(map.clone());
        templates
            .execute("a", data, MissingKey::Zero, environment)
            .unwrap_err()
    });
    assert!(error.is_bound(), "{error}");
    map.remove("self").unwrap();
}

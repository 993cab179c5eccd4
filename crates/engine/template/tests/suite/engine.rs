//! Helm's own cases for its engine.

use std::sync::Arc;

use cases::Score;
use lode_stdx::budget::Budget;
use lode_template::function::Functions;
use lode_template::{GoString, Map, MissingKey, TemplateFile, Templates, Value};
use serde_json::Value as Json;

use crate::execute::{ENOUGH, with_environment};
use crate::recorded::value;

/// Cases that were right when this was written.
const EXEC_FLOOR: usize = 21;
/// One asks for the address of a host with names switched on, and fails as the network it was
/// recorded in did.
const RENDER_FLOOR: usize = 138;

#[test]
fn single_templates_run_as_in_helm() {
    let functions = Arc::new(Functions::helm());
    let mut score = Score::new("Helm's functions", EXEC_FLOOR);
    for case in &cases::lines("template/helm-engine-exec.jsonl") {
        let input = case["input"].as_str().unwrap();
        // Helm 4.2.1 has no such functions yet.
        if input.contains("Duration ") || input.contains("{{ duration") {
            continue;
        }
        let data = value(&case["data"]);
        let cycle = close(&data);
        let found = run(&functions, input, data);
        cycle.inspect(|map| _ = map.remove("loop").unwrap());
        let expected = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(case["output"].as_str().unwrap().to_owned()),
        };
        score.check(&input, &found, &expected);
    }
    score.finish();
}

/// A map that contained itself is recorded to some depth: makes it contain itself again.
fn close(data: &Value) -> Option<Map> {
    let map = data.as_map()?;
    map.get("loop")?;
    let itself = Value::list(vec![map.clone().into()]);
    map.insert("loop".into(), itself).unwrap();
    Some(map.clone())
}

fn run(functions: &Arc<Functions>, input: &str, data: Value) -> Result<String, String> {
    let files = [TemplateFile {
        name: "test",
        text: input.as_bytes().into(),
    }];
    let budget = Budget::unlimited();
    let templates = Templates::compile(Arc::clone(functions), &files, &budget)
        .map_err(|error| error.to_string())?;
    with_environment(ENOUGH, |environment| {
        let output = templates.execute("test", data, MissingKey::Invalid, environment);
        output
            .map(|output| String::from_utf8_lossy(&output).into_owned())
            .map_err(|error| error.to_string())
    })
}

#[test]
fn charts_are_rendered_as_in_helm() {
    let functions = Arc::new(Functions::helm());
    let mut score = Score::new("Helm's engine", RENDER_FLOOR);
    for case in &cases::lines("template/helm-engine-render.jsonl") {
        let found = render(&functions, case);
        let expected = expected(case);
        let name = format!("{} {}", case["test"], case["line"]);
        score.check(&name, &found, &expected);
    }
    score.finish();
}

type Outcome = Result<Vec<(String, String)>, String>;

fn expected(case: &Json) -> Outcome {
    match case["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(case["output"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned()))
            .collect()),
    }
}

fn render(functions: &Arc<Functions>, case: &Json) -> Outcome {
    let recorded = case["templates"].as_object().unwrap();
    let files: Vec<TemplateFile<'_>> = recorded
        .iter()
        .map(|(name, file)| TemplateFile {
            name,
            text: file["tpl"].as_str().unwrap().as_bytes().into(),
        })
        .collect();
    let templates = Templates::compile(Arc::clone(functions), &files, &Budget::unlimited())
        .map_err(|error| error.to_string())?;

    let missing = if case["strict"] == true {
        MissingKey::Error
    } else {
        MissingKey::Zero
    };
    let scope = |name: &str| -> (Map, String) {
        let file = &recorded[name];
        let values = value(&file["vals"]);
        let base = file["basePath"].as_str().unwrap_or_default();
        (
            values.as_map().cloned().unwrap_or_default(),
            base.to_owned(),
        )
    };
    with_environment(ENOUGH, |environment| {
        let environment = lode_template::Environment {
            used_time: None,
            is_lint: case["lint"] == true,
            ..*environment
        };
        let names = recorded.keys().map(String::as_str);
        let rendered = templates.render(names, scope, missing, &environment);
        let mut files: Vec<(String, String)> = rendered
            .map_err(|error| error.to_string())?
            .into_iter()
            .map(|file| (file.name, file.content))
            .collect();
        files.sort();
        Ok(files)
    })
}

/// Renders one chart and returns the file `a`, or the error.
fn rendered(files: &[(&str, &str)], values: &Map, missing: MissingKey) -> Result<String, String> {
    let functions = Arc::new(Functions::helm());
    let sources: Vec<TemplateFile<'_>> = files
        .iter()
        .map(|(name, text)| TemplateFile {
            name,
            text: text.as_bytes().into(),
        })
        .collect();
    let templates = Templates::compile(functions, &sources, &Budget::unlimited())
        .map_err(|error| error.to_string())?;
    with_environment(ENOUGH, |environment| {
        let names = files.iter().map(|(name, _)| *name);
        let scope = |_: &str| (values.clone(), "chart/templates".to_owned());
        let rendered = templates.render(names, scope, missing, environment);
        let rendered = rendered.map_err(|error| error.to_string())?;
        let file = rendered.into_iter().find(|file| file.name == "a");
        Ok(file.map(|file| file.content).unwrap_or_default())
    })
}

fn data(entries: &[(&str, Value)]) -> Map {
    let entries = entries
        .iter()
        .map(|(key, value)| (GoString::from(*key), value.clone()));
    Map::from_entries(entries.collect())
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: Result<&str, &str>) {
    let values = data(&[("a", Value::text("x")), ("nil", Value::Nil)]);
    let values = data(&[("Values", values.into())]);
    let found = rendered(files, &values, MissingKey::Zero);
    let expected = expected.map(str::to_owned).map_err(str::to_owned);
    assert_eq!(found, expected);
}

#[test]
fn includes_return_text_and_partials_are_not_rendered() {
    check(
        &[
            ("a", r#"{{ include "t" .Values | print "<" }}>"#),
            ("_b", r#"{{ define "t" }}{{ .a }}{{ end }}"#),
        ],
        Ok("<x>"),
    );
    check(
        &[("a", r#"{{ "t" | printf "%s" | include }}"#)],
        Err(
            "a:1:23\n  executing \"a\" at <include>:\n    wrong number of args for include: want 2 got 1",
        ),
    );
    check(
        &[("a", r#"{{ include "none" . }}"#)],
        Err(
            "a:1:3\n  executing \"a\" at <include \"none\" .>:\n    error calling include:\ntemplate: no template \"none\" associated with template \"gotpl\"",
        ),
    );
}

#[test]
fn errors_show_the_templates_that_led_to_them() {
    check(
        &[
            ("a", "\n{{ include \"t\" . }}"),
            ("_b", r#"{{ define "t" }}{{ .Values.b.c }}{{ end }}"#),
        ],
        Err(concat!(
            "a:2:3\n  executing \"a\" at <include \"t\" .>:\n    error calling include:\n",
            "_b:1:26\n  executing \"t\" at <.Values.b.c>:\n    nil pointer evaluating interface {}.c",
        )),
    );
    check(
        &[("a", r#"{{ required "say b" .Values.b }}"#)],
        Err("execution error at (a:1:3): say b"),
    );
    check(
        &[("a", r#"{{ tpl "{{ fail \"no\" }}" . }}"#)],
        Err("execution error at (a:1:3): no"),
    );
    check(
        &[("a", r#"{{ tpl "{{ .x.y }}" . }}"#)],
        Err(concat!(
            r#"template: a:1:3: executing "a" at <tpl "{{ .x.y }}" .>: error calling tpl: "#,
            r#"error during tpl function execution for "{{ .x.y }}": "#,
            r#"template: gotpl:1:5: executing "gotpl" at <.x.y>: nil pointer evaluating interface {}.y"#,
        )),
    );
    check(
        &[("a", "{{ nofunc }}")],
        Err(r#"parse error at (a:1): function "nofunc" not defined"#),
    );
}

#[test]
fn tpl_sees_all_templates_and_its_own() {
    check(
        &[
            (
                "a",
                r#"{{ tpl "{{ define \"u\" }}u{{ end }}{{ include \"u\" . }}{{ include \"t\" . }}" . }}{{ include "u" . }}"#,
            ),
            (
                "_b",
                r#"{{ define "t" }}t{{ end }}{{ define "u" }}base{{ end }}"#,
            ),
        ],
        Ok("utbase"),
    );
    check(
        &[(
            "a",
            r#"{{ tpl "no action" . }}{{ tpl "{{ .Values.none }}|" . }}"#,
        )],
        Ok("no action|"),
    );
    check(
        &[(
            "a",
            r#"{{ .Values | tpl "{{ .a }}" }}{{ tpl .Values.a . }}"#,
        )],
        Ok("xx"),
    );
}

#[test]
fn the_definition_closest_to_the_root_wins() {
    let define = |text: &str| format!("{{{{ define \"t\" }}}}{text}{{{{ end }}}}");
    let (deep, second, first) = (define("deep"), define("second"), define("first"));
    check(
        &[
            ("a", r#"{{ template "t" }}"#),
            ("c/charts/d/templates/_x", &deep),
            ("c/templates/_b", &second),
            ("c/templates/_a", &first),
        ],
        Ok("first"),
    );
}

#[test]
fn missing_values_print_nothing_or_fail_if_strict() {
    let files = [("a", "[{{ .Values.none }}{{ .Values.nil }}]<no value>")];
    check(&files, Ok("[]"));
    let values = data(&[("Values", data(&[]).into())]);
    let strict = rendered(&files, &values, MissingKey::Error);
    assert_eq!(
        strict.unwrap_err(),
        "a:1:11\n  executing \"a\" at <.Values.none>:\n    map has no entry for key \"none\""
    );
}

#[test]
fn a_template_includes_itself_a_thousand_times() {
    let recursion = r#"{{ define "t" }}{{ include "t" . }}{{ end }}"#;
    let values = data(&[]);
    let found = rendered(
        &[("a", r#"{{ include "t" . }}"#), ("_b", recursion)],
        &values,
        MissingKey::Zero,
    );
    let error = found.unwrap_err();
    let end = "error calling include: rendering template has a nested reference name: t: unable to execute template";
    assert!(error.ends_with(end), "{error}");
    assert_eq!(error.matches("_b:1:19").count(), 1001);
}

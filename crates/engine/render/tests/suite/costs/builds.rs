//! Builds: the cost of bases, changes and variables.

use std::fmt::Write as _;

use lode_render::{Plan, Substitution, render};
use lode_stdx::budget::Budget;
use lode_tree::Tree;

use super::kit::{Outcome, Random, check};

type Input = (Tree, Plan);

fn build((tree, plan): &Input, budget: &Budget) -> Outcome {
    match render(tree, plan, budget) {
        Ok(_) => Outcome::Done,
        Err(error) if error.exceeded().is_some() => Outcome::Exceeded,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// Returns an input with a kustomization and the files it names.
fn input(kustomization: String, files: impl IntoIterator<Item = (String, String)>) -> Input {
    let files = files
        .into_iter()
        .chain([("kustomization.yaml".to_owned(), kustomization)]);
    (files.collect(), Plan::default())
}

/// Returns config maps with a value, as one file.
fn maps(count: u64, value: &str) -> (String, String) {
    let object = |at| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{at}}}\ndata: {{k: \"{value}\"}}\n"
        )
    };
    ("m.yaml".to_owned(), (0..count).map(object).collect())
}

/// Returns a pod with containers, as a file.
fn pod(containers: u64) -> (String, String) {
    let mut text =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n".to_owned();
    (0..containers)
        .for_each(|at| writeln!(text, "  - {{name: c{at}, image: \"i{at}:1\"}}").unwrap());
    ("p.yaml".to_owned(), text)
}

fn lines(count: u64, line: impl Fn(u64) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn bases_hold_no_more_than_they_may() {
    let bases = |random: &mut Random| {
        let (objects, bases) = (random.between(20, 500), random.between(20, 300));
        let entry = |at| format!("- b{at}\n");
        let folder = |at| {
            (
                format!("b{at}/kustomization.yaml"),
                format!("resources: [../base]\nnamePrefix: p{at}-\n"),
            )
        };
        let (_, text) = maps(objects, "some value");
        let base = [
            ("base/m.yaml".to_owned(), text),
            (
                "base/kustomization.yaml".to_owned(),
                "resources: [m.yaml]\n".to_owned(),
            ),
        ];
        input(
            format!("resources:\n{}", lines(bases, entry)),
            (0..bases).map(folder).chain(base),
        )
    };
    check("bases", bases, build);

    let settings = |random: &mut Random| {
        let (len, objects) = (
            random.between(1_000, 60_000) as usize,
            random.between(50, 1_000),
        );
        let long = "x".repeat(len);
        let setting = match random.below(5) {
            0 => format!("namePrefix: {long}\n"),
            1 => format!("commonLabels: {{a: {long}}}\n"),
            2 => format!("namespace: {long}\n"),
            3 => format!(
                "commonAnnotations: {{{}}}\n",
                lines(len as u64 / 40, |at| format!("key{at}: v, "))
            ),
            _ => format!("nameSuffix: {long}\n"),
        };
        input(
            format!("resources: [m.yaml]\n{setting}"),
            [maps(objects, "v")],
        )
    };
    check("settings", settings, build);

    let generators = |random: &mut Random| {
        let (len, keys) = (
            random.between(1_000, 60_000) as usize,
            random.between(50, 1_000),
        );
        let file = ("f.bin".to_owned(), "y".repeat(len));
        let kind = if random.below(2) == 0 {
            "configMapGenerator"
        } else {
            "secretGenerator"
        };
        let text = format!(
            "{kind}:\n- name: g\n  files:\n{}",
            lines(keys, |at| format!("  - k{at}=f.bin\n"))
        );
        input(text, [file])
    };
    check("generators", generators, build);

    let shared_options = |random: &mut Random| {
        let (labels, entries) = (random.between(50, 1_000), random.between(50, 1_000));
        let labels = lines(labels, |at| format!("    label{at}: v\n"));
        let entries = lines(entries, |at| format!("- name: g{at}\n"));
        input(
            format!("generatorOptions:\n  labels:\n{labels}configMapGenerator:\n{entries}"),
            [],
        )
    };
    check("generatorOptions", shared_options, build);
}

#[test]
fn images_and_replacements_hold_no_more_than_they_may() {
    let images = |random: &mut Random| {
        let (images, containers) = (random.between(100, 3_000), random.between(100, 3_000));
        let tag = "t".repeat(random.between(10, 500) as usize);
        let entry = |at| format!("- {{name: i{at}, newTag: {tag}}}\n");
        input(
            format!("resources: [p.yaml]\nimages:\n{}", lines(images, entry)),
            [pod(containers)],
        )
    };
    check("images", images, build);

    let replacements = |random: &mut Random| {
        let (entries, objects) = (random.between(20, 500), random.between(50, 800));
        let value = "v".repeat(random.between(10, 5_000) as usize);
        let entry = |at| {
            format!(
                "- sourceValue: {value}\n  targets: [{{select: {{kind: ConfigMap}}, fieldPaths: [data.k{at}], options: {{create: true}}}}]\n"
            )
        };
        input(
            format!(
                "resources: [m.yaml]\nreplacements:\n{}",
                lines(entries, entry)
            ),
            [maps(objects, "v")],
        )
    };
    check("replacements", replacements, build);

    let doubling = |random: &mut Random| {
        let copies = random.between(20, 60);
        let entry = |at| {
            format!(
                "- source: {{kind: ConfigMap, fieldPath: data}}\n  targets: [{{select: {{kind: ConfigMap}}, fieldPaths: [data.k{at}], options: {{create: true}}}}]\n"
            )
        };
        input(
            format!(
                "resources: [m.yaml]\nreplacements:\n{}",
                lines(copies, entry)
            ),
            [maps(1, "v")],
        )
    };
    check("replacements that double", doubling, build);

    let inside = |random: &mut Random| {
        let (entries, keys) = (random.between(50, 500), random.between(200, 4_000));
        let data = lines(keys, |at| format!("    key{at}: value\n"));
        let object = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata:\n  f: |\n{data}"
        );
        let entry = |at| {
            format!(
                "- sourceValue: x\n  targets: [{{select: {{kind: ConfigMap}}, fieldPaths: [data.f.key{at}]}}]\n"
            )
        };
        let text = format!(
            "resources: [m.yaml]\nreplacements:\n{}",
            lines(entries, entry)
        );
        input(text, [("m.yaml".to_owned(), object)])
    };
    check("replacements inside texts", inside, build);
}

#[test]
fn patches_hold_no_more_than_they_may() {
    let strategic = |random: &mut Random| {
        let (patches, objects) = (random.between(20, 400), random.between(50, 800));
        let value = "v".repeat(random.between(10, 3_000) as usize);
        let entry = |at| {
            format!(
                "- target: {{kind: ConfigMap}}\n  patch: |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {{name: any}}\n    data: {{k{at}: {value}}}\n"
            )
        };
        input(
            format!("resources: [m.yaml]\npatches:\n{}", lines(patches, entry)),
            [maps(objects, "v")],
        )
    };
    check("strategic patches", strategic, build);

    let operations = |random: &mut Random| {
        let (patches, objects) = (random.between(20, 400), random.between(50, 800));
        let value = "v".repeat(random.between(10, 3_000) as usize);
        let entry = |at| {
            format!(
                "- target: {{kind: ConfigMap}}\n  patch: '[{{\"op\": \"add\", \"path\": \"/data/k{at}\", \"value\": \"{value}\"}}]'\n"
            )
        };
        input(
            format!("resources: [m.yaml]\npatches:\n{}", lines(patches, entry)),
            [maps(objects, "v")],
        )
    };
    check("JSON patches", operations, build);

    let copies = |random: &mut Random| {
        let count = random.between(30, 80);
        let entry = |at| format!("    - {{op: copy, from: /data, path: /data/k{at}}}\n");
        let patch = format!(
            "patches:\n- target: {{kind: ConfigMap}}\n  patch: |\n{}",
            lines(count, entry)
        );
        input(format!("resources: [m.yaml]\n{patch}"), [maps(1, "v")])
    };
    check("copies of copies", copies, build);

    let patterns = |random: &mut Random| {
        let (patches, size) = (random.between(50, 500), random.between(50, 2_000));
        let entry = |at| {
            format!(
                "- target: {{kind: ConfigMap, name: \"n{at}(a{{20}}){{{size}}}\"}}\n  patch: '[{{\"op\": \"remove\", \"path\": \"/data\"}}]'\n"
            )
        };
        input(
            format!("resources: [m.yaml]\npatches:\n{}", lines(patches, entry)),
            [maps(3, "v")],
        )
    };
    check("patterns", patterns, build);
}

#[test]
fn notes_and_tables_hold_no_more_than_they_may() {
    let notes = |random: &mut Random| {
        let (steps, objects) = (random.between(50, 500), random.between(50, 500));
        let entry = |at| format!("- {{name: none{at}, newTag: x}}\n");
        let text = format!(
            "resources: [m.yaml]\nbuildMetadata: [transformerAnnotations]\nimages:\n{}",
            lines(steps, entry)
        );
        input(text, [maps(objects, "v")])
    };
    check("notes", notes, build);

    let tables = |random: &mut Random| {
        let (fields, rules) = (random.between(100, 2_000), random.between(20, 300));
        let table = format!(
            "commonLabels:\n{}",
            lines(fields, |at| format!(
                "- {{path: spec/f{at}, kind: K{at}}}\n"
            ))
        );
        let rule = |at| format!("- {{pairs: {{l{at}: v}}, includeSelectors: true}}\n");
        let text = format!(
            "resources: [m.yaml]\nconfigurations: [t.yaml]\nlabels:\n{}",
            lines(rules, rule)
        );
        input(text, [("t.yaml".to_owned(), table), maps(5, "v")])
    };
    check("tables of fields", tables, build);

    let types = |random: &mut Random| {
        let storeys = random.between(14, 30);
        let mut text = String::from("{");
        for at in 0..storeys {
            let refs = format!("{{\"$ref\": \"t{}\"}}", at + 1);
            let top = if at == 0 {
                "\"kind\": {}, \"apiVersion\": {}, \"metadata\": {}, "
            } else {
                ""
            };
            writeln!(text, "\"t{at}\": {{\"Schema\": {{\"properties\": {{{top}\"a\": {refs}, \"b\": {refs}}}}}}},")
                .unwrap();
        }
        text.push_str("\"end\": {}}");
        input(
            "resources: [m.yaml]\ncrds: [t.json]\n".to_owned(),
            [("t.json".to_owned(), text), maps(1, "v")],
        )
    };
    check("types that share types", types, build);

    let vars = |random: &mut Random| {
        let uses = random.between(200, 3_000) as usize;
        let value = "v".repeat(random.between(100, 10_000) as usize);
        let object = format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - args:\n{}",
            "    - x$(V)\n".repeat(uses)
        );
        let (file, text) = maps(1, &value);
        let var = "vars:\n- name: V\n  objref: {kind: ConfigMap, name: m0, apiVersion: v1}\n  fieldref: {fieldPath: data.k}\n";
        input(
            format!("resources: [m.yaml]\n{var}"),
            [(file, text + &object)],
        )
    };
    check("vars", vars, build);
}

#[test]
fn comments_that_say_how_lists_merge_hold_no_more_than_they_may() {
    let comments = |random: &mut Random| {
        let zeros = "0,".repeat(random.between(2_000, 200_000) as usize);
        let object = "apiVersion: v1\nkind: Ring\nmetadata: {name: a}\n";
        let list = format!(
            "gems: # {{\"x-kubernetes-patch-merge-key\":\"name\",\"enum\":[{zeros}0]}}\n- {{name: b}}\n"
        );
        let files = [
            ("a.yaml".to_owned(), format!("{object}{list}")),
            ("p.yaml".to_owned(), format!("{object}b: 1\n")),
        ];
        input(
            "resources: [a.yaml]\npatches: [{path: p.yaml}]\n".to_owned(),
            files,
        )
    };
    check("comments", comments, build);
}

#[test]
fn variables_hold_no_more_than_they_may() {
    let substituted = |random: &mut Random| {
        let (len, uses) = (
            random.between(1_000, 100_000) as usize,
            random.between(20, 500) as usize,
        );
        let expression = match random.below(7) {
            0 => "${v}",
            1 => "${v//a/bbbbbbbb}",
            2 => "${v//a/${v}}",
            3 => "${none:=${none:=${v}${v}}${none:=${v}}}",
            4 => "${v^^}",
            5 => "${v%%*b*b*b}${v}",
            _ => "${v/a/${v//a/${v}}}",
        };
        let vars = [("v".to_owned(), "a\n".repeat(len / 2))].into();
        let substitute = Some(Substitution {
            vars,
            strict: false,
            ..Substitution::default()
        });
        let (tree, plan) = input(
            "resources: [m.yaml]\n".to_owned(),
            [maps(2, &expression.repeat(uses))],
        );
        (tree, Plan { substitute, ..plan })
    };
    check("variables", substituted, build);

    let metadata = |random: &mut Random| {
        let (len, objects) = (
            random.between(1_000, 60_000) as usize,
            random.between(50, 800),
        );
        let (tree, plan) = input("resources: [m.yaml]\n".to_owned(), [maps(objects, "v")]);
        (
            tree,
            Plan {
                common_annotations: [("a".to_owned(), "x".repeat(len))].into(),
                ..plan
            },
        )
    };
    check("common metadata", metadata, build);
}

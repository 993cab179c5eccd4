//! Invariants of every build.

use lode_kustomize::{Build, Error, Options, Order, Restrictions, build};
use lode_tree::{Entry, RepoPath, Tree};
use lode_yaml::{Content, Node};

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: web
        image: nginx:1
";

fn shop() -> Tree {
    Tree::from_iter([
        (
            "base/kustomization.yaml",
            "resources:\n- web.yaml\nnamePrefix: b-\n",
        ),
        ("base/web.yaml", DEPLOYMENT),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\npatches:\n- path: patch.yaml\nimages:\n- name: nginx\n  newTag: \"2\"\nlabels:\n\
             - pairs:\n    tier: front\nconfigMapGenerator:\n- name: settings\n  literals:\n  - color=red\n",
        ),
        (
            "prod/patch.yaml",
            "# more\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 3\n",
        ),
    ])
}

fn built(tree: &Tree, folder: &str) -> Result<Build, Error> {
    let options = Options {
        restrictions: Restrictions::RootOnly,
        order: Order::None,
        ..Options::default()
    };
    build(tree, &RepoPath::parse(folder).unwrap(), &options)
}

fn origin(build: &Build, object: usize, keys: &[&str]) -> String {
    let node = build.objects[object].node.at(keys).unwrap();
    build.files.origin(node.place).to_string()
}

#[test]
fn every_field_knows_the_line_it_comes_from() {
    let build = built(&shop(), "prod").unwrap();
    for (keys, want) in [
        (&["spec", "replicas"][..], "prod/patch.yaml:7"),
        (&["metadata", "name"], "base/kustomization.yaml:3"),
        (&["metadata", "labels", "tier"], "prod/kustomization.yaml:9"),
        (
            &["spec", "template", "spec", "containers"],
            "base/web.yaml:10",
        ),
    ] {
        assert_eq!(origin(&build, 0, keys), want, "{keys:?}");
    }
    let image = build.objects[0]
        .node
        .at(&["spec", "template", "spec", "containers"])
        .unwrap()
        .items()
        .unwrap()[0]
        .get("image");
    assert_eq!(
        build.files.origin(image.unwrap().place).to_string(),
        "prod/kustomization.yaml:5"
    );
    assert_eq!(
        origin(&build, 1, &["data", "color"]),
        "prod/kustomization.yaml:13"
    );
    assert_eq!(build.objects[0].origin.to_string(), "base/web.yaml:1");
}

/// Returns the files that affect an object without leaving a value in it.
fn parts(build: &Build, object: usize) -> Vec<&str> {
    build.objects[object]
        .parts
        .iter()
        .map(|number| build.files.path(*number).unwrap().as_str())
        .collect()
}

#[test]
fn values_of_files_stand_in_those_files() {
    let tree = Tree::from_iter([
        (
            "app/kustomization.yaml",
            "configMapGenerator:\n- name: c\n  files: [a.txt]\n  envs: [b.env]\n",
        ),
        ("app/a.txt", "one"),
        ("app/b.env", "# first\nB=two\n"),
    ]);
    let build = built(&tree, "app").unwrap();
    assert_eq!(origin(&build, 0, &["data", "a.txt"]), "app/a.txt:1");
    assert_eq!(origin(&build, 0, &["data", "B"]), "app/b.env:2");
    assert_eq!(
        origin(&build, 0, &["metadata", "name"]),
        "app/kustomization.yaml:2"
    );
}

#[test]
fn what_is_taken_from_another_object_has_its_parts() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: c, args: [$(COLOR)]}\n  volumes:\n  \
               - {name: v, configMap: {name: m}}\n";
    let replace = "replacements:\n- source: {kind: ConfigMap, name: c, fieldPath: data.color}\n  targets:\n  \
                   - {select: {kind: Pod}, fieldPaths: [spec.containers.0.name]}\n";
    let var = "vars:\n- name: COLOR\n  objref: {kind: ConfigMap, name: c, apiVersion: v1}\n  fieldref: {fieldPath: data.color}\n";
    let object = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{color: red}}\n"
        )
    };
    let patch = "patches:\n- path: patch.yaml\n  target: {name: c}\n";
    for (more, want) in [
        ("", vec!["k"]),
        (replace, vec!["k", "c.yaml"]),
        (var, vec!["k", "c.yaml"]),
        (
            &format!("{patch}{replace}"),
            vec!["k", "c.yaml", "patch.yaml"],
        ),
        (patch, vec!["k"]),
        (
            "configMapGenerator: [{name: m, files: [a.txt]}]\n",
            vec!["k", "a.txt"],
        ),
    ] {
        let files = if more.contains("Generator") {
            "[pod.yaml, c.yaml]"
        } else {
            "[pod.yaml, c.yaml, m.yaml]"
        };
        let tree = Tree::from_iter([
            (
                "kustomization.yaml",
                format!("resources: {files}\n{more}").as_str(),
            ),
            ("pod.yaml", pod),
            ("c.yaml", &object("c")),
            ("m.yaml", &object("m")),
            ("a.txt", "one"),
            (
                "patch.yaml",
                "- {op: test, path: /kind, value: ConfigMap}\n",
            ),
        ]);
        let build = built(&tree, "").unwrap();
        let mut want: Vec<&str> = want
            .into_iter()
            .map(|file| {
                if file == "k" {
                    "kustomization.yaml"
                } else {
                    file
                }
            })
            .collect();
        let mut parts = parts(&build, 0);
        want.sort_unstable();
        parts.sort_unstable();
        assert_eq!(parts, want, "{more}");
    }
}

#[test]
fn no_value_is_without_a_place() {
    let build = built(&shop(), "prod").unwrap();
    for object in &build.objects {
        check(&object.node, &format!("{object:?}"));
    }
}

fn check(node: &Node, path: &str) {
    match &node.content {
        Content::Scalar(_) => assert_ne!(node.place.source, 0, "{path}"),
        Content::Sequence(items) => {
            for item in items {
                check(item, &format!("{path}[]"));
            }
        }
        Content::Mapping(entries) => {
            for entry in entries {
                check(
                    &entry.value,
                    &format!("{path}.{}", entry.key.text().unwrap_or_default()),
                );
            }
        }
    }
}

#[test]
fn the_same_again_gives_the_same_again() {
    let tree = shop();
    let first = built(&tree, "prod").unwrap();
    assert_eq!(first, built(&tree, "prod").unwrap());
    assert!(first.reads.holds_in(&tree));
    for path in [
        "base/web.yaml",
        "prod/patch.yaml",
        "base/kustomization.yaml",
    ] {
        let mut touched = tree.clone();
        touched.retain(|known, _| known.as_str() != path);
        assert!(!first.reads.holds_in(&touched), "{path}");
    }
    let mut more = tree.clone();
    more.insert(
        RepoPath::parse("base/kustomization.yml").unwrap(),
        tree.entries().next().unwrap().1.clone(),
    );
    assert!(!first.reads.holds_in(&more), "a second kustomization file");
}

#[test]
fn a_link_does_not_lead_around_the_restrictions() {
    let mut tree = Tree::from_iter([
        ("app/kustomization.yaml", "resources: [in.yaml]\n"),
        ("out.yaml", DEPLOYMENT),
    ]);
    tree.insert(
        RepoPath::parse("app/in.yaml").unwrap(),
        Entry::Link("../out.yaml".into()),
    );
    let error = built(&tree, "app").unwrap_err().to_string();
    assert_eq!(
        error,
        "app/kustomization.yaml:1: \"in.yaml\" is not in or below \"app\", as load restrictions require"
    );
    let options = Options {
        restrictions: Restrictions::None,
        ..Options::default()
    };
    assert!(build(&tree, &RepoPath::parse("app").unwrap(), &options).is_ok());
}

#[test]
fn nothing_remote_is_fetched_by_itself() {
    for entry in [
        "https://example.com/x.yaml",
        "github.com/o/r//p?ref=v1",
        "git@host:o/r",
        "example.com/o/r",
    ] {
        let kustomization = format!("resources: ['{entry}']\n");
        let tree = Tree::from_iter([("app/kustomization.yaml", kustomization.as_str())]);
        let error = built(&tree, "app").unwrap_err().to_string();
        assert!(error.contains("is remote"), "{error}");
    }
}

#[test]
fn a_url_where_a_file_belongs_is_told_without_its_token() {
    // A query would be read as a generator's file, as in `KEY=FILE`.
    let url = "https://user:secret@host/x.yaml";
    for field in [
        "patches: [{path: URL}]",
        "patchesStrategicMerge: [URL]",
        "components: [URL]",
        "replacements: [{path: URL}]",
        "configurations: [URL]",
        "configMapGenerator: [{name: a, files: [URL]}]",
        "configMapGenerator: [{name: a, envs: [URL]}]",
        "openapi: {path: URL}",
        "transformers: [URL]",
    ] {
        let kustomization = field.replace("URL", &format!("'{url}'"));
        let tree = Tree::from_iter([("app/kustomization.yaml", kustomization.as_str())]);
        let error = built(&tree, "app").unwrap_err().to_string();
        assert!(
            error.contains("host/x.yaml") && !error.contains("secret"),
            "{field}: {error}"
        );
    }
}

#[test]
fn a_remote_base_is_told_without_its_token() {
    for entry in [
        "https://user:secret@host/x.yaml",
        "git::https://host/o/r//p?ref=v1&access_token=secret",
    ] {
        let kustomization = format!("resources: ['{entry}']\n");
        let tree = Tree::from_iter([("app/kustomization.yaml", kustomization.as_str())]);
        let error = built(&tree, "app").unwrap_err().to_string();
        assert!(
            error.contains("https://host/")
                && error.contains("is remote")
                && !error.contains("secret"),
            "{error}"
        );
    }
}

#[test]
fn deep_and_wide_nests_end() {
    let mut files = Vec::new();
    for at in 0..60 {
        files.push((
            format!("l{at}/kustomization.yaml"),
            format!("resources: [../l{}, ../l{}]\n", at + 1, at + 1),
        ));
    }
    let error = built(&Tree::from_iter(files), "l0")
        .unwrap_err()
        .to_string();
    assert!(error.contains("nested deeper"), "{error}");
}

#[test]
fn renamed_fields_are_warned_about_with_their_line() {
    let tree = Tree::from_iter([(
        "app/kustomization.yaml",
        "namePrefix: a-\ncommonLabels:\n  a: z\n",
    )]);
    let build = built(&tree, "app").unwrap();
    let shown: Vec<String> = build
        .warnings
        .iter()
        .map(|(origin, text)| format!("{origin}: {text}"))
        .collect();
    assert_eq!(
        shown,
        ["app/kustomization.yaml:3: \"commonLabels\" is deprecated, use \"labels\" instead"]
    );
}

#[test]
fn no_secret_is_ever_shown() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {x: hunter2}\n";
    for kustomization in [
        "resources: [s.yaml]\n",
        "resources: [s.yaml]\npatches: [{target: {kind: Secret}, patch: '[{\"op\": \"test\", \"path\": \"/stringData/x\", \"value\": \"hunter2x\"}]'}]\n",
        "resources: [s.yaml]\npatches: [{target: {kind: Secret}, patch: '[{\"op\": \"add\", \"path\": \"/stringData/x/y\", \"value\": \"hunter2\"}]'}]\n",
        "resources: [s.yaml]\nsecretGenerator: [{name: s, literals: [hunter2]}]\n",
    ] {
        let tree = Tree::from_iter([
            ("app/kustomization.yaml", kustomization),
            ("app/s.yaml", secret),
        ]);
        let shown = format!("{:?}", built(&tree, "app").map(|build| build.objects));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

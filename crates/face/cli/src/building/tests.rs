//! What `lode build` prints and refuses.

use std::fs;
use std::path::Path;

use clap::Parser as _;
use tempfile::TempDir;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        (
            "base/kustomization.yaml",
            "resources: [web.yaml, ns.yaml]\n",
        ),
        (
            "base/web.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  color: blue\n  size: l\n",
        ),
        (
            "base/ns.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
        ),
        (
            "prod/kustomization.yaml",
            "namespace: shop\nresources: [../base]\npatches: [{path: patch.yaml}]\n",
        ),
        (
            "prod/patch.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {color: green}\n",
        ),
        (
            "plain/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"${who}\"}\n",
        ),
        (
            "flux.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x, namespace: flux-system}\n\
             spec:\n  namePrefix: p-\n  postBuild: {substitute: {who: me}}\n  prune: true\n  interval: 1m\n  path: ./plain\n  \
             sourceRef: {kind: GitRepository, name: x}\n",
        ),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Builds with a command line in which `@` stands for the folder, and returns the text for stdout.
fn built(folder: &TempDir, line: &str) -> anyhow::Result<String> {
    let root = folder.path().canonicalize().unwrap();
    let line = line.replace('@', root.to_str().unwrap());
    let args = Line::try_parse_from(std::iter::once("build").chain(line.split(' ')))?.args;
    args.refused.check()?;
    let shown = root.to_str().unwrap().trim_start_matches('/').to_owned() + "/";
    let hidden = |text: String| text.replace(&shown, "");
    text(
        &args,
        &outcomes(&args).map_err(|error| anyhow::anyhow!(hidden(format!("{error:#}"))))?,
    )
    .map(hidden)
}

#[test]
fn a_folder_is_built_as_kustomize_does() {
    let folder = shop();
    let web = "apiVersion: v1\ndata:\n  color: green\n  size: l\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: shop\n";
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";
    assert_eq!(
        built(&folder, "@/prod").unwrap(),
        format!("{namespace}---\n{web}")
    );
    assert_eq!(
        built(&folder, "@/prod --reorder none").unwrap(),
        format!("{web}---\n{namespace}")
    );
}

#[test]
fn comments_name_every_file_an_object_comes_from() {
    let text = built(&shop(), "@/prod --origin").unwrap();
    let comments: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    let namespace = "# base/ns.yaml:1, prod/kustomization.yaml:1";
    assert_eq!(
        comments,
        [
            namespace,
            "# base/web.yaml:1, prod/kustomization.yaml:1, prod/patch.yaml:4"
        ]
    );
}

#[test]
fn a_changed_patch_touches_what_it_patches() {
    let folder = shop();
    assert_eq!(
        built(&folder, "@/prod --explain-impact @/prod/patch.yaml").unwrap(),
        "ConfigMap/shop/web (prod/patch.yaml:4)\n"
    );
    assert_eq!(
        built(&folder, "@/base --explain-impact @/prod/patch.yaml").unwrap(),
        ""
    );
    assert!(built(&folder, "@/base --explain-impact @/none.yaml").is_err());
}

#[test]
fn what_a_file_has_a_part_in_is_touched() {
    let folder = shop();
    for (path, text) in [
        (
            "gen/kustomization.yaml",
            "resources: [../base, web.yaml]\nconfigMapGenerator: [{name: settings, files: [a.txt], envs: [b.env]}]\n",
        ),
        ("gen/a.txt", "red"),
        ("gen/b.env", "# none\n"),
        (
            "gen/web.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      volumes:\n      \
             - {name: v, configMap: {name: settings}}\n      - {name: w, configMap: {name: web}}\n",
        ),
        (
            "top/kustomization.yaml",
            "resources: [../gen]\npatches: [{path: less.yaml}]\n",
        ),
        (
            "top/less.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {size: null}\n",
        ),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (namespace, web) = ("Namespace/shop", "ConfigMap/web");
    let (settings, deployment) = ("ConfigMap/settings-76gg54m4b2", "Deployment/web");
    for (file, want) in [
        ("gen/a.txt", vec![(settings, ":1"), (deployment, "")]),
        ("gen/b.env", vec![(settings, ""), (deployment, "")]),
        ("top/less.yaml", vec![(web, "")]),
        ("gen/web.yaml", vec![(deployment, ":1")]),
        ("base/kustomization.yaml", vec![(namespace, ""), (web, "")]),
        (
            "gen/kustomization.yaml",
            vec![
                (namespace, ""),
                (settings, ":2"),
                (web, ""),
                (deployment, ":2"),
            ],
        ),
        (
            "top/kustomization.yaml",
            vec![(namespace, ""), (settings, ""), (web, ""), (deployment, "")],
        ),
    ] {
        let text = built(&folder, &format!("@/top --explain-impact @/{file}")).unwrap();
        let want: Vec<String> = want
            .iter()
            .map(|(object, line)| format!("{object} ({file}{line})"))
            .collect();
        assert_eq!(text.lines().collect::<Vec<_>>(), want, "{file}");
    }
}

#[test]
fn lists_of_custom_kinds_merge_on_demand() {
    let folder = shop();
    for (path, text) in [
        (
            "ring/kustomization.yaml",
            "resources: [all.yaml]\npatches: [{path: patch.yaml}]\n",
        ),
        (
            "ring/all.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: rings.ex.io}\nspec:\n  \
             group: ex.io\n  names: {kind: Ring}\n  versions:\n  - name: v1\n    schema: {openAPIV3Schema: {properties: \
             {gems: {type: array, x-kubernetes-list-type: set}}}}\n\
             ---\napiVersion: ex.io/v1\nkind: Ring\nmetadata: {name: one}\ngems: [a]\n",
        ),
        (
            "ring/patch.yaml",
            "apiVersion: ex.io/v1\nkind: Ring\nmetadata: {name: one}\ngems: [b]\n",
        ),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    assert!(
        built(&folder, "@/ring")
            .unwrap()
            .contains("gems:\n- b\nkind")
    );
    assert!(
        built(&folder, "@/ring --merge-custom-lists")
            .unwrap()
            .contains("gems:\n- b\n- a\nkind")
    );
    assert!(built(&folder, "@/ring --root @ --merge-custom-lists --flux").is_err());
}

#[test]
fn files_are_written_when_everything_is_built() {
    let folder = shop();
    fs::create_dir(folder.path().join("out")).unwrap();
    assert_eq!(built(&folder, "@/prod -o @/out").unwrap(), "");
    let mut names: Vec<_> = fs::read_dir(folder.path().join("out"))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["v1_configmap_web.yaml", "v1_namespace_shop.yaml"]);
    assert!(built(&folder, "@/prod @/nothere -o @/all.yaml").is_err());
    assert!(!Path::new(&folder.path().join("all.yaml")).exists());
    built(&folder, "@/prod -o @/all.yaml").unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("all.yaml")).unwrap(),
        built(&folder, "@/prod").unwrap()
    );
}

#[test]
fn several_folders_come_in_order() {
    let folder = shop();
    let (base, prod) = (
        built(&folder, "@/base").unwrap(),
        built(&folder, "@/prod").unwrap(),
    );
    assert_eq!(
        built(&folder, "@/prod @/base @/prod").unwrap(),
        format!("{prod}---\n{base}---\n{prod}")
    );
    let error = built(&folder, "@/prod @/nothere").unwrap_err().to_string();
    assert!(error.contains("nothere: no such folder"), "{error}");
}

#[test]
fn comments_stay_where_they_are_wanted() {
    let folder = shop();
    fs::write(
        folder.path().join("base/web.yaml"),
        "# the shop\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: web}\ndata:\n  size: 'l' # for large\n  color: blue\n",
    )
    .unwrap();
    assert_eq!(
        built(&folder, "@/prod --reorder none --keep-comments")
            .unwrap()
            .split("---\n")
            .next()
            .unwrap(),
        "# the shop\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: web, namespace: shop}\ndata:\n  size: 'l' # for large\n  \
         color: green\n"
    );
}

#[test]
fn json_is_a_list() {
    let list: serde_json::Value =
        serde_json::from_str(&built(&shop(), "@/prod -o json").unwrap()).unwrap();
    assert_eq!(
        (&list["kind"], &list["items"][1]["data"]["color"]),
        (&"List".into(), &"green".into())
    );
}

#[test]
fn an_archive_is_built_like_a_folder() {
    let folder = shop();
    let tree = crate::folder::read(folder.path()).unwrap();
    let store = lode_store::Store::open(folder.path().join("store")).unwrap();
    let owner = lode_store::Owner::new("gitrepository", "default", "shop", "1").unwrap();
    let stored = store.put(&owner, "shop.tar.gz", &tree).unwrap();
    let archive = store.served().join(stored.path);
    let line = format!("{}//prod", archive.display());
    assert_eq!(
        built(&folder, &line).unwrap(),
        built(&folder, "@/prod").unwrap()
    );
}

#[test]
fn flux_builds_folders_without_a_kustomization_file() {
    let folder = shop();
    assert!(
        built(&folder, "@/plain")
            .unwrap_err()
            .to_string()
            .contains("has no kustomization file")
    );
    let want = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: p-me\n";
    // PATH is the root of the source, or the folder that the specification names.
    for path in ["@", "@/plain"] {
        assert_eq!(
            built(&folder, &format!("{path} --flux --root @ -k @/flux.yaml")).unwrap(),
            want,
            "{path}"
        );
    }
    assert!(
        built(&folder, "@/plain -k @/flux.yaml").is_err(),
        "-k requires --flux"
    );
    let impact = built(
        &folder,
        "@ --flux --root @ -k @/flux.yaml --explain-impact @/plain/a.yaml",
    )
    .unwrap();
    assert_eq!(impact, "ConfigMap/p-me (plain/a.yaml:1)\n");
}

/// Builds the root of the shop with the Kustomization of `flux.yaml`, after replacing one text in
/// it.
fn wanted(folder: &TempDir, from: &str, to: &str, flags: &str) -> Result<String, String> {
    let file = folder.path().join("flux.yaml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(folder.path().join("other.yaml"), text.replace(from, to)).unwrap();
    built(folder, &format!("@ --flux --root @ -k @/other.yaml{flags}"))
        .map_err(|error| format!("{error:#}"))
}

#[test]
fn a_flux_build_fails_where_the_operator_would() {
    let folder = shop();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nsops: {mac: x}\ndata: {k: 'ENC[AES256_GCM,data:x]'}\n";
    fs::create_dir(folder.path().join("secret")).unwrap();
    fs::write(folder.path().join("secret/s.yaml"), secret).unwrap();
    fs::create_dir(folder.path().join("ignored")).unwrap();
    fs::write(
        folder.path().join("ignored/kustomization.yaml"),
        "resources: [a.jpg]\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("ignored/a.jpg"),
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n",
    )
    .unwrap();
    for (from, to, word) in [
        ("who: me", "whom: me", "variable \"who\" has no value"),
        (
            "path: ./plain",
            "path: ./nothere",
            "kustomization path not found: \"./nothere\"",
        ),
        (
            "path: ./plain",
            "path: ../plain",
            "kustomization path not found: \"../plain\"",
        ),
        (
            "prune: true",
            "prune: true\n  decryption: {provider: sops}",
            "spec.decryption is not supported",
        ),
        ("path: ./plain", "path: ./secret", "is SOPS encrypted"),
        (
            "path: ./plain",
            "path: ./ignored",
            "\"a.jpg\" is not in the source",
        ),
        (
            "name: x, namespace",
            "namespace",
            "metadata.name is missing",
        ),
    ] {
        let error = wanted(&folder, from, to, "").unwrap_err();
        assert!(error.contains(word), "{word}: {error}");
    }
    assert!(
        wanted(&folder, "who: me", "who: you", "")
            .unwrap()
            .contains("name: p-you")
    );
}

#[test]
fn variables_of_a_flux_build_come_from_files_where_the_cluster_has_them() {
    let folder = shop();
    let (from, to) = (
        "substitute: {who: me}",
        "substituteFrom: [{kind: Secret, name: s}]",
    );
    let error = wanted(&folder, from, to, "").unwrap_err();
    assert!(error.contains("variable \"who\" has no value"), "{error}");
    let file = folder.path().join("vars.yaml");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {who: them}\n";
    fs::write(
        &file,
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: s}}\n---\n{secret}"),
    )
    .unwrap();
    assert!(
        wanted(&folder, from, to, " --substitute-from @/vars.yaml")
            .unwrap()
            .contains("name: p-them")
    );
    fs::write(&file, secret.replace("name: s", "name: t")).unwrap();
    let error = wanted(&folder, from, to, " --substitute-from @/vars.yaml").unwrap_err();
    assert!(error.contains("secrets \"s\" not found"), "{error}");
}

#[test]
fn flux_builds_know_every_file_of_an_object() {
    let folder = shop();
    for file in [
        "prod/kustomization.yaml",
        "prod/patch.yaml",
        "base/kustomization.yaml",
        "base/web.yaml",
    ] {
        let plain = built(
            &folder,
            &format!("@/prod --reorder none --explain-impact @/{file}"),
        )
        .unwrap();
        assert!(plain.contains("ConfigMap/shop/web"), "{plain}");
        assert_eq!(
            built(
                &folder,
                &format!("@/prod --flux --root @ --explain-impact @/{file}")
            )
            .unwrap(),
            plain
        );
    }
    let text = built(&folder, "@/prod --flux --root @ --origin").unwrap();
    assert!(
        text.starts_with("# base/web.yaml:1, prod/kustomization.yaml:1, prod/patch.yaml:4\n"),
        "{text}"
    );
    assert!(
        built(
            &folder,
            "@/plain --flux --root @ --explain-impact @/plain/a.yaml"
        )
        .unwrap()
        .starts_with("ConfigMap/")
    );
}

#[test]
fn files_outside_are_read_only_where_that_is_allowed() {
    let folder = shop();
    fs::write(
        folder.path().join("prod/kustomization.yaml"),
        "resources: [../base/web.yaml]\n",
    )
    .unwrap();
    let error = built(&folder, "@/prod").unwrap_err().to_string();
    assert!(error.starts_with("prod/kustomization.yaml:1"), "{error}");
    built(
        &folder,
        "@/prod --root @ --load-restrictor LoadRestrictionsNone",
    )
    .unwrap();
}

#[test]
fn what_is_not_done_is_refused_with_a_reason() {
    for flag in [
        "--enable-exec",
        "--helm-command=x",
        "--mount=x",
        "-e=A=b",
        "--network",
    ] {
        let error = built(&shop(), &format!("@/prod {flag}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("is not supported: "), "{error}");
    }
}

#[test]
fn charts_are_built_if_that_is_asked_for() {
    let folder = shop();
    for (path, text) in [
        (
            "chart/kustomization.yaml",
            "helmCharts: [{name: web, releaseName: r}]\n",
        ),
        (
            "chart/charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("chart/charts/web/values.yaml", "a: b\n"),
        (
            "chart/charts/web/templates/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\n\
             data: {kube: \"{{ .Capabilities.KubeVersion }}\", random: \"{{ len (randAlpha 5) }}\"}\n",
        ),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let error = built(&folder, "@/chart").unwrap_err().to_string();
    assert!(
        error.starts_with("chart/kustomization.yaml:1: helmCharts: must specify --enable-helm"),
        "{error}"
    );
    let text = built(
        &folder,
        "@/chart --enable-helm --helm-kube-version 1.31.0 --origin",
    )
    .unwrap();
    assert_eq!(
        text,
        "# chart/kustomization.yaml:1\napiVersion: v1\ndata:\n  kube: v1.31.0\n  random: \"5\"\nkind: ConfigMap\nmetadata:\n  name: r\n"
    );
    let impact = "@/chart --enable-helm --explain-impact @/chart/charts/web/templates/a.yaml";
    assert!(built(&folder, impact).unwrap().starts_with("ConfigMap/r ("));
    // As the operator, whose builds are always the same.
    let error = built(&folder, "@/chart --enable-helm --flux --root @").unwrap_err();
    let error = error.to_string();
    assert!(error.contains("would change with every build"), "{error}");
}

const RELEASES: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: values, namespace: team}
data: {values.yaml: 'color: green'}
---
apiVersion: v1
kind: Secret
metadata: {name: more, namespace: team}
stringData: {size: l}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: team}
spec:
  interval: 1m
  targetNamespace: shop
  chart: {spec: {chart: ./base/web, sourceRef: {kind: GitRepository, name: fleet}}}
  valuesFrom:
  - {kind: ConfigMap, name: values}
  - {kind: Secret, name: more, valuesKey: size, targetPath: size}
  postRenderers:
  - kustomize: {patches: [{target: {kind: ConfigMap}, patch: '[{\"op\": \"add\", \"path\": \"/data/patched\", \"value\": \"true\"}]'}]}
";

/// A folder with a release, and its chart beside it.
fn releases(text: &str) -> TempDir {
    let folder = shop();
    for (path, text) in [
        (
            "base/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("base/web/values.yaml", "color: blue\nsize: s\n"),
        (
            "base/web/templates/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\n\
             data: {color: \"{{ .Values.color }}\", size: \"{{ .Values.size }}\"}\n",
        ),
        ("apps/kustomization.yaml", "resources: [a.yaml]\n"),
        ("apps/a.yaml", text),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn releases_are_followed_if_that_is_asked_for() {
    let folder = releases(RELEASES);
    let plain = built(&folder, "@/apps --root @").unwrap();
    assert!(!plain.contains("shop-web"));
    let followed = built(&folder, "@/apps --root @ --helm --offline").unwrap();
    let added = followed.strip_prefix(&plain).unwrap();
    assert_eq!(
        added,
        "---\napiVersion: v1\ndata:\n  color: green\n  patched: \"true\"\n  size: l\nkind: ConfigMap\nmetadata:\n  labels:\n    \
         helm.toolkit.fluxcd.io/name: web\n    helm.toolkit.fluxcd.io/namespace: team\n  name: shop-web\n  namespace: shop\n"
    );
    let flux = built(&folder, "@/apps --root @ --helm --flux --origin").unwrap();
    assert_eq!(flux.matches("# apps/a.yaml:11\n").count(), 2, "{flux}");
}

#[test]
fn a_release_whose_chart_is_nowhere_is_named() {
    for (from, to, expected) in [
        (
            "./base/web",
            "./base/none",
            "load the chart ./base/none of the repository",
        ),
        ("./base/web", "../../etc", "leaves its root"),
        (
            "kind: GitRepository",
            "kind: Bucket",
            "a source of kind Bucket is not supported",
        ),
        (
            "kind: GitRepository",
            "kind: HelmRepository",
            "HelmRepository/team/fleet is not part of the build",
        ),
        (
            "name: values}\n  - {kind: Secret",
            "name: gone}\n  - {kind: Secret",
            "configmaps \"gone\" not found",
        ),
        (
            "sourceRef: {kind: GitRepository",
            "valuesFiles: [../../x], sourceRef: {kind: GitRepository",
            "no values file found",
        ),
    ] {
        let folder = releases(&RELEASES.replace(from, to));
        let error = built(&folder, "@/apps --root @ --helm --offline").unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("HelmRelease/team/web (apps/a.yaml:11)"),
            "{error}"
        );
        assert!(error.contains(expected), "{error}");
    }
    let repository = "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: fleet, namespace: team}\n\
        spec: {interval: 1m, url: \"https://charts.example.com\"}\n";
    let text = RELEASES.replace("kind: GitRepository", "kind: HelmRepository") + repository;
    let error = built(&releases(&text), "@/apps --root @ --helm --offline").unwrap_err();
    assert!(
        error.to_string().contains("was not fetched before"),
        "{error}"
    );
}

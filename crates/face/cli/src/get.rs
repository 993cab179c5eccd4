//! `lode get`: the objects that the operator manages, and their status.
//!
//! Input: objects from the API server. Output: a table as `flux get` prints it, or the objects as
//! data.

use std::collections::BTreeMap;

use anyhow::bail;
use clap::ValueEnum;
use lode_api::kinds;
use lode_api::standing::{is_suspended, ready};
use lode_cluster::Client;
use lode_object::json::text;
use lode_object::{NamespacedName, Value};
use serde_json::json;

use crate::kinds::{Noun, name_of};
use crate::listing::Listing;
use crate::report::Told;
use crate::session::ClusterPlace;
use crate::words::{self, Chosen};
use crate::{output, table, unserved};

/// Hash digits shown in the short form.
const HASH_SHOWN: usize = 8;
/// Most namespaces suggested when the requested one is empty.
const NAMESPACES_SHOWN: usize = 5;
/// Shortest run of hexadecimal digits that counts as a hash (SHA-1).
const HASH_MIN: usize = 40;

/// What to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which kind
    #[arg(value_parser = words::plural(kinds::ALL), default_value = "all", hide_default_value = true)]
    what: Chosen,
    /// One object of that kind
    name: Option<String>,
    /// Show objects of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "name"])]
    all_namespaces: bool,
    /// Output format [default: a table]
    #[arg(short, long, value_enum, value_name = "FORM")]
    output: Option<GetFormat>,
    #[command(flatten)]
    place: ClusterPlace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GetFormat {
    /// A table with more columns and full hashes
    Wide,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// One name per line
    Name,
}

/// Shows objects.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    if args.what.nouns.len() > 1 && args.name.is_some() {
        bail!(Told::new(
            "a name needs its kind",
            "for instance `lode get kustomizations apps`"
        ));
    }
    let session = args.place.connect().await?;
    let namespace = if args.all_namespaces {
        ""
    } else {
        &session.namespace
    };

    let mut found = Vec::new();
    for noun in &args.what.nouns {
        let objects = match &args.name {
            Some(name) => vec![
                noun.read(&session.client, &NamespacedName::new(namespace, name))
                    .await?,
            ],
            None => noun.list(&session.client, namespace).await?,
        };
        found.push(Listing::new(*noun, objects));
    }
    if args.what.is_all {
        found.extend(unserved::list(&session.client, namespace).await);
    }

    if found.iter().all(|listing| listing.objects.is_empty()) {
        let elsewhere = if namespace.is_empty() {
            Vec::new()
        } else {
            everywhere(&session.client, &args.what.nouns).await
        };
        output::talk(&nothing_found(namespace, &elsewhere));
    }
    output::data(&shown(found, &args))
}

/// Returns the objects of all namespaces; none if the user may not list them.
async fn everywhere(client: &Client, nouns: &[Noun]) -> Vec<Value> {
    let mut found = Vec::new();
    for noun in nouns {
        found.extend(noun.list(client, "").await.unwrap_or_default());
    }
    found
}

/// Says that a namespace is empty and which ones are not, because the default is `flux-system`.
fn nothing_found(namespace: &str, elsewhere: &[Value]) -> String {
    if namespace.is_empty() {
        return "no objects found in any namespace".to_owned();
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for object in elsewhere {
        *counts
            .entry(name_of(object).namespace.to_string())
            .or_default() += 1;
    }
    if counts.is_empty() {
        return format!("no objects found in namespace {namespace}");
    }

    let shown = counts
        .iter()
        .take(NAMESPACES_SHOWN)
        .map(|(namespace, count)| format!("{count} in {namespace}"));
    let mut shown: Vec<String> = shown.collect();
    if counts.len() > NAMESPACES_SHOWN {
        shown.push(format!(
            "more in {} others",
            counts.len() - NAMESPACES_SHOWN
        ));
    }
    let shown = shown.join(", ");
    format!(
        "no objects found in namespace {namespace}; there are {shown}: -n NAMESPACE shows one, -A all"
    )
}

fn shown(found: Vec<Listing>, args: &Args) -> String {
    match args.output {
        Some(GetFormat::Json) => format!("{:#}\n", whole(found, args.name.is_some())),
        Some(GetFormat::Yaml) => lode_yaml::to_string(&whole(found, args.name.is_some())),
        Some(GetFormat::Name) => found.iter().flat_map(full_names).collect(),
        form => {
            let layout = Layout {
                namespaces: args.all_namespaces,
                kinds: args.what.nouns.len() > 1,
                wide: form == Some(GetFormat::Wide),
            };
            let found = found.iter().filter(|listing| !listing.objects.is_empty());
            found
                .map(|listing| layout.table(listing))
                .collect::<Vec<_>>()
                .join("\n")
        }
    }
}

/// The objects as one value: the object itself if one was asked for, else a list.
fn whole(found: Vec<Listing>, is_one: bool) -> Value {
    let mut objects: Vec<Value> = found
        .into_iter()
        .flat_map(|listing| listing.objects)
        .collect();
    for object in &mut objects {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    }
    match (is_one, objects.pop()) {
        (true, Some(object)) => object,
        (_, last) => {
            objects.extend(last);
            json!({"apiVersion": "v1", "kind": "List", "items": objects})
        }
    }
}

/// Returns one line per object, as `kubectl get -o name` prints it.
fn full_names(listing: &Listing) -> impl Iterator<Item = String> {
    let Listing {
        singular,
        group,
        objects,
        ..
    } = listing;
    objects
        .iter()
        .map(move |object| format!("{singular}.{group}/{}\n", text(object, "/metadata/name")))
}

/// Which columns a table has besides the usual ones.
#[derive(Debug, Clone, Copy)]
struct Layout {
    namespaces: bool,
    /// Whether names are prefixed with their kind.
    kinds: bool,
    wide: bool,
}

impl Layout {
    fn table(self, listing: &Listing) -> String {
        let mut head = vec!["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"];
        if self.namespaces {
            head.insert(0, "NAMESPACE");
        }
        if self.wide {
            let details = listing.row.into_iter().flat_map(|row| row.details);
            head.extend(details.map(|detail| detail.head));
        }
        let rows: Vec<Vec<String>> = listing
            .objects
            .iter()
            .map(|object| self.line(listing, object))
            .collect();
        table::text(&head, &rows)
    }

    /// Returns the cells of one object.
    fn line(self, listing: &Listing, object: &Value) -> Vec<String> {
        let NamespacedName { namespace, name } = name_of(object);
        let (ready, message) = match listing.row {
            Some(_) => ready(object),
            // The status may be old: no controller updates it.
            None => ("Unknown", unserved::MESSAGE.to_owned()),
        };
        let revision = listing.row.map_or("", |row| row.revision(object));
        let cut = |text: &str| {
            if self.wide {
                text.to_owned()
            } else {
                with_short_hashes(text)
            }
        };

        let mut line = vec![
            if self.kinds {
                format!("{}/{name}", listing.singular)
            } else {
                name.to_string()
            },
            cut(revision),
            if is_suspended(object) {
                "True"
            } else {
                "False"
            }
            .to_owned(),
            ready.to_owned(),
            cut(&message),
        ];
        if self.namespaces {
            line.insert(0, namespace.to_string());
        }
        if self.wide {
            let details = listing.row.into_iter().flat_map(|row| row.details);
            line.extend(details.map(|detail| detail.text(object)));
        }
        line
    }
}

/// Shortens every hash in a text; `-o wide` shows them in full.
fn with_short_hashes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_hexdigit()) {
        let run = rest[start..]
            .bytes()
            .take_while(u8::is_ascii_hexdigit)
            .count();
        let kept = if run < HASH_MIN { run } else { HASH_SHOWN };
        out.push_str(&rest[..start + kept]);
        rest = &rest[start + run..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy;

    fn source() -> Value {
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": "flux-system", "managedFields": [{"manager": "kubectl"}]},
            "spec": {"url": "https://example.com/fleet", "interval": "5m"},
            "status": {
                "artifact": {"revision": "main@sha1:0123456789abcdef0123456789abcdef01234567"},
                "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded",
                    "message": "stored artifact for revision 'main@sha1:0123456789abcdef0123456789abcdef01234567'"}],
            },
        })
    }

    fn kustomizations() -> Vec<Value> {
        let object = |name: &str, suspend: bool, conditions: Value, revision: &str| {
            json!({
                "metadata": {"name": name, "namespace": "flux-system"},
                "spec": {"suspend": suspend, "path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
                "status": {"conditions": conditions, "lastAppliedRevision": revision},
            })
        };
        let failed = json!([{"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "app/cm.yaml:3: no\nmore"}]);
        vec![
            object(
                "apps",
                false,
                failed,
                "main@sha1:0123456789abcdef0123456789abcdef01234567",
            ),
            object("new", true, json!([]), ""),
        ]
    }

    fn args(line: &[&str]) -> Args {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: Args,
        }
        use clap::Parser as _;
        Line::try_parse_from([&["get"], line].concat())
            .unwrap()
            .args
    }

    fn all() -> Vec<Listing> {
        vec![
            Listing::new(Noun(&kinds::GIT_REPOSITORY), vec![source()]),
            Listing::new(Noun(&kinds::KUSTOMIZATION), kustomizations()),
        ]
    }

    #[test]
    fn all_kinds_are_tables_with_kinds_in_the_names() {
        insta::assert_snapshot!(shown(all(), &args(&[])), @r"
        NAME                  REVISION             SUSPENDED   READY   MESSAGE
        gitrepository/fleet   main@sha1:01234567   False       True    stored artifact for revision 'main@sha1:01234567'

        NAME                 REVISION             SUSPENDED   READY     MESSAGE
        kustomization/apps   main@sha1:01234567   False       False     app/cm.yaml:3: no
        kustomization/new                         True        Unknown   waiting to be reconciled
        ");
    }

    #[test]
    fn namespaces_and_whole_hashes_are_shown_on_request() {
        insta::assert_snapshot!(shown(vec![Listing::new(Noun(&kinds::KUSTOMIZATION), kustomizations())], &args(&["ks", "-A", "-o", "wide"])), @r"
        NAMESPACE     NAME   REVISION                                             SUSPENDED   READY     MESSAGE                    SOURCE                PATH
        flux-system   apps   main@sha1:0123456789abcdef0123456789abcdef01234567   False       False     app/cm.yaml:3: no          GitRepository/fleet   ./apps
        flux-system   new                                                         True        Unknown   waiting to be reconciled   GitRepository/fleet   ./apps
        ");
    }

    #[test]
    fn names_carry_kind_and_group() {
        insta::assert_snapshot!(shown(all(), &args(&["-o", "name"])), @r"
        gitrepository.source.toolkit.fluxcd.io/fleet
        kustomization.kustomize.toolkit.fluxcd.io/apps
        kustomization.kustomize.toolkit.fluxcd.io/new
        ");
    }

    #[test]
    fn one_object_is_data_without_managed_fields() {
        insta::assert_snapshot!(shown(vec![Listing::new(Noun(&kinds::GIT_REPOSITORY), vec![source()])], &args(&["sources", "fleet", "-o", "yaml"])), @r#"
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: GitRepository
        metadata:
          name: fleet
          namespace: flux-system
        spec:
          interval: 5m
          url: https://example.com/fleet
        status:
          artifact:
            revision: main@sha1:0123456789abcdef0123456789abcdef01234567
          conditions:
          - message: stored artifact for revision 'main@sha1:0123456789abcdef0123456789abcdef01234567'
            reason: Succeeded
            status: "True"
            type: Ready
        "#);
    }

    #[test]
    fn several_objects_are_a_list() {
        let read: Value = serde_json::from_str(&shown(all(), &args(&["-o", "json"]))).unwrap();
        assert_eq!(read["kind"], "List");
        assert_eq!(read["items"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn what_nobody_serves_is_shown_and_said_to_be_so() {
        let mut found = all();
        let release = json!({
            "metadata": {"name": "podinfo", "namespace": "team"},
            "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "R", "message": "installed"}]},
        });
        found.push(Listing {
            singular: "helmrelease".to_owned(),
            group: "helm.toolkit.fluxcd.io".to_owned(),
            row: None,
            objects: vec![release],
        });
        let table = shown(found, &args(&["-A", "-o", "wide"]));
        insta::assert_snapshot!(table.rsplit("\n\n").next().unwrap(), @r"
        NAMESPACE   NAME                  REVISION   SUSPENDED   READY     MESSAGE
        team        helmrelease/podinfo              False       Unknown   not served by Lodestone yet
        ");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_kind_is_shown_by_its_row() {
        let sandbox = toy::cluster().await;
        let chosen = toy::parse(words::plural(toy::ROWS), "all").unwrap();
        let mut found = Vec::new();
        for noun in chosen.nouns {
            let objects = noun.list(sandbox.objects().client(), "").await.unwrap();
            found.push(Listing::new(noun, objects));
        }
        insta::assert_snapshot!(shown(found, &args(&["-A", "-o", "wide"])), @r"
        NAMESPACE   NAME       REVISION   SUSPENDED   READY     MESSAGE                    COLOR
        default     toy/bear              False       Unknown   waiting to be reconciled   red
        ");
    }

    #[test]
    fn nothing_found_is_no_table() {
        assert_eq!(
            shown(
                vec![Listing::new(Noun(&kinds::GIT_REPOSITORY), vec![])],
                &args(&["sources"])
            ),
            ""
        );
    }

    #[test]
    fn an_empty_namespace_says_where_there_is_something() {
        let object = |namespace: &str| json!({"metadata": {"namespace": namespace, "name": "a"}});
        assert_eq!(nothing_found("", &[]), "no objects found in any namespace");
        assert_eq!(
            nothing_found("flux-system", &[]),
            "no objects found in namespace flux-system"
        );
        assert_eq!(
            nothing_found(
                "flux-system",
                &[object("default"), object("team"), object("default")]
            ),
            "no objects found in namespace flux-system; there are 2 in default, 1 in team: -n NAMESPACE shows one, -A all"
        );
        let many: Vec<Value> = (0..7).map(|number| object(&format!("n{number}"))).collect();
        assert!(nothing_found("x", &many).contains("1 in n4, more in 2 others: "));
    }

    #[test]
    fn only_hashes_are_cut() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(
            with_short_hashes(&format!("fé main@sha1:{hash}!")),
            "fé main@sha1:01234567!"
        );
        assert_eq!(with_short_hashes("deadbeef cafe"), "deadbeef cafe");
    }
}

//! Where the shared corpus is, and reading its archive into trees.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use lode_render::{Image, Patch, Plan, Substitution, Target};
use lode_tree::{Blob, Entry, RepoPath, Tree};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const WINDOW_LOG: u32 = 27;

/// Returns a file of the shared corpus, or says that it is not here.
pub(crate) fn corpus(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/corpus")).join(path);
    if !path.exists() {
        println!("{} is not here: nothing compared", path.display());
        return None;
    }
    Some(path)
}

/// Everything in the kustomize archive: files and links by path.
pub(crate) struct Archive {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) links: BTreeMap<String, String>,
}

impl Archive {
    pub(crate) fn open() -> Option<Self> {
        let mut decoder = zstd::Decoder::new(File::open(corpus("kustomize/cases.tar.zst")?).unwrap()).unwrap();
        decoder.window_log_max(WINDOW_LOG).unwrap();
        let mut archive = Self { files: BTreeMap::new(), links: BTreeMap::new() };
        for entry in tar::Archive::new(decoder).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().trim_start_matches("./").to_owned();
            if let Some(target) = entry.link_name().unwrap() {
                archive.links.insert(path, target.to_string_lossy().into_owned());
            } else if entry.header().entry_type().is_file() {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                archive.files.insert(path, bytes);
            }
        }
        Some(archive)
    }

    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.files.get(path).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
    }

    /// Returns what lies below a folder as a tree.
    pub(crate) fn tree(&self, folder: &str) -> Tree {
        let mut tree = Tree::default();
        for (path, bytes) in below(&self.files, folder) {
            let blob = Blob { id: Sha256::digest(bytes).into(), bytes: bytes.as_slice().into() };
            put(&mut tree, path, Entry::File { blob, executable: false });
        }
        for (path, target) in below(&self.links, folder) {
            put(&mut tree, path, Entry::Link(target.as_str().into()));
        }
        tree
    }
}

fn put(tree: &mut Tree, path: &str, entry: Entry) {
    if let Ok(path) = RepoPath::parse(path) {
        tree.insert(path, entry);
    }
}

fn below<'m, T>(map: &'m BTreeMap<String, T>, folder: &'m str) -> impl Iterator<Item = (&'m str, &'m T)> {
    map.range(folder.to_owned()..)
        .take_while(move |(path, _)| path.starts_with(folder))
        .filter_map(move |(path, value)| Some((path.strip_prefix(folder)?.strip_prefix('/')?, value)))
}

/// Writes objects as the build's text.
pub(crate) fn text(rendered: &lode_render::Rendered) -> String {
    let texts: Vec<String> =
        rendered.objects.iter().map(|prepared| lode_yaml::to_string(prepared.object.value())).collect();
    texts.join("---\n")
}

/// Reads a plan from a Kustomization's spec.
pub(crate) fn plan(spec: &Value) -> Plan {
    let text = |name: &str| spec[name].as_str().map(str::to_owned);
    let list = |name: &str| spec[name].as_array().cloned().unwrap_or_default();
    let texts = |name: &str| list(name).iter().map(|item| item.as_str().unwrap().to_owned()).collect();
    let map = |value: &Value| -> BTreeMap<String, String> {
        let entries = value.as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
    };
    let substitute = (!spec["postBuild"].is_null()).then(|| Substitution {
        vars: map(&spec["postBuild"]["substitute"]),
        strict: spec["postBuild"]["strict"] != false,
        always: spec["postBuild"]["substituteStrategy"] == "Always",
    });
    Plan {
        path: text("path").unwrap_or_default(),
        target_namespace: text("targetNamespace"),
        name_prefix: text("namePrefix"),
        name_suffix: text("nameSuffix"),
        patches: list("patches").iter().map(patch).collect(),
        images: list("images").iter().map(image).collect(),
        components: texts("components"),
        ignore_missing_components: spec["ignoreMissingComponents"] == true,
        common_labels: map(&spec["commonMetadata"]["labels"]),
        common_annotations: map(&spec["commonMetadata"]["annotations"]),
        build_metadata: texts("buildMetadata"),
        substitute,
    }
}

fn patch(value: &Value) -> Patch {
    let target = value.get("target").map(|target| Target {
        group: field(target, "group"),
        version: field(target, "version"),
        kind: field(target, "kind"),
        name: field(target, "name"),
        namespace: field(target, "namespace"),
        label_selector: field(target, "labelSelector"),
        annotation_selector: field(target, "annotationSelector"),
    });
    Patch { patch: field(value, "patch"), target, ..Patch::default() }
}

fn image(value: &Value) -> Image {
    Image {
        name: field(value, "name"),
        new_name: field(value, "newName"),
        new_tag: field(value, "newTag"),
        digest: field(value, "digest"),
        ..Image::default()
    }
}

fn field(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

//! [`Posted`]: what Flux changes of the rendered objects: post-renderers, common metadata, and the
//! labels that name the release.

use lode_api::helm_release::{self, Kustomize, PostRenderStrategy};
use lode_api::shared::CommonMetadata;
use lode_api::{FieldError, HelmRelease, Kind as _};
use lode_chart::{PostRender, Strategy};
use lode_kustomize::{At, Build, Builder, Image, Options, Order, Patch, Restrictions};
use lode_stdx::budget::Budget;
use lode_tree::{RepoPath, Tree};
use lode_yaml::{Node, Tag};

/// The file that the rendered objects are in meanwhile.
const FILE: &str = "helm-output.yaml";

/// Changes of the rendered objects of a release.
pub(super) struct Posted<'p> {
    pub(super) object: &'p HelmRelease,
    pub(super) budget: &'p Budget,
}

impl Posted<'_> {
    /// Returns the step of the render that makes the changes.
    pub(super) fn step<'c>(
        &self,
        change: lode_chart::PostRenderer<'c>,
    ) -> Result<PostRender<'c>, FieldError> {
        let strategy = match self.object.spec.post_render_strategy()? {
            PostRenderStrategy::Combined => Strategy::Combined,
            PostRenderStrategy::Separate => Strategy::Separate,
            PostRenderStrategy::NoHooks => Strategy::NoHooks,
        };
        Ok(PostRender { change, strategy })
    }

    /// Makes all changes. The error is the reason why one could not be made.
    pub(super) fn change(&self, stream: &str) -> Result<String, String> {
        let spec = &self.object.spec;
        let mut stream = stream.to_owned();
        let renderers = spec.post_renderers.iter().flatten();
        for kustomize in renderers.filter_map(|renderer| renderer.kustomize.as_deref()) {
            stream = self.build(&stream, Some(kustomize), &[])?;
        }
        let common = spec.common_metadata.as_deref();
        let pairs = common.map(pairs).unwrap_or_default();
        let stream = self.build(&stream, None, &pairs)?;
        self.build(&stream, None, &self.origin())
    }

    fn origin(&self) -> Vec<(&'static str, String, String)> {
        let group = helm_release::Spec::NAMES.group;
        let metadata = &self.object.metadata;
        [("name", &metadata.name), ("namespace", &metadata.namespace)]
            .map(|(key, value)| (LABELS, format!("{group}/{key}"), value.to_string()))
            .to_vec()
    }

    /// Builds a stream with patches and images, and sets labels and annotations.
    fn build(
        &self,
        stream: &str,
        kustomize: Option<&Kustomize>,
        pairs: &[(&str, String, String)],
    ) -> Result<String, String> {
        if stream.is_empty() || (kustomize.is_none() && pairs.is_empty()) {
            return Ok(stream.to_owned());
        }
        let mut build = self.built(stream, kustomize)?;
        for object in &mut build.objects {
            for (field, key, value) in pairs {
                set(&mut object.node, field, key, value);
            }
        }
        let mut text = String::new();
        for (at, object) in build.objects.iter().enumerate() {
            if at > 0 {
                text.push_str("---\n");
            }
            let written = object.write_within(&mut text, self.budget);
            written.map_err(|error| error.to_string())?;
        }
        Ok(text)
    }

    fn built(&self, stream: &str, kustomize: Option<&Kustomize>) -> Result<Build, String> {
        let tree = Tree::from_iter([(FILE, stream)]);
        let options = Options {
            restrictions: Restrictions::None,
            order: Order::None,
            ..Options::default()
        };
        let mut builder = Builder::new(&tree, &options, self.budget);
        let mut overlay = builder.generated(&RepoPath::root());
        let place = overlay.place(0);
        overlay.resources.push(At::new(FILE.to_owned(), place));
        for patch in kustomize.iter().flat_map(|kustomize| &kustomize.patches) {
            let patch = Patch {
                patch: At::new(patch.patch.to_string(), place),
                target: patch.target.as_deref().map(lode_object::Selector::from),
                ..Patch::default()
            };
            overlay.patches.push(At::new(patch, place));
        }
        for image in kustomize.iter().flat_map(|kustomize| &kustomize.images) {
            let text = |field: &Option<Box<str>>| field.as_deref().unwrap_or_default().to_owned();
            let image = Image {
                name: image.name.to_string(),
                new_name: text(&image.new_name),
                new_tag: text(&image.new_tag),
                digest: text(&image.digest),
                ..Image::default()
            };
            overlay.images.push(At::new(image, place));
        }
        builder.build(&overlay).map_err(|error| error.to_string())
    }
}

const LABELS: &str = "labels";

fn pairs(common: &CommonMetadata) -> Vec<(&'static str, String, String)> {
    let of = |field, map: &std::collections::BTreeMap<Box<str>, Box<str>>| {
        let pairs = map.iter();
        pairs
            .map(|(key, value)| (field, key.to_string(), value.to_string()))
            .collect::<Vec<_>>()
    };
    let mut all = of(LABELS, &common.labels);
    all.extend(of("annotations", &common.annotations));
    all
}

fn set(node: &mut Node, field: &str, key: &str, value: &str) {
    let metadata = node.get_or_insert_with("metadata", Node::mapping);
    let Some(map) = metadata.and_then(|metadata| metadata.get_or_insert_with(field, Node::mapping))
    else {
        return;
    };
    if map.is_null() {
        *map = Node::mapping();
    }
    let value = Node {
        tag: Tag::Str,
        ..Node::string(value)
    };
    map.insert(key, value);
}

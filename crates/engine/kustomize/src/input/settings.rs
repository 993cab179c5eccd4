//! The entries of a kustomization's lists: patches, images, replicas, labels.

use lode_object::Selector;
use lode_yaml::{Node, Place};

use crate::config::fieldspec::FieldSpec;
use crate::error::Fault;
use crate::input::decode::{At, Mapping, Pairs};

/// A patch and what it applies to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    /// A file; or empty.
    pub path: String,
    /// Strategic merge (objects) or JSON 6902 (a list of operations), as text; or empty.
    pub patch: At<String>,
    /// The objects; without it the patch itself names one.
    pub target: Option<Selector>,
    /// Whether a strategic merge may change the name.
    pub allow_name_change: bool,
    /// Whether a strategic merge may change the kind.
    pub allow_kind_change: bool,
}

/// A change to the images of one name. Empty fields change nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// The name without tag and digest; a regular expression.
    pub name: String,
    /// The new name.
    pub new_name: String,
    /// The new tag; removes a digest.
    pub new_tag: String,
    /// Text to append to the tag.
    pub tag_suffix: String,
    /// The digest, which replaces the tag.
    pub digest: String,
}

/// One entry of `replicas`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replicas {
    pub(crate) name: String,
    /// The number, with its position.
    pub(crate) count: i64,
    pub(crate) place: Place,
}

/// One entry of `labels`.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelRule {
    pub(crate) pairs: Pairs,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) fields: Vec<FieldSpec>,
}

impl Patch {
    pub(crate) fn read(entry: &mut Mapping<'_>) -> Result<Self, Fault> {
        let (path, patch) = (entry.text("path")?, entry.text_at("patch")?);
        let target = entry.read("target", target)?;
        let flags = |options: &mut Mapping<'_>| {
            Ok((
                options.flag("allowNameChange")?,
                options.flag("allowKindChange")?,
            ))
        };
        let (allow_name_change, allow_kind_change) =
            entry.read("options", flags)?.unwrap_or_default();
        Ok(Self {
            path,
            patch,
            target,
            allow_name_change,
            allow_kind_change,
        })
    }
}

impl Image {
    pub(crate) fn read(entry: &mut Mapping<'_>) -> Result<Self, Fault> {
        Ok(Self {
            name: entry.text("name")?,
            new_name: entry.text("newName")?,
            new_tag: entry.text("newTag")?,
            tag_suffix: entry.text("tagSuffix")?,
            digest: entry.text("digest")?,
        })
    }
}

impl Replicas {
    pub(crate) fn read(entry: &mut Mapping<'_>) -> Result<Self, Fault> {
        let (name, count) = (entry.text("name")?, entry.whole("count")?);
        let count = count.unwrap_or_else(|| At::new(0, entry.place()));
        Ok(Self {
            name,
            count: count.value,
            place: count.place,
        })
    }

    /// Returns the number as a node.
    pub(crate) fn node(&self) -> Node {
        Node {
            tag: lode_yaml::Tag::Int,
            ..Node::plain(self.count.to_string())
        }
        .placed(self.place)
    }
}

impl LabelRule {
    pub(crate) fn read(entry: &mut Mapping<'_>) -> Result<Self, Fault> {
        let fields = entry.entries("fields", FieldSpec::read)?;
        Ok(Self {
            pairs: entry.pairs("pairs")?,
            include_selectors: entry.flag("includeSelectors")?,
            include_templates: entry.flag("includeTemplates")?,
            fields: fields.into_iter().map(|field| field.value).collect(),
        })
    }
}

/// Reads the target of a patch.
pub(crate) fn target(fields: &mut Mapping<'_>) -> Result<Selector, Fault> {
    Ok(Selector {
        group: fields.text("group")?,
        version: fields.text("version")?,
        kind: fields.text("kind")?,
        name: fields.text("name")?,
        namespace: fields.text("namespace")?,
        label_selector: fields.text("labelSelector")?,
        annotation_selector: fields.text("annotationSelector")?,
    })
}

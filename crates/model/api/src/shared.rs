//! Types that the specs and statuses of several kinds share.
//!
//! Types of a single kind are in the kind's own file.

use std::collections::BTreeMap;

use crate::FieldError;
use crate::field::words;
use crate::schema::{date_time, object};

object! {
    /// A reference to an object in the same namespace.
    pub struct LocalRef {
        required {
            /// Name of the object.
            pub name: Box<str>;
        }
    }
}

/// Returns the path of the first reference whose name is empty. An empty name cannot mean "no reference": leaving out
/// credentials or keys would admit what they are meant to keep out, so such a reference is refused.
pub(crate) fn nameless(refs: &[(&str, Option<&LocalRef>)]) -> Option<String> {
    let is_nameless = |given: &LocalRef| given.name.is_empty();
    let mut found = refs
        .iter()
        .filter(|(_, given)| given.is_some_and(is_nameless));
    found.next().map(|(field, _)| format!("{field}.name"))
}

words! {
    /// Identity to authenticate with at a registry.
    pub enum RegistryProvider {
        /// The credentials of a Secret.
        Generic = "generic",
        /// An identity of AWS.
        Aws = "aws",
        /// An identity of Azure.
        Azure = "azure",
        /// An identity of GCP.
        Gcp = "gcp",
    }
}

impl RegistryProvider {
    /// Reads `spec.provider`.
    pub(crate) fn of_spec(text: Option<&str>) -> Result<Self, FieldError> {
        Ok(Self::read("spec.provider", text)?.unwrap_or(Self::Generic))
    }
}

object! {
    /// An identity that may have signed without a key, by regular expressions.
    pub struct OidcIdentity {
        required {
            /// Pattern of the issuer of the identity.
            pub issuer: Box<str>;
            /// Pattern of the subject of the identity.
            pub subject: Box<str>;
        }
    }
}

object! {
    /// A reference to an object of some kind, possibly in another namespace.
    pub struct ObjRef {
        required {
            /// Kind of the object.
            pub kind: Box<str>;
            /// Name of the object.
            pub name: Box<str>;
        }
        optional {
            /// API group and version of the object.
            pub api_version: Option<Box<str>>;
            /// Namespace of the object; that of the referring object if absent.
            pub namespace: Option<Box<str>>;
        }
    }
}

object! {
    /// A stored archive of one revision of a source.
    pub struct Artifact {
        required {
            /// Digest of the file, as `algorithm:hex`.
            pub digest: Box<str>;
            /// When the file was stored.
            pub last_update_time: Box<str> => date_time();
            /// Path of the file below the store's root.
            pub path: Box<str>;
            /// Revision of the source that the file contains.
            pub revision: Box<str>;
            /// URL of the file inside the cluster.
            pub url: Box<str>;
        }
        optional {
            /// Metadata of the revision, such as annotations of an OCI artifact.
            pub metadata: BTreeMap<Box<str>, Box<str>>;
            /// Size of the file in bytes.
            pub size: Option<i64>;
        }
    }
}

object! {
    /// An outcome of applying one set of manifests, and how often it occurred.
    pub struct HistorySnapshot {
        required {
            /// Digest of the manifests.
            pub digest: Box<str>;
            /// When this outcome first occurred.
            pub first_reconciled: Box<str> => date_time();
            /// When it last occurred.
            pub last_reconciled: Box<str> => date_time();
            /// Duration of the last occurrence.
            pub last_reconciled_duration: Box<str>;
            /// Reason of the Ready condition at the last occurrence.
            pub last_reconciled_status: Box<str>;
            /// How often it occurred.
            pub total_reconciliations: i64;
        }
        optional {
            /// Metadata of the manifests, such as their revision.
            pub metadata: BTreeMap<Box<str>, Box<str>>;
        }
    }
}

object! {
    /// The objects that were applied.
    pub struct Inventory {
        required {
            /// One entry per object.
            pub entries: Vec<InventoryEntry>;
        }
    }
}

object! {
    /// One applied object.
    pub struct InventoryEntry {
        required {
            /// Identity of the object, as `namespace_name_group_Kind`.
            pub id: Box<str>;
            /// API version (without group) with which it was applied.
            pub v: Box<str>;
        }
    }
}

object! {
    /// Selects objects; absent fields match everything.
    pub struct Selector {
        optional {
            /// Label selector that is matched against annotations.
            pub annotation_selector: Option<Box<str>>;
            /// API group.
            pub group: Option<Box<str>>;
            /// Kind, as an anchored regular expression.
            pub kind: Option<Box<str>>;
            /// Label selector.
            pub label_selector: Option<Box<str>>;
            /// Name, as an anchored regular expression.
            pub name: Option<Box<str>>;
            /// Namespace, as an anchored regular expression.
            pub namespace: Option<Box<str>>;
            /// API version within the group.
            pub version: Option<Box<str>>;
        }
    }
}

impl From<&Selector> for lode_object::Selector {
    fn from(selector: &Selector) -> Self {
        let text = |field: &Option<Box<str>>| field.as_deref().unwrap_or_default().to_owned();
        Self {
            group: text(&selector.group),
            version: text(&selector.version),
            kind: text(&selector.kind),
            name: text(&selector.name),
            namespace: text(&selector.namespace),
            label_selector: text(&selector.label_selector),
            annotation_selector: text(&selector.annotation_selector),
        }
    }
}

object! {
    /// Fields to leave as they are in the cluster.
    pub struct IgnoreRule {
        required {
            /// JSON pointers of the fields.
            pub paths: Vec<Box<str>>;
        }
        optional {
            /// Objects that the rule applies to; all if absent.
            pub target: Option<Box<Selector>>;
        }
    }
}

object! {
    /// A patch and the objects to apply it to.
    pub struct Patch {
        required {
            /// A strategic merge patch or a list of JSON patch operations, as YAML.
            pub patch: Box<str>;
        }
        optional {
            /// Objects to patch; a strategic merge patch may name its object itself.
            pub target: Option<Box<Selector>>;
        }
    }
}

object! {
    /// A change of a container image.
    pub struct Image {
        required {
            /// Name of the image to change, without tag and digest.
            pub name: Box<str>;
        }
        optional {
            /// Digest to pin; takes precedence over a tag.
            pub digest: Option<Box<str>>;
            /// New name.
            pub new_name: Option<Box<str>>;
            /// New tag.
            pub new_tag: Option<Box<str>>;
        }
    }
}

object! {
    /// Kubeconfig of another cluster.
    pub struct KubeConfigRef {
        optional {
            /// `ConfigMap` that describes how to authenticate with a workload identity.
            pub config_map_ref: Option<LocalRef>;
            /// Secret that contains a kubeconfig.
            pub secret_ref: Option<SecretKeyRef>;
        }
        rules {
            "has(self.configMapRef) || has(self.secretRef)" => "one of configMapRef and secretRef has to be set";
            "!has(self.configMapRef) || !has(self.secretRef)" => "configMapRef and secretRef exclude each other";
        }
    }
}

object! {
    /// A reference to a key of a Secret.
    pub struct SecretKeyRef {
        required {
            /// Name of the Secret.
            pub name: Box<str>;
        }
        optional {
            /// Key in the Secret; `value` or `value.yaml` if absent.
            pub key: Option<Box<str>>;
        }
    }
}

object! {
    /// CEL expressions that determine the health of objects of one kind.
    pub struct CustomHealthCheck {
        required {
            /// API group and version of the objects.
            pub api_version: Box<str>;
            /// True if the object is in the state its spec asks for.
            pub current: Box<str>;
        }
        optional {
            /// True if the object cannot reach that state.
            pub failed: Option<Box<str>>;
            /// True while the object is progressing towards that state.
            pub in_progress: Option<Box<str>>;
            /// Kind of the objects; all kinds of the API group if absent.
            pub kind: Option<Box<str>>;
        }
    }
}

object! {
    /// An object that must be ready first.
    pub struct DependencyReference {
        required {
            /// Name of the object.
            pub name: Box<str>;
        }
        optional {
            /// Namespace of the object; that of the referring object if absent.
            pub namespace: Option<Box<str>>;
            /// CEL expression over `self` and `dep` that determines whether it is ready.
            pub ready_expr: Option<Box<str>>;
        }
    }
}

object! {
    /// Labels and annotations to set on every object.
    pub struct CommonMetadata {
        optional {
            /// Annotations to set.
            pub annotations: BTreeMap<Box<str>, Box<str>>;
            /// Labels to set.
            pub labels: BTreeMap<Box<str>, Box<str>>;
        }
    }
}

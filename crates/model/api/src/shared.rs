//! What the specs and statuses of several kinds have in common.
//!
//! Left out: what only one kind has; it stands beside that kind.

use std::collections::BTreeMap;

use crate::schema::{date_time, object};

object! {
    /// Names an object in the same namespace.
    pub struct LocalRef {
        required {
            /// Name of the object.
            pub name: Box<str>;
        }
    }
}

object! {
    /// Names an object of some kind, perhaps in another namespace.
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
            /// Namespace of the object; the referrer's own when absent.
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
            /// Path of the file below the root of the store.
            pub path: Box<str>;
            /// Revision of the source that the file holds.
            pub revision: Box<str>;
            /// Address where the file can be fetched inside the cluster.
            pub url: Box<str>;
        }
        optional {
            /// Facts about the revision, such as annotations of an OCI artifact.
            pub metadata: BTreeMap<Box<str>, Box<str>>;
            /// Size of the file in bytes.
            pub size: Option<i64>;
        }
    }
}

object! {
    /// One outcome of applying one set of manifests, with how often it came out.
    pub struct HistorySnapshot {
        required {
            /// Digest of the manifests.
            pub digest: Box<str>;
            /// When this outcome first came out.
            pub first_reconciled: Box<str> => date_time();
            /// When it last came out.
            pub last_reconciled: Box<str> => date_time();
            /// How long the last time took.
            pub last_reconciled_duration: Box<str>;
            /// Reason of the Ready condition it ended with.
            pub last_reconciled_status: Box<str>;
            /// How often it came out.
            pub total_reconciliations: i64;
        }
        optional {
            /// Facts about the manifests, such as their revision.
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
            /// API version within the group that it was applied with.
            pub v: Box<str>;
        }
    }
}

object! {
    /// Chooses objects; what is absent matches everything.
    pub struct Selector {
        optional {
            /// Label selector on annotations.
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

object! {
    /// A patch and the objects it is made on.
    pub struct Patch {
        required {
            /// A strategic merge patch or a list of JSON patch operations, as YAML.
            pub patch: Box<str>;
        }
        optional {
            /// The objects to patch; a strategic merge patch may name its object itself.
            pub target: Option<Box<Selector>>;
        }
    }
}

object! {
    /// What becomes of a container image.
    pub struct Image {
        required {
            /// Name of the image to change, without tag and digest.
            pub name: Box<str>;
        }
        optional {
            /// Digest to pin; wins over a tag.
            pub digest: Option<Box<str>>;
            /// Name to put in its place.
            pub new_name: Option<Box<str>>;
            /// Tag to put in its place.
            pub new_tag: Option<Box<str>>;
        }
    }
}

object! {
    /// Where the access to another cluster comes from.
    pub struct KubeConfigRef {
        optional {
            /// A `ConfigMap` that says how to sign in with an identity of the workload.
            pub config_map_ref: Option<LocalRef>;
            /// A Secret that holds a kubeconfig.
            pub secret_ref: Option<SecretKeyRef>;
        }
        rules {
            "has(self.configMapRef) || has(self.secretRef)" => "one of configMapRef and secretRef has to be set";
            "!has(self.configMapRef) || !has(self.secretRef)" => "configMapRef and secretRef exclude each other";
        }
    }
}

object! {
    /// Names a Secret and a key in it.
    pub struct SecretKeyRef {
        required {
            /// Name of the Secret.
            pub name: Box<str>;
        }
        optional {
            /// Key in the Secret; `value` or `value.yaml` when absent.
            pub key: Option<Box<str>>;
        }
    }
}

object! {
    /// CEL expressions that tell how objects of one kind are doing.
    pub struct CustomHealthCheck {
        required {
            /// API group and version of the objects.
            pub api_version: Box<str>;
            /// True when the object is as its spec asks.
            pub current: Box<str>;
        }
        optional {
            /// True when the object cannot become so.
            pub failed: Option<Box<str>>;
            /// True while the object is on its way.
            pub in_progress: Option<Box<str>>;
            /// Kind of the objects; all of the API group when absent.
            pub kind: Option<Box<str>>;
        }
    }
}

object! {
    /// An object that has to be ready first.
    pub struct DependencyReference {
        required {
            /// Name of the object.
            pub name: Box<str>;
        }
        optional {
            /// Namespace of the object; the referrer's own when absent.
            pub namespace: Option<Box<str>>;
            /// CEL expression over `self` and `dep` that tells whether it is ready.
            pub ready_expr: Option<Box<str>>;
        }
    }
}

object! {
    /// Labels and annotations for every object.
    pub struct CommonMetadata {
        optional {
            /// Annotations to set.
            pub annotations: BTreeMap<Box<str>, Box<str>>;
            /// Labels to set.
            pub labels: BTreeMap<Box<str>, Box<str>>;
        }
    }
}

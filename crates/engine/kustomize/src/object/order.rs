//! The order of output objects: as read, or dependencies first.

use std::collections::HashMap;

use lode_object::GroupVersionKind;

use crate::error::{Fault, FileCause};
use crate::input::decode::{At, Mapping};
use crate::object::resource::Resource;

/// The order of a build's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As read.
    None,
    /// Kinds that others need first, then by kind and name, as kustomize's command does.
    Legacy,
}

/// The content of `sortOptions`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SortOptions {
    /// `legacy` or `fifo`.
    pub(crate) order: String,
    /// Kinds that come first and kinds that come last, if given.
    pub(crate) kinds: Option<(Vec<String>, Vec<String>)>,
}

/// Kinds that come first.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
/// Kinds that come last.
const LAST: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

impl SortOptions {
    pub(crate) fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        let texts = |list: Vec<At<String>>| list.into_iter().map(|text| text.value).collect();
        let order = fields.text("order")?;
        let kinds = fields.read("legacySortOptions", |kinds| {
            Ok((
                texts(kinds.texts("orderFirst")?),
                texts(kinds.texts("orderLast")?),
            ))
        })?;
        Ok(Self { order, kinds })
    }
}

/// Returns a kind's rank: below 0 among the kinds that come first, above 0 among the last.
pub(crate) fn rank(kind: &str) -> isize {
    let first = FIRST
        .iter()
        .position(|known| *known == kind)
        .map(|at| at.cast_signed() - FIRST.len().cast_signed());
    first
        .or_else(|| {
            LAST.iter()
                .position(|known| *known == kind)
                .map(|at| at.cast_signed() + 1)
        })
        .unwrap_or_default()
}

/// Sorts resources as the root's `sortOptions` say, or else as the caller says.
pub(crate) fn sort(
    resources: &mut Vec<Resource>,
    options: Option<&At<SortOptions>>,
    default: Order,
) -> Result<(), Fault> {
    let Some(options) = options else {
        if default == Order::Legacy {
            by_kind(resources, &rank);
        }
        return Ok(());
    };
    let wrong = |want| crate::input::decode::wrong(options.place, "sortOptions.order", want);
    match (options.order.as_str(), &options.kinds) {
        ("fifo", None) => {}
        ("fifo", Some(_)) => {
            let what = "sortOptions.legacySortOptions".to_owned();
            return Err(Fault::At(
                options.place,
                FileCause::Unsupported {
                    what,
                    why: "the order is not \"legacy\"",
                },
            ));
        }
        ("legacy", None) => by_kind(resources, &rank),
        ("legacy", Some((first, last))) => {
            let mut ranks: HashMap<&str, isize> = HashMap::new();
            let len = first.len().cast_signed();
            ranks.extend(
                first
                    .iter()
                    .enumerate()
                    .map(|(at, kind)| (kind.as_str(), at.cast_signed() - len)),
            );
            ranks.extend(
                last.iter()
                    .enumerate()
                    .map(|(at, kind)| (kind.as_str(), at.cast_signed() + 1)),
            );
            by_kind(resources, &|kind| {
                ranks.get(kind).copied().unwrap_or_default()
            });
        }
        _ => return Err(wrong("\"legacy\" or \"fifo\"")),
    }
    Ok(())
}

fn by_kind(resources: &mut Vec<Resource>, rank: &dyn Fn(&str) -> isize) {
    let mut keyed: Vec<(OrderKey, Resource)> = std::mem::take(resources)
        .into_iter()
        .map(|resource| (OrderKey::new(&resource, rank), resource))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    resources.extend(keyed.into_iter().map(|(_, resource)| resource));
}

/// The sort key of an object, most significant first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct OrderKey {
    rank: isize,
    kind: String,
    id: String,
}

impl OrderKey {
    fn new(resource: &Resource, rank: &dyn Fn(&str) -> isize) -> Self {
        let GroupVersionKind {
            group,
            version,
            kind,
        } = resource.gvk();
        let or = |text: &str, absent: &str| {
            if text.is_empty() {
                absent.to_owned()
            } else {
                text.to_owned()
            }
        };
        let rank = rank(&kind);
        let text = match (&*group, &*kind) {
            // Among kinds called Namespace, the core one comes first.
            ("", "Namespace") if rank != 0 => String::new(),
            _ => format!(
                "{}_{}_{}",
                or(&group, "~G"),
                or(&version, "~V"),
                or(&kind, "~K")
            ),
        };
        let id = format!(
            "{}|{}",
            or(resource.namespace(), "~X"),
            or(resource.name(), "~N")
        );
        Self {
            rank,
            kind: text,
            id,
        }
    }
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Node, Place};
    use serde_json::json;

    use super::*;

    fn sorted(options: Option<SortOptions>, default: Order) -> Result<String, Fault> {
        let resource = |api_version: &str, kind: &str, name: &str| {
            let value =
                json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
            Resource::new(Node::from_value(&value), Place::default())
        };
        let mut all = vec![
            resource("v1", "Service", "b"),
            resource("v1", "Service", "a"),
            resource("apps/v1", "DaemonSet", "d"),
            resource("x/v1", "Namespace", "other"),
            resource("v1", "Namespace", "core"),
        ];
        sort(
            &mut all,
            options
                .map(|options| At::new(options, Place::default()))
                .as_ref(),
            default,
        )?;
        Ok(all.iter().map(Resource::name).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn kinds_that_others_need_come_first() {
        assert_eq!(sorted(None, Order::None).unwrap(), "b a d other core");
        assert_eq!(sorted(None, Order::Legacy).unwrap(), "core other a b d");
    }

    #[test]
    fn options_of_the_root_win() {
        let options = |order: &str, kinds: Option<(&str, &str)>| {
            let kinds = kinds.map(|(first, last)| (vec![first.to_owned()], vec![last.to_owned()]));
            Some(SortOptions {
                order: order.to_owned(),
                kinds,
            })
        };
        assert_eq!(
            sorted(options("fifo", None), Order::Legacy).unwrap(),
            "b a d other core"
        );
        assert_eq!(
            sorted(
                options("legacy", Some(("Service", "DaemonSet"))),
                Order::None
            )
            .unwrap(),
            "a b other core d"
        );
        assert!(sorted(options("fifo", Some(("a", "b"))), Order::None).is_err());
        assert!(sorted(options("", None), Order::None).is_err());
    }
}

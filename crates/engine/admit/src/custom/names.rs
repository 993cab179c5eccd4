//! Names within a cluster: their spelling, and which of a definition's names are still available.

use serde_json::{Value, json};

use super::{
    definition::Names,
    field::{objects, text},
    format::label,
    lists::DNS_1035_LABEL,
    path::Path,
};
use crate::field_error::FieldError;

/// Finds invalid names in a definition.
pub(super) fn check(names: &Names, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let needed = [
        ("plural", &names.plural),
        ("singular", &names.singular),
        ("kind", &names.kind),
        ("listKind", &names.list_kind),
    ];
    errors.extend(
        needed
            .iter()
            .filter(|(_, name)| name.is_empty())
            .map(|(key, _)| FieldError::required(path.field(key), "")),
    );
    for (key, name) in needed.iter().filter(|(_, name)| !name.is_empty()) {
        let mixed = key.ends_with("ind");
        let spelled = if mixed {
            name.to_ascii_lowercase()
        } else {
            name.to_string()
        };
        let prefix = if mixed {
            "may have mixed case, but should otherwise match: "
        } else {
            ""
        };
        if let Some(detail) = dns_1035_label(&spelled) {
            errors.push(FieldError::invalid(
                path.field(key),
                &json!(name),
                &format!("{prefix}{detail}"),
            ));
        }
    }
    for (key, several) in [
        ("shortNames", &names.short_names),
        ("categories", &names.categories),
    ] {
        for (place, name) in several.iter().enumerate() {
            if let Some(detail) = dns_1035_label(name) {
                errors.push(FieldError::invalid(
                    path.field(key).index(place),
                    &json!(name),
                    &detail,
                ));
            }
        }
    }
    if !names.kind.is_empty() && names.kind == names.list_kind {
        let detail = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(
            path.field("listKind"),
            &json!(names.list_kind),
            detail,
        ));
    }
}

/// Returns why a text is not an RFC 1035 label.
pub(super) fn dns_1035_label(text: &str) -> Option<String> {
    if text.len() > LABEL_BYTES_MAX {
        return Some(format!("must be no more than {LABEL_BYTES_MAX} bytes"));
    }
    let fits = label(text, LABEL_BYTES_MAX) && text.starts_with(|c: char| c.is_ascii_lowercase());
    (!fits).then(|| DNS_1035_LABEL.to_owned())
}

/// Returns why a text is not a DNS name (RFC 1123).
pub(super) fn dns_1123_subdomain(text: &str) -> Option<String> {
    if text.len() > SUBDOMAIN_BYTES_MAX {
        return Some(format!("must be no more than {SUBDOMAIN_BYTES_MAX} bytes"));
    }
    let fits = text.split('.').all(|part| label(part, SUBDOMAIN_BYTES_MAX));
    (!fits).then(|| DNS_1123_SUBDOMAIN.to_owned())
}

/// Returns the status of a definition after comparing its names with those of others in its group.
///
/// A name belongs to the first definition that requests it; one that requests a taken name does not
/// become established, or stays established if it was.
#[must_use]
pub fn accept(definition: &Value, others: &[Names], now: &str) -> Value {
    let wanted = Names::read(definition.pointer("/spec/names").unwrap_or(&Value::Null));
    let had = Names::read(
        definition
            .pointer("/status/acceptedNames")
            .unwrap_or(&Value::Null),
    );
    let (names, conflict) = weigh(&wanted, &had, others);
    let mut status = definition
        .get("status")
        .filter(|status| status.is_object())
        .cloned()
        .unwrap_or_else(|| json!({}));
    let mut conditions: Vec<Value> = objects(&status, "conditions").cloned().collect();
    let established = has(&conditions, "Established");
    if let Some(condition) = approval(definition) {
        set(&mut conditions, condition, now);
    }
    let accepted = match &conflict {
        None => (
            "NamesAccepted",
            "True",
            "NoConflicts",
            "no conflicts found".to_owned(),
        ),
        Some((reason, name)) => (
            "NamesAccepted",
            "False",
            *reason,
            format!("{name:?} is already in use"),
        ),
    };
    set(&mut conditions, accepted, now);
    if conflict.is_none() {
        let message = "the initial names have been accepted".to_owned();
        set(
            &mut conditions,
            ("Established", "True", "InitialNamesAccepted", message),
            now,
        );
    } else if !established {
        let message = "not all names are accepted".to_owned();
        set(
            &mut conditions,
            ("Established", "False", "NotAccepted", message),
            now,
        );
    }
    status["conditions"] = conditions.into();
    status["acceptedNames"] = names.to_value();
    status
}

/// Why a name is not available, and the name.
type Conflict = Option<(&'static str, Box<str>)>;

fn weigh(wanted: &Names, had: &Names, others: &[Names]) -> (Names, Conflict) {
    let resources = |name: &str| {
        let has = |other: &Names| {
            let own = [&other.plural, &other.singular];
            own.into_iter()
                .chain(&*other.short_names)
                .any(|taken| **taken == *name)
        };
        !name.is_empty() && others.iter().any(has)
    };
    let kinds = |name: &str| {
        let has = |other: &Names| {
            [&other.kind, &other.list_kind]
                .into_iter()
                .any(|taken| **taken == *name)
        };
        !name.is_empty() && others.iter().any(has)
    };
    let mut conflict: Conflict = None;
    let mut pick = |taken: bool, reason: &'static str, of: fn(&Names) -> &str| {
        if !taken {
            return of(wanted).into();
        }
        conflict.get_or_insert((reason, of(wanted).into()));
        of(had).into()
    };
    let mut names = Names {
        plural: pick(resources(&wanted.plural), "PluralConflict", |names| {
            &names.plural
        }),
        singular: pick(resources(&wanted.singular), "SingularConflict", |names| {
            &names.singular
        }),
        short_names: wanted.short_names.clone(),
        kind: pick(kinds(&wanted.kind), "KindConflict", |names| &names.kind),
        list_kind: pick(kinds(&wanted.list_kind), "ListKindConflict", |names| {
            &names.list_kind
        }),
        categories: wanted.categories.clone(),
    };
    if let Some(taken) = wanted.short_names.iter().find(|name| resources(name)) {
        conflict.get_or_insert(("ShortNamesConflict", taken.clone()));
        names.short_names.clone_from(&had.short_names);
    }
    (names, conflict)
}

/// Type, status, reason, message.
type NamesCondition = (&'static str, &'static str, &'static str, String);

/// Returns the condition for a group reserved by Kubernetes.
fn approval(definition: &Value) -> Option<NamesCondition> {
    let group = text(definition.get("spec")?, "group").filter(|group| is_protected(group))?;
    let why = definition
        .pointer("/metadata/annotations")
        .and_then(|annotations| text(annotations, APPROVED));
    let kind = "KubernetesAPIApprovalPolicyConformant";
    Some(match why {
        Some(why) if why.starts_with("unapproved") => (
            kind,
            "False",
            "UnapprovedAnnotation",
            format!("not approved: {why:?}"),
        ),
        Some(why) => (
            kind,
            "True",
            "ApprovedAnnotation",
            format!("approved in {why}"),
        ),
        None => {
            let message = format!(
                "protected groups must have approval annotation {APPROVED:?}, see {APPROVAL_PAGE}"
            );
            (
                kind,
                "False",
                "MissingAnnotation",
                format!("{message} ({group})"),
            )
        }
    })
}

/// Returns whether a group is reserved by Kubernetes.
pub(super) fn is_protected(group: &str) -> bool {
    ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|own| group == *own || group.ends_with(&format!(".{own}")))
}

fn has(conditions: &[Value], kind: &str) -> bool {
    conditions
        .iter()
        .any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// Sets a condition; its time is that of the last change of its status.
fn set(conditions: &mut Vec<Value>, (kind, status, reason, message): NamesCondition, now: &str) {
    let old = conditions
        .iter()
        .position(|condition| condition["type"] == kind);
    let since = old
        .map(|place| &conditions[place])
        .filter(|old| old["status"] == status);
    let since = since.map_or_else(|| now.into(), |old| old["lastTransitionTime"].clone());
    let condition = json!({
        "type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message,
    });
    match old {
        Some(place) => conditions[place] = condition,
        None => conditions.push(condition),
    }
}

const LABEL_BYTES_MAX: usize = 63;
const SUBDOMAIN_BYTES_MAX: usize = 253;
/// The annotation that allows a definition in a group reserved by Kubernetes.
pub(super) const APPROVED: &str = "api-approved.kubernetes.io";
/// The page that explains it.
pub(super) const APPROVAL_PAGE: &str = "https://github.com/kubernetes/enhancements/pull/1111";
/// Kubernetes' description of a DNS name.
const DNS_1123_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
    '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation \
    is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

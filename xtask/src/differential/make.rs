//! How each operation is made: mostly as a client would, sometimes deliberately wrong.

use serde_json::{Value, json};

use super::kinds::merge;
use super::operation::{Body, JSON, Operation, Subject};
use super::sequence::Sequence;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str =
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

pub(super) fn text(content_type: &'static str, value: &Value) -> Body {
    Body::Text {
        content_type,
        text: value.to_string(),
    }
}

pub(super) fn create(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let mut object = sequence.object(subject);
    let odd = [
        json!({"metadata": {"name": null}}),
        json!({"metadata": {"name": "Not_A_Name"}}),
        json!({"metadata": {"namespace": "elsewhere"}}),
        json!({"metadata": {"resourceVersion": "5"}}),
        json!({"metadata": {"uid": "11111111-1111-1111-1111-111111111111", "generation": 9}}),
        json!({"kind": "Odd"}),
        json!({"apiVersion": "v9"}),
        json!({"metadata": {"labels": {"x": "not a value!"}}}),
        json!({"metadata": {"annotations": {"example.com/x": "y"}, "finalizers": ["example.com/f"]}}),
        json!({"metadata": {"finalizers": ["unqualified"]}}),
        json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}]}}),
        json!({"unknownField": {"a": 1}, "metadata": {"unknown": 1}}),
    ];
    if let Some(odd) = odd.get(sequence.random.below(odd.len() * 5)) {
        merge(&mut object, odd);
    }
    let path = format!("{}?{}", subject.collection, sequence.options());
    subject.operation("create", "POST", path, text(JSON, &object))
}

pub(super) fn create_generated(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let mut object = subject.kind.body("", &json!({}));
    // Its generated name gives it a random place in lists, so it is a dry run and never stored.
    object["metadata"] = json!({"generateName": "made-"});
    let options = sequence
        .random
        .text(&["dryRun=All", "dryRun=All&fieldManager=one"]);
    let mut operation = subject.operation(
        "create",
        "POST",
        format!("{}?{options}", subject.collection),
        text(JSON, &object),
    );
    operation.about.clear();
    operation
}

pub(super) fn get(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let accept = sequence.random.text(&[
        JSON,
        JSON,
        TABLE,
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    ]);
    let query = sequence.random.text(&[
        "",
        "",
        "?resourceVersion=0",
        "?resourceVersion=abc",
        "?pretty=false",
    ]);
    subject
        .operation(
            "get",
            "GET",
            format!("{}{query}", subject.path()),
            Body::None,
        )
        .accepting(accept)
}

pub(super) fn list(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let (label, name) = (&sequence.label, &subject.name);
    let own = format!("labelSelector=seq%3D{label}");
    let queries = [
        own.clone(),
        format!("{own}&fieldSelector=metadata.name%3D{name}"),
        format!("{own}&fieldSelector=metadata.name%21%3D{name}"),
        format!("labelSelector=seq+in+%28{label}%2Cnone%29%2C%21absent"),
        format!("labelSelector=seq%3D{label}%2Cturn"),
        format!("{own}&limit=1"),
        format!("{own}&limit=1&continue=${{rest}}"),
        format!("{own}&resourceVersion=${{start}}&resourceVersionMatch=NotOlderThan"),
        format!("{own}&resourceVersion=${{start}}&resourceVersionMatch=Exact"),
        format!("{own}&fieldSelector=spec.nothing%3Dx"),
        format!("{own}&resourceVersionMatch=Exact"),
        "labelSelector=not+a+%28selector".to_owned(),
        format!("{own}&limit=abc"),
        format!("{own}&fieldSelector=spec.color%3Dred"),
        format!("{own}&fieldSelector=type%3DOpaque"),
    ];
    // The usual queries are picked more often than the odd ones.
    let number = sequence.random.below(queries.len() + 5) % queries.len();
    let accept = sequence.random.text(&[JSON, JSON, JSON, TABLE, PARTIAL]);
    let path = format!("{}?{}", subject.collection, queries[number]);
    let mut operation = subject
        .operation("list", "GET", path, Body::None)
        .accepting(accept);
    operation.about.clear();
    operation
}

pub(super) fn update(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let mut patch = sequence.patch(subject);
    match sequence.random.below(12) {
        0 => merge(&mut patch, &json!({"metadata": {"labels": {"turn": "1"}}})),
        1 => patch = json!({}),
        2 => merge(&mut patch, &json!({"metadata": {"name": "another"}})),
        3 => merge(
            &mut patch,
            &json!({"metadata": {"uid": "11111111-1111-1111-1111-111111111111"}}),
        ),
        4 => merge(&mut patch, &json!({"metadata": {"managedFields": null}})),
        5 => merge(&mut patch, &as_status(&subject.kind.status)),
        _ => {}
    }
    let otherwise = sequence.object(subject);
    let body = Body::Edited {
        patch,
        version: sequence.version(),
        otherwise,
    };
    let options = sequence.options();
    subject.operation("update", "PUT", subject.with_options("", &options), body)
}

pub(super) fn json_patch(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let patches = [
        json!([{"op": "add", "path": "/metadata/labels/turn", "value": "2"}]),
        json!([{"op": "remove", "path": "/metadata/labels/turn"}]),
        json!([{"op": "test", "path": "/metadata/name", "value": subject.name}, {"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}}]),
        json!([{"op": "test", "path": "/metadata/name", "value": "other"}]),
        json!([{"op": "replace", "path": "/metadata/name", "value": "other"}]),
        json!([{"op": "test", "path": "/metadata/uid", "value": "${uid}"}, {"op": "replace", "path": "/metadata/labels/seq", "value": "${uid}"}]),
        json!([{"op": "replace", "path": "/spec", "value": {}}]),
        json!([{"op": "remove", "path": "/nothing/here"}]),
        json!([{"op": "copy", "from": "/metadata/labels", "path": "/metadata/annotations"}]),
        json!([{"op": "add", "path": "/data/x", "value": "y"}]),
        json!([{"op": "odd", "path": "/a"}]),
        json!({"op": "add"}),
        json!([{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]),
    ];
    let patch = sequence.random.pick(&patches).cloned().unwrap_or_default();
    let options = sequence.options();
    let body = text("application/json-patch+json", &patch);
    subject.operation(
        "json patch",
        "PATCH",
        subject.with_options("", &options),
        body,
    )
}

pub(super) fn merge_patch(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let mut patch = sequence.patch(subject);
    match sequence.random.below(10) {
        0 => merge(
            &mut patch,
            &json!({"metadata": {"resourceVersion": "${first}"}}),
        ),
        1 => merge(
            &mut patch,
            &json!({"metadata": {"resourceVersion": "${version}"}}),
        ),
        2 => merge(&mut patch, &json!({"unknownField": [1]})),
        3 => patch = json!({"metadata": {"labels": null}}),
        _ => {}
    }
    let options = sequence.options();
    let body = text("application/merge-patch+json", &patch);
    subject.operation(
        "merge patch",
        "PATCH",
        subject.with_options("", &options),
        body,
    )
}

pub(super) fn strategic_patch(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let patches = if sequence.random.percent(70) {
        &subject.kind.strategic
    } else {
        &subject.kind.edits
    };
    let patch = sequence.random.pick(patches).cloned().unwrap_or_default();
    let options = sequence.options();
    let body = text("application/strategic-merge-patch+json", &patch);
    subject.operation(
        "strategic patch",
        "PATCH",
        subject.with_options("", &options),
        body,
    )
}

pub(super) fn apply(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let mut object = sequence.object(subject);
    match sequence.random.below(12) {
        0 => merge(&mut object, &json!({"metadata": {"labels": {"turn": "3"}}})),
        1 => {
            object = subject.kind.body(
                &subject.name,
                &json!({"seq": sequence.label, "only": "this"}),
            );
        }
        2 => merge(&mut object, &json!({"spec": null, "data": null})),
        3 => merge(
            &mut object,
            &json!({"metadata": {"resourceVersion": "${first}"}}),
        ),
        4 => merge(&mut object, &json!({"apiVersion": null})),
        5 => merge(&mut object, &json!({"metadata": {"managedFields": []}})),
        6 => merge(&mut object, &json!({"unknownField": 1})),
        _ => {}
    }
    let manager = sequence.random.text(&["one", "two", "three"]);
    let force = sequence
        .random
        .text(&["", "", "&force=true", "&force=false"]);
    let more = if sequence.random.percent(10) {
        "&dryRun=All"
    } else {
        ""
    };
    let options = if sequence.random.percent(4) {
        String::new()
    } else {
        format!("fieldManager={manager}{force}{more}")
    };
    let body = text("application/apply-patch+yaml", &object);
    subject.operation("apply", "PATCH", subject.with_options("", &options), body)
}

pub(super) fn status(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let patch = as_status(&subject.kind.status);
    let options = sequence.options();
    let path = subject.with_options("/status", &options);
    match sequence.random.below(4) {
        0 => subject.operation(
            "get status",
            "GET",
            format!("{}/status", subject.path()),
            Body::None,
        ),
        1 => {
            let otherwise = subject.kind.body(&subject.name, &sequence.labels());
            let body = Body::Edited {
                patch,
                version: sequence.version(),
                otherwise,
            };
            subject.operation("update status", "PUT", path, body)
        }
        2 => {
            let mut object = subject.kind.body(&subject.name, &json!({}));
            merge(&mut object, &json!({"spec": null}));
            merge(&mut object, &patch);
            let path = subject.with_options("/status", "fieldManager=status&force=true");
            subject.operation(
                "apply status",
                "PATCH",
                path,
                text("application/apply-patch+yaml", &object),
            )
        }
        _ => subject.operation(
            "patch status",
            "PATCH",
            path,
            text("application/merge-patch+json", &patch),
        ),
    }
}

pub(super) fn scale(sequence: &mut Sequence, subject: &Subject) -> Operation {
    if !subject.kind.scale && sequence.random.percent(80) {
        return get(sequence, subject);
    }
    let options = sequence.options();
    let path = subject.with_options("/scale", &options);
    let replicas = sequence.random.below(6) as i64 - 1;
    match sequence.random.below(3) {
        0 => subject.operation(
            "get scale",
            "GET",
            format!("{}/scale", subject.path()),
            Body::None,
        ),
        1 => {
            let scale = json!({"apiVersion": "autoscaling/v1", "kind": "Scale",
                "metadata": {"name": subject.name, "namespace": sequence.namespace}, "spec": {"replicas": replicas}});
            subject.operation("update scale", "PUT", path, text(JSON, &scale))
        }
        _ => {
            let patch = json!({"spec": {"replicas": replicas}});
            subject.operation(
                "patch scale",
                "PATCH",
                path,
                text("application/merge-patch+json", &patch),
            )
        }
    }
}

pub(super) fn metadata(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let owner = json!({"apiVersion": subject.kind.api_version, "kind": subject.kind.name, "name": "x", "uid": "${other}"});
    let patches = [
        json!({"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}),
        json!({"metadata": {"finalizers": ["example.com/b"]}}),
        json!({"metadata": {"finalizers": null}}),
        json!({"metadata": {"ownerReferences": [owner]}}),
        json!({"metadata": {"ownerReferences": null}}),
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "generation": 7}}),
        json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z", "selfLink": "/x"}}),
    ];
    let patch = sequence.random.pick(&patches).cloned().unwrap_or_default();
    let body = text("application/merge-patch+json", &patch);
    subject.operation("metadata", "PATCH", subject.path(), body)
}

pub(super) fn delete(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let options = [
        json!({}),
        json!({"propagationPolicy": "Background"}),
        json!({"propagationPolicy": "Foreground"}),
        json!({"propagationPolicy": "Orphan"}),
        json!({"propagationPolicy": "Odd"}),
        json!({"preconditions": {"uid": "${uid}"}}),
        json!({"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}}),
        json!({"preconditions": {"resourceVersion": "${first}"}}),
        json!({"dryRun": ["All"]}),
        json!({"gracePeriodSeconds": 0}),
        json!({"propagationPolicy": "Orphan", "orphanDependents": true}),
    ];
    let body = sequence
        .random
        .pick(&options)
        .map_or(Body::None, |options| text(JSON, options));
    subject.operation("delete", "DELETE", subject.path(), body)
}

pub(super) fn delete_collection(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let more = sequence.random.text(&[
        "",
        "&dryRun=All",
        "&propagationPolicy=Foreground",
        "&fieldSelector=metadata.name%3Dnone",
    ]);
    let path = format!(
        "{}?labelSelector=seq%3D{}{more}",
        subject.collection, sequence.label
    );
    let mut operation = subject.operation("delete collection", "DELETE", path, Body::None);
    operation.about.clear();
    operation
}

fn as_status(status: &Value) -> Value {
    json!({"status": status})
}

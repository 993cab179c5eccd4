//! [`Sequence`]: random operations on a few objects. What a server chooses stands in them as a placeholder, which each
//! side fills in: `${uid}`, `${version}` and `${first}` (a version) of the object itself, `${other}` (a uid) of its
//! neighbour, `${start}` (a version) of the first list, `${rest}` of the last list.

use serde_json::{Value, json};

use super::kinds::{Kind, merge};
use super::random::Random;
use crate::replay::Call;

/// One operation.
pub(super) struct Operation {
    /// What is done, for the count of differences.
    pub(super) label: &'static str,
    /// Kind of the object.
    pub(super) kind: String,
    /// Method, path with placeholders, headers.
    pub(super) call: Call,
    pub(super) body: Body,
    /// Path of the object; empty when it is about none, or about one without a name yet.
    pub(super) about: String,
    /// Path of the neighbour.
    pub(super) other: String,
}

/// What is sent.
pub(super) enum Body {
    None,
    /// A text with placeholders.
    Text {
        content_type: &'static str,
        text: String,
    },
    /// The object as each side showed it last, with an edit, or this one where there is none.
    Edited {
        patch: Value,
        version: Version,
        otherwise: Value,
    },
}

/// The resource version of an object that is sent back.
#[derive(Clone, Copy)]
pub(super) enum Version {
    /// The one it was last seen with.
    Last,
    /// None.
    None,
    /// The first one it ever had.
    First,
}

/// Operations of one sequence.
pub(super) struct Sequence<'k> {
    random: Random,
    namespace: String,
    label: String,
    kinds: Vec<&'k Kind>,
}

/// What an operation is about.
struct Subject<'k> {
    kind: &'k Kind,
    name: String,
    collection: String,
    other: String,
}

type Make = fn(&mut Sequence<'_>, &Subject<'_>) -> Operation;

/// Operations with how often they come, in percent.
const OPERATIONS: [(usize, Make); 14] = [
    (18, create),
    (2, create_generated),
    (5, get),
    (8, list),
    (12, update),
    (7, json_patch),
    (9, merge_patch),
    (7, strategic_patch),
    (16, apply),
    (5, status),
    (3, scale),
    (4, metadata),
    (3, delete),
    (1, delete_collection),
];
/// Kinds of one sequence.
const KINDS_PER_SEQUENCE: usize = 2;
const JSON: &str = "application/json";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

impl<'k> Sequence<'k> {
    /// The operations of a sequence; two with the same random numbers are the same.
    pub(super) fn new(all: &'k [Kind], mut random: Random, namespace: &str, number: usize) -> Self {
        let kinds = (0..KINDS_PER_SEQUENCE).filter_map(|_| random.pick(all)).collect();
        Self { random, namespace: namespace.to_owned(), label: format!("s{number}"), kinds }
    }

    /// A list before anything was made, and a valid object of each kind: the others should find something.
    pub(super) fn first(&mut self) -> Vec<Operation> {
        let subject = self.subject_of(0);
        let path = format!("{}?labelSelector=seq%3D{}", subject.collection, self.label);
        let mut operations = vec![subject.operation("list", "GET", path, Body::None)];
        for number in 0..self.kinds.len() {
            let subject = self.subject_of(number);
            let body = text(JSON, &subject.kind.body(&subject.name, &self.labels()));
            operations.push(subject.operation("create", "POST", subject.collection.clone(), body));
        }
        operations
    }

    /// A look at all that happened since.
    pub(super) fn watch(&mut self) -> Operation {
        let subject = self.subject_of(0);
        let path = format!(
            "{}?watch=1&timeoutSeconds=1&resourceVersion=${{start}}&labelSelector=seq%3D{}",
            subject.collection, self.label
        );
        subject.operation("watch", "GET", path, Body::None)
    }

    /// The next operation.
    pub(super) fn next(&mut self) -> Operation {
        let number = self.random.below(self.kinds.len());
        let subject = self.subject_of(number);
        let mut left = self.random.below(OPERATIONS.iter().map(|(share, _)| share).sum());
        for (share, make) in OPERATIONS {
            if left < share {
                return make(self, &subject);
            }
            left -= share;
        }
        get(self, &subject)
    }

    fn subject_of(&mut self, number: usize) -> Subject<'k> {
        let kind = self.kinds[number];
        let collection = kind.collection(&self.namespace);
        let names = [format!("a-{}", self.label), format!("b-{}", self.label)];
        let chosen = usize::from(self.random.percent(25));
        let other = format!("{collection}/{}", names[1 - chosen]);
        Subject { kind, name: names[chosen].clone(), collection, other }
    }

    fn labels(&self) -> Value {
        json!({"seq": self.label})
    }

    /// A valid object, edited or broken now and then.
    fn object(&mut self, subject: &Subject) -> Value {
        let mut object = subject.kind.body(&subject.name, &self.labels());
        if self.random.percent(50) {
            self.change(subject, &mut object);
        }
        object
    }

    fn change(&mut self, subject: &Subject, object: &mut Value) {
        let patches = if self.random.percent(25) { &subject.kind.faults } else { &subject.kind.edits };
        if let Some(patch) = self.random.pick(patches) {
            merge(object, patch);
        }
    }

    /// An edit, or now and then a fault.
    fn patch(&mut self, subject: &Subject) -> Value {
        let patches = if self.random.percent(20) { &subject.kind.faults } else { &subject.kind.edits };
        self.random.pick(patches).cloned().unwrap_or_default()
    }

    /// Options of a write.
    fn options(&mut self) -> String {
        let mut options = Vec::new();
        if self.random.percent(8) {
            options.push(self.random.text(&["dryRun=All", "dryRun=All", "dryRun=Bogus"]));
        }
        if self.random.percent(20) {
            let levels =
                ["fieldValidation=Strict", "fieldValidation=Warn", "fieldValidation=Ignore", "fieldValidation=Odd"];
            options.push(self.random.text(&levels));
        }
        if self.random.percent(50) {
            options.push(self.random.text(&["fieldManager=one", "fieldManager=two", "fieldManager=three"]));
        }
        options.join("&")
    }

    fn version(&mut self) -> Version {
        match self.random.below(10) {
            0..=6 => Version::Last,
            7..=8 => Version::None,
            _ => Version::First,
        }
    }
}

impl Subject<'_> {
    fn path(&self) -> String {
        format!("{}/{}", self.collection, self.name)
    }

    fn operation(&self, label: &'static str, method: &str, path: String, body: Body) -> Operation {
        let call = Call::new(method, path).header("Accept", JSON);
        Operation { label, kind: self.kind.name.clone(), call, body, about: self.path(), other: self.other.clone() }
    }

    fn with_options(&self, sub: &str, options: &str) -> String {
        format!("{}{sub}?{options}", self.path())
    }
}

impl Operation {
    /// What is sent alike to both sides.
    pub(super) fn text(&self) -> String {
        match &self.body {
            Body::None => String::new(),
            Body::Text { text, .. } => text.clone(),
            Body::Edited { patch, .. } => patch.to_string(),
        }
    }

    fn accepting(mut self, accept: &str) -> Self {
        self.call.headers.clear();
        self.call = self.call.header("Accept", accept);
        self
    }
}

fn text(content_type: &'static str, value: &Value) -> Body {
    Body::Text { content_type, text: value.to_string() }
}

fn create(sequence: &mut Sequence, subject: &Subject) -> Operation {
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

fn create_generated(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let mut object = subject.kind.body("", &json!({}));
    // Where it comes in a list is chance, so no list may show it: it never is stored.
    object["metadata"] = json!({"generateName": "made-"});
    let options = sequence.random.text(&["dryRun=All", "dryRun=All&fieldManager=one"]);
    let mut operation =
        subject.operation("create", "POST", format!("{}?{options}", subject.collection), text(JSON, &object));
    operation.about.clear();
    operation
}

fn get(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let accept =
        sequence.random.text(&[JSON, JSON, TABLE, "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"]);
    let query = sequence.random.text(&["", "", "?resourceVersion=0", "?resourceVersion=abc", "?pretty=false"]);
    subject.operation("get", "GET", format!("{}{query}", subject.path()), Body::None).accepting(accept)
}

fn list(sequence: &mut Sequence, subject: &Subject) -> Operation {
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
    // The usual ones come more often than the odd ones.
    let number = sequence.random.below(queries.len() + 5) % queries.len();
    let accept = sequence.random.text(&[JSON, JSON, JSON, TABLE, PARTIAL]);
    let path = format!("{}?{}", subject.collection, queries[number]);
    let mut operation = subject.operation("list", "GET", path, Body::None).accepting(accept);
    operation.about.clear();
    operation
}

fn update(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let mut patch = sequence.patch(subject);
    match sequence.random.below(12) {
        0 => merge(&mut patch, &json!({"metadata": {"labels": {"turn": "1"}}})),
        1 => patch = json!({}),
        2 => merge(&mut patch, &json!({"metadata": {"name": "another"}})),
        3 => merge(&mut patch, &json!({"metadata": {"uid": "11111111-1111-1111-1111-111111111111"}})),
        4 => merge(&mut patch, &json!({"metadata": {"managedFields": null}})),
        5 => merge(&mut patch, &as_status(&subject.kind.status)),
        _ => {}
    }
    let otherwise = sequence.object(subject);
    let body = Body::Edited { patch, version: sequence.version(), otherwise };
    let options = sequence.options();
    subject.operation("update", "PUT", subject.with_options("", &options), body)
}

fn json_patch(sequence: &mut Sequence, subject: &Subject) -> Operation {
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
    subject.operation("json patch", "PATCH", subject.with_options("", &options), body)
}

fn merge_patch(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let mut patch = sequence.patch(subject);
    match sequence.random.below(10) {
        0 => merge(&mut patch, &json!({"metadata": {"resourceVersion": "${first}"}})),
        1 => merge(&mut patch, &json!({"metadata": {"resourceVersion": "${version}"}})),
        2 => merge(&mut patch, &json!({"unknownField": [1]})),
        3 => patch = json!({"metadata": {"labels": null}}),
        _ => {}
    }
    let options = sequence.options();
    let body = text("application/merge-patch+json", &patch);
    subject.operation("merge patch", "PATCH", subject.with_options("", &options), body)
}

fn strategic_patch(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let patches = if sequence.random.percent(70) { &subject.kind.strategic } else { &subject.kind.edits };
    let patch = sequence.random.pick(patches).cloned().unwrap_or_default();
    let options = sequence.options();
    let body = text("application/strategic-merge-patch+json", &patch);
    subject.operation("strategic patch", "PATCH", subject.with_options("", &options), body)
}

fn apply(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let mut object = sequence.object(subject);
    match sequence.random.below(12) {
        0 => merge(&mut object, &json!({"metadata": {"labels": {"turn": "3"}}})),
        1 => object = subject.kind.body(&subject.name, &json!({"seq": sequence.label, "only": "this"})),
        2 => merge(&mut object, &json!({"spec": null, "data": null})),
        3 => merge(&mut object, &json!({"metadata": {"resourceVersion": "${first}"}})),
        4 => merge(&mut object, &json!({"apiVersion": null})),
        5 => merge(&mut object, &json!({"metadata": {"managedFields": []}})),
        6 => merge(&mut object, &json!({"unknownField": 1})),
        _ => {}
    }
    let manager = sequence.random.text(&["one", "two", "three"]);
    let force = sequence.random.text(&["", "", "&force=true", "&force=false"]);
    let more = if sequence.random.percent(10) { "&dryRun=All" } else { "" };
    let options =
        if sequence.random.percent(4) { String::new() } else { format!("fieldManager={manager}{force}{more}") };
    let body = text("application/apply-patch+yaml", &object);
    subject.operation("apply", "PATCH", subject.with_options("", &options), body)
}

fn status(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let patch = as_status(&subject.kind.status);
    let options = sequence.options();
    let path = subject.with_options("/status", &options);
    match sequence.random.below(4) {
        0 => subject.operation("get status", "GET", format!("{}/status", subject.path()), Body::None),
        1 => {
            let otherwise = subject.kind.body(&subject.name, &sequence.labels());
            let body = Body::Edited { patch, version: sequence.version(), otherwise };
            subject.operation("update status", "PUT", path, body)
        }
        2 => {
            let mut object = subject.kind.body(&subject.name, &json!({}));
            merge(&mut object, &json!({"spec": null}));
            merge(&mut object, &patch);
            let path = subject.with_options("/status", "fieldManager=status&force=true");
            subject.operation("apply status", "PATCH", path, text("application/apply-patch+yaml", &object))
        }
        _ => subject.operation("patch status", "PATCH", path, text("application/merge-patch+json", &patch)),
    }
}

fn scale(sequence: &mut Sequence, subject: &Subject) -> Operation {
    if !subject.kind.scale && sequence.random.percent(80) {
        return get(sequence, subject);
    }
    let options = sequence.options();
    let path = subject.with_options("/scale", &options);
    let replicas = sequence.random.below(6) as i64 - 1;
    match sequence.random.below(3) {
        0 => subject.operation("get scale", "GET", format!("{}/scale", subject.path()), Body::None),
        1 => {
            let scale = json!({"apiVersion": "autoscaling/v1", "kind": "Scale",
                "metadata": {"name": subject.name, "namespace": sequence.namespace}, "spec": {"replicas": replicas}});
            subject.operation("update scale", "PUT", path, text(JSON, &scale))
        }
        _ => {
            let patch = json!({"spec": {"replicas": replicas}});
            subject.operation("patch scale", "PATCH", path, text("application/merge-patch+json", &patch))
        }
    }
}

fn metadata(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let owner =
        json!({"apiVersion": subject.kind.api_version, "kind": subject.kind.name, "name": "x", "uid": "${other}"});
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

fn delete(sequence: &mut Sequence, subject: &Subject) -> Operation {
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
    let body = sequence.random.pick(&options).map_or(Body::None, |options| text(JSON, options));
    subject.operation("delete", "DELETE", subject.path(), body)
}

fn delete_collection(sequence: &mut Sequence, subject: &Subject) -> Operation {
    let more = sequence.random.text(&[
        "",
        "&dryRun=All",
        "&propagationPolicy=Foreground",
        "&fieldSelector=metadata.name%3Dnone",
    ]);
    let path = format!("{}?labelSelector=seq%3D{}{more}", subject.collection, sequence.label);
    let mut operation = subject.operation("delete collection", "DELETE", path, Body::None);
    operation.about.clear();
    operation
}

fn as_status(status: &Value) -> Value {
    json!({"status": status})
}

#[cfg(test)]
mod tests {
    use super::super::kinds;
    use super::*;

    fn shown(number: usize, seed: u64) -> Vec<String> {
        let kinds = kinds::all().unwrap();
        let mut sequence = Sequence::new(&kinds, Random::new(seed, number as u64), "n", number);
        (0..200).map(|_| sequence.next()).map(|one| format!("{} {} {}", one.label, one.call.path, one.text())).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_operations() {
        assert_eq!(shown(3, 1), shown(3, 1));
        assert_ne!(shown(3, 1), shown(4, 1));
    }

    #[test]
    fn every_operation_comes_up() {
        let all: Vec<String> = (0..30).flat_map(|number| shown(number, 1)).collect();
        for label in [
            "create",
            "get",
            "list",
            "update",
            "json patch",
            "merge patch",
            "strategic patch",
            "apply status",
            "patch scale",
            "metadata",
            "delete",
            "delete collection",
        ] {
            assert!(all.iter().any(|one| one.starts_with(label)), "{label}");
        }
    }
}

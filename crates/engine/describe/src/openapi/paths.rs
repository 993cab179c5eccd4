//! The paths of a document and their operations.

use lode_schema::Subresource;
use serde_json::{Map, Value, json};

use super::{
    action::Action,
    custom,
    published::Published,
    reference::{KINDS, meta, reference},
    types,
};

/// Returns the discovery path of a group and version.
pub(super) fn root(group: &str, version: &str) -> Value {
    let target = Some(reference(&meta("APIResourceList")));
    json!({"get": {
        "operationId": format!("get{}{}APIResources", camel(group), title(version)),
        "responses": responses(&["200"], target.as_ref(), OBJECT),
        "tags": [tag(group, version)],
    }})
}

/// Returns the paths of a resource: all namespaces, its collection, one object, its subresources.
pub(super) fn of(root: &str, published: &Published<'_>) -> Map<String, Value> {
    let resource = published.resource;
    let names = TypeNames::of(published);
    let object = OperationTarget {
        kind: (&resource.group, &resource.version, &resource.kind),
        ty: names.object.as_deref(),
    };
    let mut paths = Paths::default();

    let mut collection = format!("{root}{}", resource.plural);
    if resource.namespaced {
        if resource.allows("list") {
            paths.add(collection, vec![names.everywhere(object, published)]);
        }
        collection = format!("{root}namespaces/{{namespace}}/{}", resource.plural);
    }
    let item = format!("{collection}/{{name}}");
    for (path, actions) in [
        (collection, COLLECTION_ACTIONS),
        (item.clone(), ITEM_ACTIONS),
    ] {
        let allowed = actions.iter().filter(|(_, verb)| resource.allows(verb));
        let operations = allowed.map(|(action, _)| names.operation(*action, object, "", published));
        paths.add(path, operations.collect());
    }

    // Connections (exec, proxy) and logs are streams, whose operations are not described.
    let described = |sub: &&Subresource| !sub.kind.ends_with("Options") && *sub.name != *"log";
    for sub in resource.subresources.iter().filter(described) {
        let target = OperationTarget {
            kind: (&sub.group, &sub.version, &sub.kind),
            ty: types::of_kind(&sub.group, &sub.version, &sub.kind).or(object.ty),
        };
        let allowed = SUBRESOURCE_ACTIONS
            .iter()
            .filter(|(_, verb)| sub.verbs.iter().any(|allowed| **allowed == **verb));
        let operations =
            allowed.map(|(action, _)| names.operation(*action, target, &sub.name, published));
        paths.add(format!("{item}/{}", sub.name), operations.collect());
    }
    paths.0
}

/// Paths with their operations; those without any are left out.
#[derive(Default)]
struct Paths(Map<String, Value>);

impl Paths {
    fn add(&mut self, path: String, operations: Vec<Operation<'_>>) {
        if !operations.is_empty() {
            self.0.insert(path, together(operations));
        }
    }
}

/// Actions with the verb that allows each.
type Actions = &'static [(Action, &'static str)];

const COLLECTION_ACTIONS: Actions = &[
    (Action::List, "list"),
    (Action::Post, "create"),
    (Action::DeleteCollection, "deletecollection"),
];
const ITEM_ACTIONS: Actions = &[
    (Action::Get, "get"),
    (Action::Put, "update"),
    (Action::Patch, "patch"),
    (Action::Delete, "delete"),
];
const SUBRESOURCE_ACTIONS: Actions = &[
    (Action::Post, "create"),
    (Action::Get, "get"),
    (Action::Put, "update"),
    (Action::Patch, "patch"),
];

/// The target of an operation: group, version and kind, and the type of its objects.
#[derive(Clone, Copy)]
struct OperationTarget<'a> {
    kind: (&'a str, &'a str, &'a str),
    ty: Option<&'a str>,
}

/// An operation before shared parameters are extracted.
struct Operation<'a> {
    action: Action,
    parameters: Vec<Parameter<'a>>,
    rest: Value,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Parameter<'a> {
    name: &'a str,
    kind: &'a str,
    in_path: bool,
}

/// The names of the types of a resource.
struct TypeNames {
    object: Option<String>,
    list: Option<String>,
}

impl TypeNames {
    fn of(published: &Published<'_>) -> Self {
        let resource = published.resource;
        if published.schema.is_some() {
            let name = custom::name(resource);
            return Self {
                list: Some(format!("{name}List")),
                object: Some(name),
            };
        }
        let named = |kind: &str| {
            types::of_kind(&resource.group, &resource.version, kind).map(str::to_owned)
        };
        Self {
            object: named(&resource.kind),
            list: named(&format!("{}List", resource.kind)),
        }
    }

    /// Returns the list of all namespaces.
    fn everywhere(
        &self,
        target: OperationTarget<'_>,
        published: &Published<'_>,
    ) -> Operation<'static> {
        let resource = published.resource;
        let id = format!(
            "list{}{}{}ForAllNamespaces",
            camel(&resource.group),
            title(&resource.version),
            resource.kind
        );
        self.built(Action::List, target, &id, published, &[])
    }

    fn operation(
        &self,
        action: Action,
        target: OperationTarget<'_>,
        below: &str,
        published: &Published<'_>,
    ) -> Operation<'static> {
        let resource = published.resource;
        let collection = if action == Action::DeleteCollection {
            "Collection"
        } else {
            ""
        };
        let scope = if resource.namespaced {
            "Namespaced"
        } else {
            ""
        };
        let (group, version) = (camel(&resource.group), title(&resource.version));
        let id = format!(
            "{}{group}{version}{collection}{scope}{}{}",
            action.word(),
            resource.kind,
            title(below)
        );
        let in_path = |name: &'static str| Parameter {
            name,
            kind: "string",
            in_path: true,
        };
        let of_all = matches!(action, Action::List | Action::DeleteCollection)
            || action == Action::Post && below.is_empty();
        let places = [
            (!of_all).then(|| in_path("name")),
            resource.namespaced.then(|| in_path("namespace")),
        ];
        let places: Vec<Parameter<'static>> = places.into_iter().flatten().collect();
        self.built(action, target, &id, published, &places)
    }

    fn built(
        &self,
        action: Action,
        target: OperationTarget<'_>,
        id: &str,
        published: &Published<'_>,
        places: &[Parameter<'static>],
    ) -> Operation<'static> {
        let resource = published.resource;
        let (group, version, kind) = target.kind;
        let of_own = action == Action::Delete && deletes_to_itself(&resource.group, &resource.kind);
        let answer = match action {
            Action::List => self.list.as_deref().map(reference),
            Action::Delete | Action::DeleteCollection if !of_own => {
                Some(reference(&meta("Status")))
            }
            _ => target.ty.map(reference),
        };
        let mut rest = json!({
            "operationId": id,
            "responses": responses(action.codes(), answer.as_ref(), if action == Action::List { LIST } else { OBJECT }),
            "tags": [tag(&resource.group, &resource.version)],
            "x-kubernetes-action": action.name(),
        });
        rest[KINDS] = json!({"group": group, "kind": kind, "version": version});
        if let Some(body) = body(action, target.ty, published.schema.is_some()) {
            rest["requestBody"] = body;
        }
        let query = action.parameters().iter().map(|(name, kind)| Parameter {
            name,
            kind,
            in_path: false,
        });
        let pretty = Parameter {
            name: "pretty",
            kind: "string",
            in_path: false,
        };
        let mut parameters: Vec<Parameter<'static>> = query
            .chain([pretty])
            .chain(places.iter().copied())
            .collect();
        parameters.sort_unstable();
        Operation {
            action,
            parameters,
            rest,
        }
    }
}

/// Combines the operations of a path; parameters that all have are listed once.
fn together(operations: Vec<Operation<'_>>) -> Value {
    let common: Vec<Parameter<'_>> = operations.first().map_or(Vec::new(), |first| {
        let everywhere = |parameter: &&Parameter<'_>| {
            operations
                .iter()
                .all(|other| other.parameters.contains(parameter))
        };
        first
            .parameters
            .iter()
            .filter(everywhere)
            .copied()
            .collect()
    });
    let mut path = Map::new();
    for Operation {
        action,
        parameters,
        mut rest,
    } in operations
    {
        let own: Vec<Value> = parameters
            .iter()
            .filter(|own| !common.contains(own))
            .copied()
            .map(Parameter::to_value)
            .collect();
        if !own.is_empty() {
            rest["parameters"] = own.into();
        }
        path.insert(action.method().to_owned(), rest);
    }
    path.insert(
        "parameters".to_owned(),
        common.iter().copied().map(Parameter::to_value).collect(),
    );
    Value::Object(path)
}

impl Parameter<'_> {
    fn to_value(self) -> Value {
        let schema = json!({"type": self.kind, "uniqueItems": true});
        if self.in_path {
            return json!({"in": "path", "name": self.name, "required": true, "schema": schema});
        }
        json!({"in": "query", "name": self.name, "schema": schema})
    }
}

fn responses(codes: &[&str], target: Option<&Value>, forms: &[&str]) -> Value {
    let content = |target: &Value| {
        forms
            .iter()
            .map(|form| ((*form).to_owned(), json!({"schema": target})))
            .collect()
    };
    let content: Option<Map<String, Value>> = target.map(content);
    let answer = json!({"description": "OK", "content": content.unwrap_or_default()});
    let mut out: Map<_, _> = codes
        .iter()
        .map(|code| ((*code).to_owned(), answer.clone()))
        .collect();
    out.insert("401".to_owned(), json!({"description": "Unauthorized"}));
    Value::Object(out)
}

fn body(action: Action, ty: Option<&str>, custom: bool) -> Option<Value> {
    let (forms, target, required): (&[&str], _, _) = match action {
        Action::List | Action::Get => return None,
        Action::Post | Action::Put => (&["*/*"], reference(ty?), true),
        Action::Patch => (
            if custom { CUSTOM_PATCHES } else { PATCHES },
            reference(&meta("Patch")),
            true,
        ),
        Action::Delete | Action::DeleteCollection => {
            (&["*/*"], reference(&meta("DeleteOptions")), false)
        }
    };
    let content: Map<_, _> = forms
        .iter()
        .map(|form| ((*form).to_owned(), json!({"schema": target})))
        .collect();
    let mut body = json!({"content": content});
    if required {
        body["required"] = json!(true);
    }
    Some(body)
}

/// Returns whether a delete returns the object.
fn deletes_to_itself(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(
            kind,
            "PersistentVolume"
                | "PersistentVolumeClaim"
                | "Pod"
                | "PodTemplate"
                | "ResourceQuota"
                | "Service"
                | "ServiceAccount"
        ),
        "resource.k8s.io" => true,
        "storage.k8s.io" => kind != "CSIStorageCapacity",
        _ => false,
    }
}

/// Returns a group and version as one word: `rbacAuthorization_v1`.
fn tag(group: &str, version: &str) -> String {
    let group = camel(group);
    let mut letters = group.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    format!(
        "{}{}_{version}",
        first.map(String::from).unwrap_or_default(),
        letters.as_str()
    )
}

/// Returns a group as part of a camel-case word: `RbacAuthorization`.
fn camel(group: &str) -> String {
    match group.strip_suffix(".k8s.io").unwrap_or(group) {
        "" => "Core".to_owned(),
        group => group.split(['.', '-']).map(title).collect(),
    }
}

fn title(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| {
        format!("{}{}", first.to_ascii_uppercase(), letters.as_str())
    })
}

/// The media types of an object.
const OBJECT: &[&str] = &[
    "application/json",
    "application/vnd.kubernetes.protobuf",
    "application/yaml",
];
/// The media types of a list.
const LIST: &[&str] = &[
    "application/json",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf",
    "application/vnd.kubernetes.protobuf;stream=watch",
    "application/yaml",
];
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
/// Custom resources do not support strategic merge patches.
const CUSTOM_PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
];

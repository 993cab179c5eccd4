//! Reads: one object or a list.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use lode_admit::{Status, strategy};
use serde_json::{Value, json};

use crate::handlers::call::ObjectCall;
use crate::handlers::page::{ContinueToken, Page};
use crate::handlers::shape;
use crate::served::Served;
use crate::store::Store;
use crate::store::key::Key;
use crate::store::stored::Stored;
use crate::wire::answer::ApiAnswer;
use crate::wire::negotiate::Shape;
use crate::wire::options::{ListOptions, Revision};

/// Answers with one object.
pub(crate) fn get(call: &ObjectCall<'_>) -> Result<ApiAnswer, Status> {
    match Revision::of_one(call.query)? {
        Revision::NotOlder(revision) => not_in_future(&call.api.store, revision)?,
        Revision::Newest | Revision::Any | Revision::Exact(_) => {}
    }
    let stored = find(call)?;
    object(call, 200, &stored)
}

/// Returns the object of a request.
pub(crate) fn find(call: &ObjectCall<'_>) -> Result<Arc<Stored>, Status> {
    let found = call.served.objects.get(&call.key());
    found.ok_or_else(|| Status::not_found(&call.served.kind, &call.target.name))
}

/// Answers with an object in the requested form.
pub(crate) fn object(
    call: &ObjectCall<'_>,
    code: u16,
    stored: &Stored,
) -> Result<ApiAnswer, Status> {
    if call.output.shape == Shape::Object && !call.output.yaml {
        return Ok(ApiAnswer::json(code, call.served.bytes(stored)));
    }
    shaped(call, code, &call.served.value(stored))
}

/// Answers with an object value in the requested form.
pub(crate) fn shaped(call: &ObjectCall<'_>, code: u16, value: &Value) -> Result<ApiAnswer, Status> {
    let shaped = shape::one(call, value)?;
    Ok(ApiAnswer::value(code, &shaped, call.output))
}

/// Answers with a list.
pub(crate) fn list(call: &ObjectCall<'_>, options: &ListOptions) -> Result<ApiAnswer, Status> {
    check_fields(call.served, options)?;
    let page = page(call, options)?;
    if call.output.shape == Shape::Object && !call.output.yaml {
        return Ok(plain(call.served, page));
    }
    let values = page
        .objects
        .iter()
        .map(|(_, stored)| call.served.value(stored))
        .collect::<Vec<_>>();
    let body = shape::many(call, &values, &list_metadata(call.served, &page))?;
    Ok(ApiAnswer::value(200, &body, call.output))
}

/// Refuses field selectors that the kind does not support.
pub(crate) fn check_fields(served: &Served, options: &ListOptions) -> Result<(), Status> {
    let (strategy, custom) = (strategy::of(&served.kind), served.kind.custom());
    let is_known = |field: &str| {
        matches!(field, "metadata.name" | "metadata.namespace")
            || strategy
                .selectable
                .iter()
                .any(|selectable| selectable.name == field)
            || custom.is_some_and(|ty| {
                ty.selectable
                    .iter()
                    .any(|path| path.trim_start_matches('.') == field)
            })
    };
    let Some(unknown) = options
        .fields
        .0
        .iter()
        .find(|wanted| !is_known(&wanted.field))
    else {
        return Ok(());
    };
    let field = &unknown.field;
    Err(Status::bad_request(if served.is_custom() {
        format!("field label not supported: {field}")
    } else if strategy.selectable.is_empty() {
        format!(
            "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )
    } else if (&*served.kind.gvk.group, &*served.kind.gvk.kind) == ("batch", "Job") {
        format!("field label {field:?} not supported for Job")
    } else {
        format!("field label not supported: {field}")
    }))
}

/// Returns whether an object is selected.
pub(crate) fn selected(key: &Key, stored: &Stored, options: &ListOptions) -> bool {
    let label = |key: &str| {
        stored
            .index
            .labels
            .iter()
            .find(|(name, _)| **name == *key)
            .map(|(_, value)| &**value)
    };
    let field = |field: &str| match field {
        "metadata.name" => Some(key.name()),
        "metadata.namespace" => Some(key.namespace()),
        _ => stored
            .index
            .fields
            .iter()
            .find(|(name, _)| **name == *field)
            .map(|(_, value)| &**value),
    };
    options.labels.matches(label) && options.fields.matches(field)
}

/// Refuses a revision that does not exist yet, instead of waiting for it.
pub(crate) fn not_in_future(store: &Store, revision: u64) -> Result<(), Status> {
    let current = store.revision();
    if revision <= current {
        return Ok(());
    }
    let message = format!("Timeout: Too large resource version: {revision}, current: {current}");
    let mut status = Status::bare(504, "Timeout", message);
    let cause = lode_admit::Cause {
        reason: "ResourceVersionTooLarge",
        message: "Too large resource version".to_owned(),
        field: String::new(),
    };
    status.details = Some(Box::new(lode_admit::Details {
        causes: vec![cause],
        retry_after_s: 1,
        ..Default::default()
    }));
    Err(status)
}

fn page(call: &ObjectCall<'_>, options: &ListOptions) -> Result<Page, Status> {
    let (store, objects) = (&call.api.store, &call.served.objects);
    // Selecting a namespace in a list of all lists that namespace.
    let wanted = options
        .fields
        .required("metadata.namespace")
        .unwrap_or_default();
    let namespace = if call.target.namespace.is_empty() {
        wanted
    } else {
        &*call.target.namespace
    };
    let token = ContinueToken::read(&options.token)?;
    let revision = match (&token, options.revision) {
        (Some(token), _) => Revision::Exact(token.revision),
        (None, revision) => revision,
    };
    let snapshot = match revision {
        Revision::Newest | Revision::Any => store.list(objects, namespace),
        Revision::NotOlder(revision) => {
            not_in_future(store, revision)?;
            store.list(objects, namespace)
        }
        Revision::Exact(revision) => {
            not_in_future(store, revision)?;
            objects
                .at(namespace, revision)
                .map_err(|_| expired(token.as_ref()))?
        }
    };
    let is_meant = |key: &Key, stored: &Stored| selected(key, stored, options);
    Ok(Page::cut(
        snapshot,
        token.as_ref(),
        options,
        namespace.is_empty(),
        is_meant,
    ))
}

fn expired(token: Option<&ContinueToken>) -> Status {
    let message = if token.is_some() {
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter."
    } else {
        "The resourceVersion for the provided list is too old."
    };
    Status::bare(410, "Expired", message)
}

fn list_metadata(served: &Served, page: &Page) -> Value {
    let mut metadata = json!({"resourceVersion": page.revision.to_string()});
    match &page.token {
        Some(token) => metadata["continue"] = token.as_str().into(),
        // Lists of custom resources have no Go type that would omit it.
        None if served.is_custom() => metadata["continue"] = "".into(),
        None => {}
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    metadata
}

/// Joins stored texts into a list, in pieces, as the client reads them.
fn plain(served: &Served, page: Page) -> ApiAnswer {
    let head = format!(
        "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{},\"items\":[",
        served.kind.gvk.kind,
        served.api_version,
        list_metadata(served, &page)
    );
    // Items in lists of custom resources include `apiVersion` and `kind`.
    let whole = served.is_custom();
    let mut items = Vec::with_capacity(page.objects.len());
    for (_, stored) in page.objects {
        items.push(if !served.is_native(&stored) {
            ListItem::Made(served.bytes(&stored))
        } else if whole {
            ListItem::Whole(stored)
        } else {
            ListItem::Headless(stored)
        });
    }
    ApiAnswer::lazy(
        200,
        Pieces {
            head: Some(head.into()),
            items: items.into_iter(),
            first: true,
            done: false,
        },
    )
}

enum ListItem {
    /// Converted to another version.
    Made(Bytes),
    Whole(Arc<Stored>),
    /// Without the fields that its list states for all items.
    Headless(Arc<Stored>),
}

/// The text of a list, in pieces.
struct Pieces {
    head: Option<Bytes>,
    items: std::vec::IntoIter<ListItem>,
    first: bool,
    done: bool,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        let mut piece = BytesMut::with_capacity(PIECE);
        if let Some(head) = self.head.take() {
            piece.extend_from_slice(&head);
        }
        for item in self.items.by_ref() {
            if !std::mem::take(&mut self.first) {
                piece.extend_from_slice(b",");
            }
            match item {
                ListItem::Made(bytes) => piece.extend_from_slice(&bytes),
                ListItem::Whole(stored) => piece.extend_from_slice(stored.text()),
                ListItem::Headless(stored) => {
                    piece.extend_from_slice(b"{");
                    piece.extend_from_slice(stored.headless());
                }
            }
            if piece.len() >= PIECE {
                return Some(piece.freeze());
            }
        }
        self.done = true;
        piece.extend_from_slice(b"]}");
        Some(piece.freeze())
    }
}

/// Bytes of a list sent at once.
const PIECE: usize = 64 << 10;

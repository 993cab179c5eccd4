//! Objects in the requested form: whole, as table rows, or metadata only.

use jiff::Timestamp;
use lode_admit::{FieldError, Status, Types, custom};
use serde_json::{Value, json};

use crate::handlers::call::ObjectCall;
use crate::served::Served;
use crate::wire::negotiate::Shape;
use lode_describe::table::{self, Columns, IncludeObject, Options};

/// Returns one object in the requested form.
pub(crate) fn one(call: &ObjectCall<'_>, object: &Value) -> Result<Value, Status> {
    Ok(match call.output.shape {
        Shape::Object => object.clone(),
        Shape::Metadata(version) => table::partial(object, version),
        Shape::Table(_) => {
            let options = options(call)?;
            let metadata = json!({"resourceVersion": object.pointer("/metadata/resourceVersion")});
            with_columns(call.served, |columns| {
                table::of(columns, &metadata, [object], &options)
            })
        }
    })
}

/// Returns a list in the requested form.
pub(crate) fn many(
    call: &ObjectCall<'_>,
    objects: &[Value],
    metadata: &Value,
) -> Result<Value, Status> {
    Ok(match call.output.shape {
        Shape::Object => json!({
            "kind": format!("{}List", call.served.kind.gvk.kind),
            "apiVersion": &*call.served.api_version,
            "metadata": metadata,
            "items": objects,
        }),
        Shape::Metadata(version) => table::partial_list(metadata, objects, version),
        Shape::Table(_) => {
            let options = options(call)?;
            with_columns(call.served, |columns| {
                table::of(columns, metadata, objects, &options)
            })
        }
    })
}

/// Converts one object of a watch after another.
pub(crate) struct Shaper {
    shape: Shape,
    options: Options,
}

impl Shaper {
    pub(crate) fn new(call: &ObjectCall<'_>) -> Result<Self, Status> {
        Ok(Self {
            shape: call.output.shape,
            options: options(call)?,
        })
    }

    /// Returns the next object in the requested form; columns are described only once.
    pub(crate) fn next(&mut self, served: &Served, object: &Value, now: Timestamp) -> Value {
        match self.shape {
            Shape::Object => object.clone(),
            Shape::Metadata(version) => table::partial(object, version),
            Shape::Table(_) => {
                self.options.now = now;
                let metadata =
                    json!({"resourceVersion": object.pointer("/metadata/resourceVersion")});
                let shown = with_columns(served, |columns| {
                    table::of(columns, &metadata, [object], &self.options)
                });
                self.options.definitions = false;
                shown
            }
        }
    }
}

fn options(call: &ObjectCall<'_>) -> Result<Options, Status> {
    let version = match call.output.shape {
        Shape::Table(version) => version,
        Shape::Object | Shape::Metadata(_) => table::Version::default(),
    };
    Ok(Options {
        now: call.now,
        include: include_object(call)?,
        definitions: true,
        version,
    })
}

/// Returns which part of an object is included in its table row.
fn include_object(call: &ObjectCall<'_>) -> Result<IncludeObject, Status> {
    let text = call.query.text("includeObject").unwrap_or_default();
    IncludeObject::parse(text).ok_or_else(|| {
        let detail = "must be 'Metadata', 'Object', 'None', or empty";
        let error = FieldError::invalid("includeObject", &text.into(), detail);
        Status::bad_request(format!("Unable to convert to Table as requested: {error}"))
    })
}

fn with_columns<R>(served: &Served, make: impl FnOnce(&Columns) -> R) -> R {
    match &served.kind.types {
        Types::Builtin => make(Columns::builtin(
            &served.kind.gvk.group,
            &served.kind.gvk.kind,
        )),
        Types::Custom(ty) => make(&Columns::custom(&ty.columns.iter().map(column).collect())),
    }
}

/// Returns a column from a definition.
fn column(column: &custom::Column) -> Value {
    json!({
        "name": column.name, "type": column.ty, "format": column.format, "description": column.description,
        "priority": column.priority, "jsonPath": column.json_path,
    })
}

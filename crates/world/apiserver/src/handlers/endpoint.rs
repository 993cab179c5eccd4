//! The endpoint of a write: what `engine/merge` needs to know about a resource, and how its result
//! is stored.

use std::borrow::Cow;
use std::collections::BTreeMap;

use lode_admit::{Kind, convert, custom, strategy};
use lode_merge::filter::Filter;
use lode_merge::set::{Element, Set};
use lode_merge::typed::Typed;
use lode_merge::updater::{Convert, ConvertError};
use lode_merge::write::Endpoint;
use serde_json::Value;

use crate::served::Served;
use crate::store::stored::{Draft, Fields};

/// Returns the endpoint of a resource or one of its subresources.
pub(crate) fn of<'e>(served: &'e Served, subresource: &'e str) -> Endpoint<'e> {
    let resets = served.versions.iter().map(|kind| {
        (
            Cow::Owned(kind.gvk.api_version()),
            resets(kind, subresource),
        )
    });
    Endpoint {
        schema: served.kind.schema(),
        ty: served.kind.ty,
        api_version: &served.api_version,
        kind: &served.kind.gvk.kind,
        subresource,
        converter: (served.versions.len() > 1).then_some(served),
        resets: resets.collect::<BTreeMap<_, _>>(),
    }
}

fn resets(kind: &Kind, subresource: &str) -> Filter<'static> {
    let mut reset = Set::default();
    for path in strategy::of(kind).resets(subresource) {
        reset.insert(&path.map(Element::Field).collect::<Vec<_>>());
    }
    Filter::Except(reset)
}

impl Convert for Served {
    fn convert<'a>(
        &'a self,
        object: &'a Typed<'_>,
        version: &str,
    ) -> Result<Typed<'a>, ConvertError> {
        let kind = self
            .versions
            .iter()
            .find(|kind| kind.gvk.api_version() == version)
            .ok_or(ConvertError::Missing)?;
        let mut value = Cow::Borrowed(&*object.value);
        if value
            .get("apiVersion")
            .is_some_and(|current| current != version)
        {
            convert::to(version, value.to_mut());
        }
        Ok(Typed {
            value,
            schema: kind.schema(),
            ty: kind.ty,
        })
    }
}

/// Returns an object ready to be stored.
pub(crate) fn draft(served: &Served, mut object: Value) -> Draft {
    let fields = fields(&served.kind, &object);
    if served.stored_version != served.api_version {
        convert::to(&served.stored_version, &mut object);
        let stored = served
            .versions
            .iter()
            .find(|kind| kind.gvk.api_version() == *served.stored_version);
        if let Some(ty) = stored.and_then(Kind::custom) {
            custom::prune(ty, &mut object);
        }
    }
    Draft::new(&object, fields)
}

fn fields(kind: &Kind, object: &Value) -> Fields {
    let builtin = strategy::of(kind).selectable.iter();
    let builtin = builtin.map(|field| (Cow::Borrowed(field.name), field.value(object).into()));
    let custom = kind.custom().into_iter().flat_map(|ty| &ty.selectable);
    let custom = custom.map(|path| {
        let value = object
            .pointer(&path.replace('.', "/"))
            .map(shown)
            .unwrap_or_default();
        (
            Cow::Owned(path.trim_start_matches('.').to_owned()),
            value.into(),
        )
    });
    builtin.chain(custom).collect()
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

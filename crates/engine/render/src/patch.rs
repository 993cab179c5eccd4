//! Applying the entries of `patches`: which kind of patch it is, and what it applies to.

use lode_object::{Id, Value};
use lode_yaml::{Dialect, Reader};

use crate::config::{At, Config, PatchRule, PatchText};
use crate::error::{Error, FileCause, ObjectCause};
use crate::json_patch;
use crate::load::Source;
use crate::render::Origin;
use crate::resource::{Identity, Resource};
use crate::selector::Selector;
use crate::strategic;
use crate::tables;

/// Applies one entry.
pub(crate) fn apply(
    source: &mut Source<'_>,
    config: &Config,
    rule: &At<PatchRule>,
    resources: &mut Vec<Resource>,
) -> Result<(), Error> {
    let entry = config.origin(rule.line);
    let (text, by) = text(source, config, rule)?;
    let patches = documents(&text, &by, by.path != entry.path)?;
    let target = rule.value.target.as_ref().map(Selector::new).transpose();
    let target = target.map_err(|cause| Error::file(&entry, cause))?;
    let is_json = matches!(patches.first(), Some((Value::Array(_), _)));
    match (target, patches.as_slice()) {
        (_, []) if matches!(rule.value.text, PatchText::Either(_)) => {
            Err(Error::file(&by, FileCause::Patch("it is empty".to_owned())))
        }
        (_, []) => Ok(()),
        (Some(target), [(Value::Array(operations), _)]) => {
            let chosen = resources.iter_mut().filter(|resource| target.fits(resource));
            chosen.into_iter().try_for_each(|resource| apply_json(resource, operations, &by))
        }
        (None, _) if is_json => {
            Err(Error::file(&entry, FileCause::Patch("a JSON 6902 patch needs a target".to_owned())))
        }
        (Some(target), [(patch, _)]) => {
            let chosen = resources.iter_mut().filter(|resource| target.fits(resource));
            chosen.into_iter().try_for_each(|resource| merge_chosen(resource, patch, &rule.value, &by))?;
            drop_deleted(resources);
            Ok(())
        }
        (Some(_), _) => {
            Err(Error::file(&by, FileCause::Patch("a patch with a target must be one document".to_owned())))
        }
        (None, _) => apply_named(resources, &patches, &rule.value),
    }
}

/// Each document names the object it patches.
fn apply_named(resources: &mut Vec<Resource>, patches: &[(Value, Origin)], rule: &PatchRule) -> Result<(), Error> {
    for (patch, by) in patches {
        let name = named(patch).map_err(|cause| Error::file(by, cause))?;
        let mut found = resources.iter_mut().filter(|resource| resource.is_or_was(&name));
        let (Some(resource), None) = (found.next(), found.next()) else {
            let count = resources.iter().filter(|resource| resource.is_or_was(&name)).count();
            let what = format!("{} \"{}\" in namespace \"{}\"", name.gvk, name.name, name.namespace);
            let cause = if count == 0 { format!("no {what} to patch") } else { format!("{count} objects are {what}") };
            return Err(Error::file(by, FileCause::PatchTarget(cause)));
        };
        merge(resource, patch, rule, by)?;
        drop_deleted(resources);
    }
    Ok(())
}

fn text(source: &mut Source<'_>, config: &Config, rule: &At<PatchRule>) -> Result<(String, Origin), Error> {
    let entry = config.origin(rule.line);
    let (path, or_inline) = match &rule.value.text {
        PatchText::Inline(text) => return Ok((text.clone(), entry)),
        PatchText::File(path) => (path, false),
        PatchText::Either(text) if text.contains('\n') => return Ok((text.clone(), entry)),
        PatchText::Either(path) => (path, true),
    };
    let inside = config
        .folder
        .join(path)
        .map_err(|source| Error::file(&entry, FileCause::Path { path: path.clone(), source }))?;
    match source.read(&inside) {
        Ok(bytes) => Ok((String::from_utf8_lossy(bytes).into_owned(), Origin { path: inside, line: 1 })),
        Err(_) if or_inline && path.contains(": ") => Ok((path.clone(), entry)),
        Err(Error::Tree(lode_tree::Error::NotFound(_))) => Err(Error::file(&entry, FileCause::Missing(path.clone()))),
        Err(error) => Err(error),
    }
}

fn documents(text: &str, by: &Origin, is_file: bool) -> Result<Vec<(Value, Origin)>, Error> {
    let mut patches = Vec::new();
    for document in Reader::new(text.as_bytes(), Dialect::V3) {
        let document = document.map_err(|error| {
            Error::file(by, FileCause::Patch(format!("no strategic merge and no JSON 6902 patch: line {error}")))
        })?;
        // A line inside a text that stands in another file says nothing; that of a file of its own does.
        let line = if is_file { document.line } else { by.line };
        let origin = Origin { path: by.path.clone(), line };
        match document.value {
            Value::Null => {}
            value @ Value::Array(_) => patches.push((value, origin)),
            value @ Value::Object(_) => {
                named(&value).map_err(|cause| Error::file(&origin, cause))?;
                patches.push((value, origin));
            }
            _ => {
                let cause = FileCause::Patch("no strategic merge and no JSON 6902 patch".to_owned());
                return Err(Error::file(&origin, cause));
            }
        }
    }
    Ok(patches)
}

/// Returns which object a strategic merge patch names.
fn named(patch: &Value) -> Result<Identity, FileCause> {
    let resource = Resource::new(patch.clone(), Origin { path: lode_tree::RepoPath::root(), line: 1 });
    for (field, text) in [("kind", resource.kind()), ("metadata.name", resource.name())] {
        if text.is_empty() {
            return Err(lode_object::Error::Missing(field).into());
        }
    }
    Ok(resource.current())
}

/// What a target chose keeps its version: the patch's own identity does not count.
fn merge_chosen(resource: &mut Resource, patch: &Value, rule: &PatchRule, by: &Origin) -> Result<(), Error> {
    let api_version = Value::from(resource.api_version());
    merge(resource, patch, rule, by)?;
    if let Some(map) = resource.value.as_object_mut() {
        map.insert("apiVersion".to_owned(), api_version);
    }
    Ok(())
}

fn merge(resource: &mut Resource, patch: &Value, rule: &PatchRule, by: &Origin) -> Result<(), Error> {
    let (name, namespace, kind) =
        (resource.name().to_owned(), resource.namespace().to_owned(), resource.kind().to_owned());
    if rule.allow_name_change || rule.allow_kind_change {
        resource.remember();
    }
    let of = tables::merge_type(&resource.gvk());
    let id = resource.id();
    match strategic::merge(std::mem::take(&mut resource.value), patch, of) {
        Ok(Some(merged)) => resource.value = merged,
        Ok(None) => return Ok(()),
        Err(cause) => return Err(object_error(id, resource, by, cause)),
    }
    if !rule.allow_kind_change
        && let Some(map) = resource.value.as_object_mut()
    {
        map.insert("kind".to_owned(), kind.into());
    }
    if !rule.allow_name_change {
        resource.set_metadata("name", name.into());
    }
    if !namespace.is_empty() {
        resource.set_metadata("namespace", namespace.into());
    } else if let Some(metadata) = resource.value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("namespace");
    }
    Ok(())
}

fn apply_json(resource: &mut Resource, operations: &[Value], by: &Origin) -> Result<(), Error> {
    let id = resource.id();
    resource.remember();
    json_patch::apply(&mut resource.value, operations).map_err(|cause| object_error(id, resource, by, cause))
}

/// A patch that deletes an object leaves nothing of it.
fn drop_deleted(resources: &mut Vec<Resource>) {
    resources.retain(|resource| !resource.value.is_null());
}

fn object_error(id: Id, resource: &Resource, by: &Origin, cause: String) -> Error {
    let cause = ObjectCause::Patch { by: by.to_string(), cause };
    Error::Object { id: Box::new(id), origin: resource.origin.clone(), cause }
}

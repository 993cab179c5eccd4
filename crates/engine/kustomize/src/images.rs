//! Changing image names, tags and digests wherever containers are.

use lode_yaml::{Content, Node, Place};
use regex::Regex;

use crate::error::{Fault, FileCause, ObjectCause};
use crate::fieldspec::{self, FieldSpec, Make, Misfit};
use crate::resource::Resource;
use crate::selector::regex;
use crate::settings::Image;

/// Applies one image entry to all objects; definitions of custom resources are left alone.
pub(crate) fn apply(resources: &mut [Resource], image: &Image, fields: &[FieldSpec], by: Place) -> Result<(), Fault> {
    let change = Change::new(image, by)?;
    for resource in resources.iter_mut().filter(|resource| resource.kind() != "CustomResourceDefinition") {
        change.apply(resource, fields).map_err(|(field, cause)| Fault::Object {
            id: Box::new(resource.id()),
            at: resource.place,
            cause: ObjectCause::Field { field, cause },
        })?;
    }
    Ok(())
}

/// Lists whose entries have images, at any depth.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

/// An entry ready to be applied.
struct Change<'i> {
    image: &'i Image,
    pattern: Pattern,
    by: Place,
}

/// What an image's text must look like: a name that is a regular expression, then perhaps a tag and a digest.
enum Pattern {
    /// Most names have no sign but `.` that means something in an expression, and need no compiling.
    Name(String),
    Expression(Regex),
}

impl<'i> Change<'i> {
    fn new(image: &'i Image, by: Place) -> Result<Self, Fault> {
        let pattern = Pattern::new(&image.name)
            .map_err(|_| Fault::At(by, FileCause::Pattern { field: "images.name", pattern: image.name.clone() }))?;
        Ok(Self { image, pattern, by })
    }

    fn apply(&self, resource: &mut Resource, fields: &[FieldSpec]) -> Result<(), (String, Misfit)> {
        self.walk(&mut resource.node).map_err(|cause| ("containers".to_owned(), cause))?;
        let gvk = resource.gvk();
        for field in fields.iter().filter(|field| field.fits(&gvk)) {
            let outcome = field.visit(&mut resource.node, Make::Nothing, &mut |found| self.set(found));
            outcome.map_err(|cause| (field.path.to_string(), cause))?;
        }
        Ok(())
    }

    /// Looks for lists of containers at any depth, as kustomize did before it had tables of fields.
    fn walk(&self, node: &mut Node) -> Result<(), Misfit> {
        match &mut node.content {
            Content::Scalar(_) => Ok(()),
            Content::Sequence(items) => items.iter_mut().try_for_each(|item| self.walk(item)),
            Content::Mapping(entries) => entries.iter_mut().try_for_each(|entry| {
                self.walk(&mut entry.value)?;
                let is_list = entry.key.text().is_some_and(|key| CONTAINERS.contains(&key));
                match entry.value.items_mut() {
                    Some(items) if is_list => items.iter_mut().try_for_each(|item| self.container(item)),
                    _ => Ok(()),
                }
            }),
        }
    }

    fn container(&self, item: &mut Node) -> Result<(), Misfit> {
        match &item.content {
            Content::Mapping(_) => item.get_mut("image").map_or(Ok(()), |image| self.set(image)),
            Content::Scalar(_) if item.is_null() => Ok(()),
            _ => Err("a mapping was expected"),
        }
    }

    fn set(&self, found: &mut Node) -> Result<(), Misfit> {
        let old = found.text().ok_or("a scalar was expected")?;
        if found.is_null() || !self.pattern.is_match(old) {
            return Ok(());
        }
        let new = changed(old, self.image);
        if new == old {
            return Ok(());
        }
        fieldspec::set(found, Node::plain(new).placed(self.by))
    }
}

fn changed(text: &str, image: &Image) -> String {
    let (name, tag, digest) = split(text);
    let name = if image.new_name.is_empty() { name } else { &image.new_name };
    let (tag, digest) = match (image.new_tag.is_empty(), image.digest.is_empty()) {
        (false, false) => (image.new_tag.clone(), image.digest.as_str()),
        (false, true) => (image.new_tag.clone(), ""),
        (true, false) => (String::new(), image.digest.as_str()),
        (true, true) if image.tag_suffix.is_empty() => (tag.to_owned(), digest),
        (true, true) => (format!("{tag}{}", image.tag_suffix), ""),
    };
    let mut out = name.to_owned();
    for (mark, part) in [(':', tag.as_str()), ('@', digest)] {
        if !part.is_empty() {
            out.push(mark);
            out.push_str(part);
        }
    }
    out
}

/// Splits a reference into name, tag and digest; a host's port is part of the name.
fn split(text: &str) -> (&str, &str, &str) {
    let search = text.find('/').filter(|slash| *slash > 0).unwrap_or_default();
    let at = text[search..].find('@').map(|at| at + search);
    let colon = text[search..].find(':').map(|colon| colon + search);
    match (colon, at) {
        (None, None) => (text, "", ""),
        (Some(colon), None) => (&text[..colon], &text[colon + 1..], ""),
        (Some(colon), Some(at)) if colon < at => (&text[..colon], &text[colon + 1..at], &text[at + 1..]),
        (_, Some(at)) => (&text[..at], "", &text[at + 1..]),
    }
}

impl Pattern {
    fn new(name: &str) -> Result<Self, regex::Error> {
        if name.chars().all(|c| c.is_ascii_alphanumeric() || "-_/.:@".contains(c)) {
            return Ok(Self::Name(name.to_owned()));
        }
        regex(&format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$")).map(Self::Expression)
    }

    fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Expression(pattern) => pattern.is_match(text),
            Self::Name(name) => after_name(name, text).is_some_and(is_tag_and_digest),
        }
    }
}

/// Returns what follows a name in a text; a `.` in the name stands for any character.
fn after_name<'t>(name: &str, text: &'t str) -> Option<&'t str> {
    let mut rest = text.chars();
    for c in name.chars() {
        let found = rest.next()?;
        if found != c && (c != '.' || found == '\n') {
            return None;
        }
    }
    Some(rest.as_str())
}

fn is_tag_and_digest(text: &str) -> bool {
    let allowed = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_.{}-".contains(c));
    let (tag, digest) = match text.split_once('@') {
        Some((tag, digest)) => (tag, digest.strip_prefix("sha256:")),
        None => (text, Some("")),
    };
    digest.is_some_and(allowed) && (tag.is_empty() || tag.strip_prefix(':').is_some_and(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_and_digest_replace_each_other() {
        let image =
            |new_tag: &str, digest: &str| Image { new_tag: new_tag.into(), digest: digest.into(), ..Image::default() };
        let old = "host:5000/app:1@sha256:a";
        for (change, want) in [
            (image("2", ""), "host:5000/app:2"),
            (image("", "sha256:b"), "host:5000/app@sha256:b"),
            (image("2", "sha256:b"), "host:5000/app:2@sha256:b"),
            (image("", ""), old),
            (Image { new_name: "x/y".into(), ..Image::default() }, "x/y:1@sha256:a"),
            (Image { tag_suffix: "-a".into(), ..Image::default() }, "host:5000/app:1-a"),
        ] {
            assert_eq!(changed(old, &change), want);
        }
    }

    #[test]
    fn references_split_behind_the_host() {
        for (text, want) in [
            ("app", ("app", "", "")),
            ("app:1", ("app", "1", "")),
            ("app@sha256:a", ("app", "", "sha256:a")),
            ("host:1/app", ("host:1/app", "", "")),
            ("host:1/app:2@sha256:a", ("host:1/app", "2", "sha256:a")),
        ] {
            assert_eq!(split(text), want, "{text}");
        }
    }

    #[test]
    fn a_name_fits_as_its_expression_does() {
        let texts = [
            "a.b/c",
            "a.b/c:1",
            "axb/c:1",
            "a.b/c@sha256:ab",
            "a.b/c:1@sha256:ab",
            "a.b/c@sha512:ab",
            "a.b/cd",
            "a.b/c:",
            "a.b/c:1:2",
            "a.b/c:x y",
            "a.b",
            "a\nb/c",
            "",
            "a.b/c@sha256:",
            "a.b/c:1@",
            "ä.b/c:1",
        ];
        for name in ["a.b/c", "a.b/c:1", "", "a", "a.b/c@sha256:ab"] {
            let expression = regex(&format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$")).unwrap();
            let pattern = Pattern::new(name).unwrap();
            assert!(matches!(pattern, Pattern::Name(_)));
            for text in texts {
                assert_eq!(pattern.is_match(text), expression.is_match(text), "{name} {text:?}");
            }
        }
    }
}

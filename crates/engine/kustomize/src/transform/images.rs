//! Changing image names, tags and digests of all containers.

use std::collections::BTreeSet;

use lode_stdx::budget::{Budget, Exceeded, Meter};
use lode_yaml::{Content, Cost, Node, Place, Text};

use crate::config::fieldspec::{self, FieldSpec, Make, Misfit};
use crate::config::pattern::{self, Refused};
use crate::error::{Fault, FileCause};
use crate::input::decode::At;
use crate::input::settings::Image;
use crate::object::resource::Resource;

/// Applies image entries to all objects, one after the other; custom resource definitions are
/// skipped.
///
/// Each object is walked once to collect its images, and again only for entries that match one of
/// them: many entries then cost text comparisons and no further walks.
pub(crate) fn apply(
    resources: &mut [Resource],
    images: &[At<Image>],
    fields: &[FieldSpec],
    budget: &Budget,
) -> Result<(), Fault> {
    let meter = Meter::new(budget);
    let changes = images
        .iter()
        .map(|image| ImageChange::new(image, budget))
        .collect::<Result<Vec<_>, _>>()?;
    for resource in resources
        .iter_mut()
        .filter(|resource| resource.kind() != "CustomResourceDefinition")
    {
        let mut texts = texts(resource, fields, &meter)?;
        for change in &changes {
            if texts.is_empty() {
                break;
            }
            if !change
                .fits_any(&texts, &meter)
                .map_err(|exceeded| Fault::from(exceeded).during(DOING, change.by))?
            {
                continue;
            }
            let set = &mut |found: &mut Node| change.set(found, &meter);
            let outcome = each_image(resource, fields, &meter, set);
            let outcome = outcome.map_err(|(field, misfit)| resource.misfit(&field, misfit));
            outcome.map_err(|fault| fault.during(DOING, change.by))?;
            texts = self::texts(resource, fields, &meter)?;
        }
    }
    Ok(())
}

const DOING: &str = "change an image";

/// Returns the images an object has, each once.
fn texts(
    resource: &mut Resource,
    fields: &[FieldSpec],
    meter: &Meter<'_>,
) -> Result<BTreeSet<Text>, Fault> {
    let mut texts = BTreeSet::new();
    let note = &mut |found: &mut Node| {
        let text = found.text().ok_or("a scalar was expected")?;
        if !texts.contains(text) {
            meter.bytes(Cost::of_text(text).bytes)?;
            texts.insert(Text::from(text));
        }
        Ok(())
    };
    let outcome = each_image(resource, fields, meter, note);
    outcome.map_err(|(field, misfit)| resource.misfit(&field, misfit))?;
    Ok(texts)
}

/// Visits every image of an object; one that is also listed in the fields is visited twice.
fn each_image(
    resource: &mut Resource,
    fields: &[FieldSpec],
    meter: &Meter<'_>,
    visit: &mut impl FnMut(&mut Node) -> Result<(), Misfit>,
) -> Result<(), (String, Misfit)> {
    walk(&mut resource.node, meter, visit).map_err(|misfit| ("containers".to_owned(), misfit))?;
    let gvk = resource.gvk();
    for field in fields.iter().filter(|field| field.fits(&gvk)) {
        let outcome = field.visit(&mut resource.node, (Make::Nothing, meter), visit);
        outcome.map_err(|misfit| (field.path.to_string(), misfit))?;
    }
    Ok(())
}

/// Searches for lists of containers at any depth, as kustomize did before it had tables of fields.
fn walk(
    node: &mut Node,
    meter: &Meter<'_>,
    visit: &mut impl FnMut(&mut Node) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    meter.steps(1)?;
    match &mut node.content {
        Content::Scalar(_) => Ok(()),
        Content::Sequence(items) => items
            .iter_mut()
            .try_for_each(|item| walk(item, meter, visit)),
        Content::Mapping(entries) => entries.iter_mut().try_for_each(|entry| {
            walk(&mut entry.value, meter, visit)?;
            let is_list = entry
                .key
                .text()
                .is_some_and(|key| CONTAINERS.contains(&key));
            match entry.value.items_mut() {
                Some(items) if is_list => {
                    items.iter_mut().try_for_each(|item| container(item, visit))
                }
                _ => Ok(()),
            }
        }),
    }
}

fn container(
    item: &mut Node,
    visit: &mut impl FnMut(&mut Node) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    match &item.content {
        Content::Mapping(_) => item.get_mut("image").map_or(Ok(()), visit),
        Content::Scalar(_) if item.is_null() => Ok(()),
        _ => Err("a mapping was expected".into()),
    }
}

/// Lists whose entries have images, at any depth.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

/// An entry ready to apply.
struct ImageChange<'i> {
    image: &'i Image,
    pattern: ImagePattern,
    by: Place,
}

/// The pattern for an image's text: a name that is a regular expression, optionally followed by a
/// tag and a digest.
enum ImagePattern {
    /// In most names `.` is the only special character, so they need no compiled expression.
    Name(String),
    Expression(pattern::BoundedPattern),
}

impl<'i> ImageChange<'i> {
    fn new(image: &'i At<Image>, budget: &Budget) -> Result<Self, Fault> {
        let by = image.place;
        let invalid = || {
            Fault::At(
                by,
                FileCause::Pattern {
                    field: "images.name",
                    pattern: image.name.clone(),
                },
            )
        };
        match ImagePattern::new(&image.name, budget) {
            Ok(pattern) => Ok(Self { image, pattern, by }),
            Err(Refused::Invalid) => Err(invalid()),
            Err(Refused::Exceeded(exceeded)) => Err(Fault::from(exceeded).during(DOING, by)),
        }
    }

    fn fits_any(&self, texts: &BTreeSet<Text>, meter: &Meter<'_>) -> Result<bool, Exceeded> {
        for text in texts {
            if self.pattern.is_match(text, meter)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn set(&self, found: &mut Node, meter: &Meter<'_>) -> Result<(), Misfit> {
        let old = found.text().ok_or("a scalar was expected")?;
        if found.is_null() || !self.pattern.is_match(old, meter)? {
            return Ok(());
        }
        let new = changed(old, self.image);
        if new == old {
            return Ok(());
        }
        Cost::of_text(&new).charge_meter(meter)?;
        fieldspec::set(found, Node::plain(new).placed(self.by))
    }
}

fn changed(text: &str, image: &Image) -> String {
    let (name, tag, digest) = split(text);
    let name = if image.new_name.is_empty() {
        name
    } else {
        &image.new_name
    };
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
    let search = text
        .find('/')
        .filter(|slash| *slash > 0)
        .unwrap_or_default();
    let at = text[search..].find('@').map(|at| at + search);
    let colon = text[search..].find(':').map(|colon| colon + search);
    match (colon, at) {
        (None, None) => (text, "", ""),
        (Some(colon), None) => (&text[..colon], &text[colon + 1..], ""),
        (Some(colon), Some(at)) if colon < at => {
            (&text[..colon], &text[colon + 1..at], &text[at + 1..])
        }
        (_, Some(at)) => (&text[..at], "", &text[at + 1..]),
    }
}

impl ImagePattern {
    fn new(name: &str, budget: &Budget) -> Result<Self, Refused> {
        if name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_/.:@".contains(c))
        {
            return Ok(Self::Name(name.to_owned()));
        }
        let whole = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
        pattern::BoundedPattern::new(&whole, budget).map(Self::Expression)
    }

    fn is_match(&self, text: &str, meter: &Meter<'_>) -> Result<bool, Exceeded> {
        match self {
            Self::Expression(pattern) => pattern.is_match(text, meter),
            Self::Name(name) => {
                meter.steps(1 + text.len() as u64 / BYTES_PER_STEP)?;
                Ok(after_name(name, text).is_some_and(is_tag_and_digest))
            }
        }
    }
}

/// Bytes of an image that are compared with a name in one step.
const BYTES_PER_STEP: u64 = 16;

/// Returns the rest of a text after a name; a `.` in the name matches any character.
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
    let allowed = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.{}-".contains(c))
    };
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
    fn a_name_held_against_a_long_text_costs_more_than_one_step() {
        let budget = Budget::unlimited();
        let pattern = ImagePattern::new("a", &budget).unwrap();
        let long = format!("a:{}!", "x".repeat(64_000));
        assert_eq!(pattern.is_match(&long, &Meter::new(&budget)), Ok(false));
        assert!(budget.spent().steps > 1_000, "{:?}", budget.spent());
    }

    #[test]
    fn tag_and_digest_replace_each_other() {
        let image = |new_tag: &str, digest: &str| Image {
            new_tag: new_tag.into(),
            digest: digest.into(),
            ..Image::default()
        };
        let old = "host:5000/app:1@sha256:a";
        for (change, want) in [
            (image("2", ""), "host:5000/app:2"),
            (image("", "sha256:b"), "host:5000/app@sha256:b"),
            (image("2", "sha256:b"), "host:5000/app:2@sha256:b"),
            (image("", ""), old),
            (
                Image {
                    new_name: "x/y".into(),
                    ..Image::default()
                },
                "x/y:1@sha256:a",
            ),
            (
                Image {
                    tag_suffix: "-a".into(),
                    ..Image::default()
                },
                "host:5000/app:1-a",
            ),
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
            let expression = regex::Regex::new(&format!(
                "^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$"
            ))
            .unwrap();
            let budget = Budget::unlimited();
            let (pattern, meter) = (
                ImagePattern::new(name, &budget).unwrap(),
                Meter::new(&budget),
            );
            assert!(matches!(pattern, ImagePattern::Name(_)));
            for text in texts {
                assert_eq!(
                    pattern.is_match(text, &meter),
                    Ok(expression.is_match(text)),
                    "{name} {text:?}"
                );
            }
        }
    }
}

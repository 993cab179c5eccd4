//! Changing image names, tags and digests wherever containers are.

use lode_object::Value;
use regex::Regex;

use crate::error::FileCause;
use crate::field::{Absent, Path};
use crate::plan::Image;
use crate::resource::Resource;
use crate::selector::regex;

/// Where images stand besides `containers` and `initContainers`, which are found at any depth.
const VOLUME_IMAGES: [&str; 2] = ["spec/volumes[]/image/reference", "spec/template/spec/volumes[]/image/reference"];

/// Applies one image entry to all resources; definitions of custom resources are left alone.
pub(crate) fn apply(resources: &mut [Resource], image: &Image) -> Result<(), FileCause> {
    let pattern = regex(&format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name))
        .map_err(|_| FileCause::Pattern { field: "images.name", pattern: image.name.clone() })?;
    let volumes = VOLUME_IMAGES.map(Path::parse);
    for resource in resources.iter_mut().filter(|resource| resource.kind() != "CustomResourceDefinition") {
        containers(&mut resource.value, &mut |found| set(found, &pattern, image));
        for path in &volumes {
            let Ok(()) = path.visit(&mut resource.value, Absent::Leave, &mut |found| {
                set(found, &pattern, image);
                Ok::<_, std::convert::Infallible>(())
            });
        }
    }
    Ok(())
}

fn containers(value: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| containers(item, visit)),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if matches!(key.as_str(), "containers" | "initContainers")
                    && let Value::Array(items) = value
                {
                    items.iter_mut().filter_map(|item| item.get_mut("image")).for_each(&mut *visit);
                }
                containers(value, visit);
            }
        }
        _ => {}
    }
}

fn set(found: &mut Value, pattern: &Regex, image: &Image) {
    if let Value::String(text) = found
        && pattern.is_match(text)
    {
        *text = changed(text, image);
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

fn split(text: &str) -> (&str, &str, &str) {
    let (rest, digest) = text.split_once('@').unwrap_or((text, ""));
    let path = rest.rfind('/').map_or(0, |slash| slash + 1);
    match rest[path..].rfind(':') {
        Some(colon) => (&rest[..path + colon], &rest[path + colon + 1..], digest),
        None => (rest, "", digest),
    }
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
}

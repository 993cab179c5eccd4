//! [`KeptObjects`]: what was last applied, in few bytes.
//!
//! Drift is undone from here, so that it needs neither the source nor a build, and returns to what was last applied
//! even while a newer commit does not build.

use std::collections::{BTreeSet, HashSet};
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use lode_apply::{Desired, Manner, Set};
use lode_object::secrecy::Level;
use lode_object::{Id, Object, Secrecy};
use serde_json::json;

/// Bodies of applied objects, deflated.
#[derive(Debug, Default)]
pub(crate) struct KeptObjects {
    deflated: Vec<u8>,
    /// By whose rules they are applied.
    manner: Manner,
}

impl KeptObjects {
    /// Keeps the objects of a set.
    pub(crate) fn of(set: &Set) -> Self {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        for desired in set.objects() {
            // Writing to memory cannot fail.
            let _ = deflate.write_all(desired.origin.as_bytes());
            let _ = deflate.write_all(b"\n");
            let _ = deflate.write_all(&desired.body);
            let _ = deflate.write_all(b"\n");
            let _ = deflate.write_all(secrecy_line(&desired.secrecy).as_bytes());
            let _ = deflate.write_all(b"\n");
        }
        let first = set.objects().first();
        Self {
            deflated: deflate.finish().unwrap_or_default(),
            manner: first.map(|desired| desired.manner).unwrap_or_default(),
        }
    }

    /// Returns the objects that `wanted` is true for.
    pub(crate) fn objects(&self, wanted: impl Fn(&Object) -> bool) -> Vec<Desired> {
        let mut text = String::new();
        if DeflateDecoder::new(&*self.deflated)
            .read_to_string(&mut text)
            .is_err()
        {
            return Vec::new();
        }
        let mut lines = text.split('\n');
        let mut objects = Vec::new();
        while let (Some(origin), Some(body), Some(secrecy)) =
            (lines.next(), lines.next(), lines.next())
        {
            let object = serde_json::from_str(body)
                .ok()
                .and_then(|value| Object::parse(value).ok());
            let Some(object) = object.filter(&wanted) else {
                continue;
            };
            let desired = Desired::ready(&object, origin, self.manner);
            objects.push(desired.told_as(read_secrecy(secrecy)));
        }
        objects
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.deflated.is_empty()
    }

    /// Returns the objects but some.
    pub(crate) fn without(&self, ids: &HashSet<Id>) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let objects = self.objects(|object| !ids.contains(&object.id()));
        Self::of(&Set::in_order(objects))
    }
}

/// Writes what of an object may be told: nothing where everything may, or as much as of any object of its kind.
fn secrecy_line(secrecy: &Secrecy) -> String {
    let level = if secrecy.level() == Level::Identity {
        "identity"
    } else {
        "values"
    };
    secrecy
        .words()
        .map(|words| json!([level, words]).to_string())
        .unwrap_or_default()
}

fn read_secrecy(line: &str) -> Secrecy {
    let Ok((level, words)) = serde_json::from_str::<(String, BTreeSet<Box<str>>)>(line) else {
        return Secrecy::default();
    };
    let level = if level == "identity" {
        Level::Identity
    } else {
        Level::Values
    };
    Secrecy::with_words(level, Some(words))
}

#[cfg(test)]
mod tests {
    use lode_apply::Common;
    use lode_object::NamespacedName;

    use super::*;

    #[test]
    fn what_is_kept_comes_back_equal() {
        let owner = NamespacedName::new("ns", "app");
        let object = |name: &str| {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1\n2"}});
            Desired::new(
                Object::parse(object).unwrap(),
                "a.yaml:1",
                &owner,
                &Common::default(),
            )
            .unwrap()
        };
        let kept = KeptObjects::of(&Set::new(vec![object("one"), object("two")], &[]));
        let back = kept.objects(|object| object.name() == "two");
        assert_eq!(back.len(), 1);
        assert_eq!(
            (back[0].digest, &*back[0].origin),
            (object("two").digest, "a.yaml:1")
        );

        let words = lode_object::Words::of(&json!({"kind": "ConfigMap", "data": {"a": "${P}"}}));
        let secrecy = Secrecy::built(words, &object("two").id);
        let kept = KeptObjects::of(&Set::new(vec![object("two").told_as(secrecy.clone())], &[]));
        assert_eq!(kept.objects(|_| true)[0].secrecy, secrecy);
    }

    #[test]
    fn a_rendered_object_comes_back_as_it_was_rendered() {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}}});
        let rendered = Desired::rendered(Object::parse(object).unwrap(), "t.yaml", "shop");
        let kept = KeptObjects::of(&Set::in_order(vec![rendered.clone()]));
        let back = kept.objects(|_| true).remove(0);
        assert_eq!(
            (back.digest, back.how, back.id),
            (rendered.digest, rendered.how, rendered.id)
        );
    }
}

//! Deciding without a type: the recorded set shows which values are merged and which are atomic.
//!
//! The server, which has the type, computed the set from an earlier desired object. If the current
//! desired object has the same fields and items, its set is the same; if that is not certain,
//! nothing is proven.

use serde_json::{Map, Value};

use super::{Decision, Reason, is_shared};
use crate::{
    order,
    set::{Element, Set},
    write::is_nobodys,
    zero::is_zero,
};

pub(super) fn run(live: &Value, desired: &Value, recorded: &Set<'_>) -> Result<Decision, Reason> {
    let Some(map) = desired.as_object() else {
        return Err(Reason::Unfit);
    };
    if map.contains_key(super::STATUS) {
        return Err(Reason::Untyped);
    }
    let mut walk = GuidedWalk {
        live,
        path: Vec::new(),
    };
    let counted = |(key, value): &(&String, &Value)| match key.as_str() {
        "apiVersion" | "kind" => false,
        "metadata" => value
            .as_object()
            .is_some_and(|map| !map.keys().all(|key| is_nobodys(key))),
        _ => true,
    };
    walk.fields(map.iter().filter(counted), live.as_object(), recorded)
}

struct GuidedWalk<'a> {
    live: &'a Value,
    path: Vec<Element<'a>>,
}

impl<'a> GuidedWalk<'a> {
    fn fields(
        &mut self,
        desired: impl Iterator<Item = (&'a String, &'a Value)>,
        live: Option<&'a Map<String, Value>>,
        set: &Set<'_>,
    ) -> Result<Decision, Reason> {
        let mut seen = 0;
        for (key, value) in desired {
            let Some(node) = set.find(&Element::Field(key)) else {
                return Ok(Decision::Changed);
            };
            seen += 1;
            self.path.push(Element::Field(key));
            let live = live.and_then(|live| live.get(key));
            let decided = self.value(value, live, &node.children)?;
            self.path.pop();
            if decided != Decision::NoOp {
                return Ok(decided);
            }
        }
        Ok(if seen == set.nodes().len() {
            Decision::NoOp
        } else {
            Decision::Changed
        })
    }

    fn value(
        &mut self,
        desired: &'a Value,
        live: Option<&'a Value>,
        set: &Set<'_>,
    ) -> Result<Decision, Reason> {
        match (desired, live) {
            (desired, live) if set.is_empty() => self.leaf(desired, live),
            (Value::Object(desired), Some(Value::Object(live))) => {
                let in_metadata =
                    self.path.len() == 1 && self.path[0] == Element::Field("metadata");
                let counted = |(key, _): &(&String, &Value)| !in_metadata || !is_nobodys(key);
                self.fields(desired.iter().filter(counted), Some(live), set)
            }
            (Value::Array(desired), Some(Value::Array(live))) => self.items(desired, live, set),
            _ => Err(Reason::Untyped),
        }
    }

    /// A field that is owned without anything below it: a scalar, an atomic value, or an empty map.
    fn leaf(&self, desired: &Value, live: Option<&Value>) -> Result<Decision, Reason> {
        let same = match (desired, live) {
            (desired, Some(live)) => order::equal(desired, live),
            (desired, None) => is_zero(desired),
        };
        match desired {
            _ if !same => Err(Reason::Differs),
            // It may have been recorded while empty, and be merged now that it is not.
            Value::Object(map) if !map.is_empty() => Err(Reason::Untyped),
            Value::Array(items) if !items.is_empty() && is_shared(self.live, &self.path) => {
                Err(Reason::Untyped)
            }
            _ => Ok(Decision::NoOp),
        }
    }

    /// A merged list: every item is in the set and present, in the same order.
    fn items(
        &mut self,
        desired: &'a [Value],
        live: &'a [Value],
        set: &Set<'_>,
    ) -> Result<Decision, Reason> {
        let mut rest = live.iter();
        for item in desired {
            let mut named = set.nodes().iter().filter(|node| node.element.is(item));
            let (Some(node), None) = (named.next(), named.next()) else {
                return Err(Reason::Untyped);
            };
            let Some(live) = rest.find(|live| node.element.is(live)) else {
                return Err(Reason::Differs);
            };
            // Its keys are owned too, so an item has something below it unless it is a scalar.
            let decided = match (item, live) {
                (Value::Object(item), Value::Object(live)) => {
                    self.fields(item.iter(), Some(live), &node.children)?
                }
                _ => self.leaf(item, Some(live))?,
            };
            if decided != Decision::NoOp {
                return Ok(decided);
            }
        }
        Ok(if desired.len() == set.nodes().len() {
            Decision::NoOp
        } else {
            Decision::Changed
        })
    }
}

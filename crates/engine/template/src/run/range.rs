//! Loops.

use super::frame::{RunTurn, Slot};
use super::items::{Items, Loop, repetitions};
use super::machine::Machine;
use crate::compile::{RangeInfo, Unit};
use crate::error::TemplateError;
use crate::print;
use crate::value::Value;

impl Machine<'_> {
    /// Begins a loop over the top value.
    pub(super) fn range(&mut self, unit: &Unit, range: u32) -> Result<RunTurn, TemplateError> {
        let Some(info) = unit.ranges.get(range as usize) else {
            return Ok(RunTurn::On);
        };
        let value = self.pop();
        let Some(items) = self.items(&value, info)? else {
            return Ok(RunTurn::To(info.other));
        };
        self.loops.push(Loop {
            items,
            at: 0,
            dot: self.at_hand.dot.clone(),
            dots: self.dots.len(),
            scopes: self.scopes.len(),
            variables: self.variables.len(),
            cost: info.other.saturating_sub(info.next) as usize,
        });
        Ok(RunTurn::On)
    }

    /// Returns what to loop over; nothing if it is empty.
    fn items(&self, value: &Value, info: &RangeInfo) -> Result<Option<Items>, TemplateError> {
        let Some(value) = value.indirect().filter(|value| !value.is_nil()) else {
            return Ok(None);
        };

        let items = match value.plain() {
            Value::List(list) => (!list.is_empty()).then_some(Items::List(list)),
            Value::Bytes(bytes) => (!bytes.is_empty()).then_some(Items::Bytes(bytes)),
            Value::Map(map) => {
                let length = map.len();
                self.context.nodes(length)?;
                let is_interface = map.is_of_any();
                (length > 0).then(|| Items::Map {
                    entries: map.entries().into_iter(),
                    is_interface,
                })
            }
            Value::Object(object) if object.pairs().is_some() => {
                let pairs = object.pairs().unwrap_or_default();
                (!pairs.is_empty()).then(|| Items::Pairs(pairs.into_iter()))
            }
            number => {
                let Some((kind, count)) = repetitions(&number) else {
                    let shown = self.shown(&value)?;
                    return Err(TemplateError::new(format!(
                        "range can't iterate over {shown}"
                    )));
                };
                if info.variables.len() > 1 {
                    let shown = self.shown(&value)?;
                    let message =
                        format!("can't use {shown} to iterate over more than one variable");
                    return Err(TemplateError::new(message));
                }
                (count > 0).then_some(Items::Count(kind, count))
            }
        };
        Ok(items)
    }

    fn shown(&self, value: &Value) -> Result<String, TemplateError> {
        let mut out = Vec::new();
        print::value(&self.context, &mut out, value)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Goes on with the next item, or ends the loop.
    pub(super) fn next_item(&mut self, unit: &Unit, range: u32) -> Result<RunTurn, TemplateError> {
        let Some(current) = self.loops.last_mut() else {
            return Ok(RunTurn::On);
        };
        self.dots.truncate(current.dots);
        self.scopes.truncate(current.scopes);
        self.variables.truncate(current.variables);
        let Some((index, item)) = current.items.next(current.at) else {
            return Ok(self.end_loop(unit, range));
        };
        current.at += 1;
        let cost = current.cost;
        self.context.steps(cost)?;
        if let Some(info) = unit.ranges.get(range as usize) {
            self.set_variables(unit, info, index, &item)?;
        }
        self.at_hand.dot = item;
        Ok(RunTurn::On)
    }

    fn set_variables(
        &mut self,
        unit: &Unit,
        info: &RangeInfo,
        index: Value,
        item: &Slot,
    ) -> Result<(), TemplateError> {
        let index = Slot::item(index, false);
        match (info.variables.as_slice(), info.is_assign) {
            ([], _) => {}
            ([one], true) => self.assign(unit, *one, item.clone())?,
            ([one, two, ..], true) => {
                self.assign(unit, *one, index)?;
                self.assign(unit, *two, item.clone())?;
            }
            (names, false) => {
                // The loop's variables are the last that were declared.
                let end = self.variables.len();
                if let Some(last) = self.variables.get_mut(end.wrapping_sub(1)) {
                    last.slot = item.clone();
                }
                if names.len() > 1
                    && let Some(first) = self.variables.get_mut(end.wrapping_sub(2))
                {
                    first.slot = index;
                }
            }
        }
        Ok(())
    }

    /// Ends the innermost loop.
    pub(super) fn end_loop(&mut self, unit: &Unit, range: u32) -> RunTurn {
        if let Some(ended) = self.loops.pop() {
            self.dots.truncate(ended.dots);
            self.scopes.truncate(ended.scopes);
            self.variables.truncate(ended.variables);
            self.at_hand.dot = ended.dot;
        }
        let info = unit.ranges.get(range as usize);
        info.map_or(RunTurn::On, |info| RunTurn::To(info.exit))
    }
}

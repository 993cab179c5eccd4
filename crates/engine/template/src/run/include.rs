//! `template`, `include` and `tpl`.

use std::rc::Rc;
use std::sync::Arc;

use super::check::pass;
use super::frame::{CallKind, Callee, Counted, Handle, Overlay, RunTurn};
use super::machine::Machine;
use super::unwind::quoted;
use crate::compile::Unit;
use crate::engine::{ROOT_NAME, without_no_value};
use crate::error::TemplateError;
use crate::parse::NodeId;
use crate::value::{GoString, Value};

/// How often a template may be included inside itself, as in Helm.
const INCLUDED_MAX: u32 = 1000;
impl<'r> Machine<'r> {
    /// Finds the template of a link.
    pub(super) fn resolve(&self, unit: &Unit, link: u32) -> Option<Callee<'r>> {
        let link = unit.links.get(link as usize)?;
        if let Some(callee) = self.in_overlay(&link.name) {
            return Some(callee);
        }
        self.numbered(link.number?)
    }

    fn named(&self, name: &[u8]) -> Option<Callee<'r>> {
        if let Some(callee) = self.in_overlay(name) {
            return Some(callee);
        }
        self.numbered(self.templates.number(name)?)
    }

    fn numbered(&self, number: u32) -> Option<Callee<'r>> {
        let (unit, code) = self.templates.code(number)?;
        Some(Callee {
            unit: Handle::Shared(unit),
            code,
            number: Some(number),
        })
    }

    /// Charges the search for a template that a running `tpl` may have defined.
    pub(super) fn charge_search(&self) -> Result<(), TemplateError> {
        match &self.at_hand.overlay {
            Some(overlay) => self.context.steps(overlay.templates / NAMES_PER_STEP),
            None => Ok(()),
        }
    }

    /// Finds a template that a running `tpl` has defined.
    fn in_overlay(&self, name: &[u8]) -> Option<Callee<'r>> {
        let mut overlay = self.at_hand.overlay.as_ref();
        while let Some(current) = overlay {
            let codes = &current.unit.codes;
            let index = codes.iter().position(|code| *code.name == *name);
            if let Some(index) = index
                && (codes.get(index).is_some_and(|code| !code.is_empty)
                    || self.templates.number(name).is_none())
            {
                return Some(Callee {
                    unit: Handle::Own(Arc::clone(&current.unit)),
                    code: index,
                    number: None,
                });
            }
            overlay = current.outer.as_ref();
        }
        None
    }

    // === include ===

    pub(super) fn include_link(
        &mut self,
        unit: &Unit,
        link: u32,
        node: NodeId,
        next: usize,
    ) -> Result<RunTurn, TemplateError> {
        let data = self.pop();
        self.charge_search()?;
        let callee = self.resolve(unit, link);
        let name = unit.links.get(link as usize).map(|link| &*link.name);
        self.include(callee, name.unwrap_or_default(), data, node, next)
    }

    pub(super) fn include_named(
        &mut self,
        rotate: bool,
        node: NodeId,
        next: usize,
    ) -> Result<RunTurn, TemplateError> {
        let (name, data) = self.two(rotate);
        let name = name.as_text().cloned().unwrap_or_default();
        self.charge_search()?;
        let callee = self.named(&name);
        self.include(callee, &name, data, node, next)
    }

    fn include(
        &mut self,
        callee: Option<Callee<'r>>,
        name: &[u8],
        mut data: Value,
        node: NodeId,
        next: usize,
    ) -> Result<RunTurn, TemplateError> {
        let number = callee.as_ref().and_then(|callee| callee.number);
        let counted = match number {
            Some(number) => Counted::Number(number),
            None => Counted::Name(name.into()),
        };
        if *self.count(&counted) > INCLUDED_MAX {
            let name = String::from_utf8_lossy(name);
            let message = format!(
                "rendering template has a nested reference name: {name}: unable to execute template"
            );
            return Err(self.calling(node, "include", TemplateError::new(message)));
        }
        let Some(callee) = callee else {
            let (name, root) = (quoted(name), quoted(ROOT_NAME.as_bytes()));
            let message = format!("template: no template {name} associated with template {root}");
            return Err(self.calling(node, "include", TemplateError::new(message)));
        };

        *self.count(&counted) += 1;
        pass(&mut data);
        let start = self.out.len();
        let call = CallKind::Include {
            start,
            node,
            counted,
        };
        self.enter(callee, data, call, next)
    }

    fn calling(&mut self, node: NodeId, name: &str, error: TemplateError) -> TemplateError {
        self.at_hand.at = node;
        error.calling(name)
    }

    /// Takes the two arguments of a function; a piped one lies under the other.
    fn two(&mut self, rotate: bool) -> (Value, Value) {
        let (top, below) = (self.pop(), self.pop());
        if rotate { (top, below) } else { (below, top) }
    }

    // === tpl ===

    pub(super) fn tpl(
        &mut self,
        rotate: bool,
        node: NodeId,
        next: usize,
    ) -> Result<RunTurn, TemplateError> {
        let (text, mut data) = self.two(rotate);
        let text = text.as_text().cloned().unwrap_or_default();
        self.context.steps(1 + text.len() / BYTES_PER_STEP)?;
        if memchr::memmem::find(&text, b"{{").is_none() {
            let plain = match without_no_value(&text) {
                std::borrow::Cow::Borrowed(_) => text.clone(),
                std::borrow::Cow::Owned(plain) => plain.into(),
            };
            self.stack.push(Value::String(plain));
            return Ok(RunTurn::On);
        }

        let unit = match self.compiled(&text) {
            Ok(unit) => unit,
            Err(error) => return Err(self.calling(node, "tpl", error)),
        };
        pass(&mut data);
        let code = unit.codes.len().saturating_sub(1);
        let callee = Callee {
            unit: Handle::Own(Arc::clone(&unit)),
            code,
            number: None,
        };
        let start = self.out.len();
        let call = CallKind::Tpl { start, node, text };
        let turn = self.enter(callee, data, call, next)?;
        let outer = self.at_hand.overlay.take();
        let templates = unit.codes.len() + outer.as_ref().map_or(0, |outer| outer.templates);
        self.at_hand.overlay = Some(Rc::new(Overlay {
            unit,
            outer,
            templates,
        }));
        Ok(turn)
    }

    /// Returns the code of a text. What it costs does not depend on earlier runs.
    fn compiled(&mut self, text: &GoString) -> Result<Arc<Unit>, TemplateError> {
        if let Some(unit) = self.compiled.get(text) {
            return Ok(unit);
        }
        self.context.bytes(text.len())?;
        self.context.steps(text.len())?;
        let unit = self.templates.compile_text(text, self.context.meter());
        let unit = unit.map_err(|error| error.after(&cannot_parse(text)))?;
        self.compiled.keep(text, &unit);
        Ok(unit)
    }
}

/// Names of templates that are compared in one step.
const NAMES_PER_STEP: usize = 8;
/// Bytes that are searched in one step.
const BYTES_PER_STEP: usize = 64;

fn cannot_parse(text: &GoString) -> String {
    format!("cannot parse template {}: ", quoted(text))
}

//! Where a template is when it fails, and what led there.

use std::collections::HashMap;

use lode_stdx::budget::{Budget, Meter};

use super::error::{ExecError, Layer};
use super::frame::CallKind;
use super::machine::Machine;
use crate::compile::{NO_NODE, Unit};
use crate::error::TemplateError;
use crate::parse::{Grammar, Nodes, Parsed};
use crate::print::quote;

/// Places that an error reports: of more, those nearest to it and the outermost.
const LAYERS_MAX: usize = 2000;
/// Bytes of texts of `tpl` that an error quotes.
const QUOTED_MAX: usize = 1 << 20;

/// Sources that are parsed again for an error, by where they are.
type Again = HashMap<*const Unit, Option<Parsed>>;

impl Machine<'_> {
    /// Collects the places of an error, and leaves all templates.
    pub(super) fn unwind(&mut self, error: TemplateError) -> ExecError {
        let mut again = Again::new();
        let mut layers = vec![self.layer(&mut again)];
        let mut quoted = 0;
        let mut skipped = None;

        while let Some(call) = self.abandon() {
            let (node, what, is_wrapped) = match call {
                CallKind::Template => continue,
                CallKind::Include { node, .. } => {
                    (node, "error calling include: ".to_owned(), false)
                }
                CallKind::Tpl { node, text, .. } => {
                    quoted += text.len();
                    (node, tpl_failed(&text, quoted), true)
                }
            };

            self.at_hand.at = node;
            if layers.len() >= LAYERS_MAX {
                skipped = Some((what, is_wrapped));
                continue;
            }
            layers.push(Layer {
                what,
                is_wrapped,
                ..self.layer(&mut again)
            });
        }

        // The outermost place is always among them.
        if let Some((what, is_wrapped)) = skipped {
            layers.push(Layer {
                what,
                is_wrapped,
                ..self.layer(&mut again)
            });
        }
        layers.reverse();
        ExecError { layers, error }
    }

    /// Returns how Go writes the node at hand.
    pub(super) fn shown_node(&self) -> String {
        self.layer(&mut Again::new()).context
    }

    /// Describes where the template at hand is. Nodes are not kept, so its source is parsed again.
    fn layer(&self, again: &mut Again) -> Layer {
        let at_hand = &self.at_hand;
        let unit = &at_hand.unit;
        let name = unit.codes.get(at_hand.code).map(|code| &*code.name);
        let mut layer = Layer {
            location: unit.name.to_string(),
            template: quoted(name.unwrap_or_default()),
            context: String::new(),
            what: String::new(),
            is_wrapped: false,
        };

        let parsed = again
            .entry(std::ptr::from_ref::<Unit>(unit))
            .or_insert_with(|| self.parsed_again(unit));
        let Some(parsed) = parsed.as_ref().filter(|_| at_hand.at != NO_NODE) else {
            return layer;
        };
        let nodes = Nodes {
            text: &unit.text,
            all: &parsed.nodes,
            quotes_text: false,
        };
        let mut context = Vec::new();
        nodes.write(at_hand.at, &mut context);
        layer.context = String::from_utf8_lossy(&context).into_owned();
        let position = parsed.nodes.get(at_hand.at as usize);
        let position = position.map_or(0, |node| node.position as usize);
        layer.location = location(&unit.name, &unit.text, position);
        layer
    }

    fn parsed_again(&self, unit: &Unit) -> Option<Parsed> {
        let grammar = match &unit.delimiters {
            Some((left, right)) => Grammar {
                left,
                right,
                ..Grammar::default()
            },
            None => Grammar::default(),
        };
        let budget = Budget::unlimited();
        let meter = Meter::new(&budget);
        Parsed::parse(&unit.name, &unit.text, self.functions(), grammar, &meter).ok()
    }
}

/// How Helm reports that a text of `tpl` failed; `total` bytes of such texts are quoted with it.
fn tpl_failed(text: &[u8], total: usize) -> String {
    let shown = if total <= QUOTED_MAX {
        quoted(text)
    } else {
        "...".to_owned()
    };
    format!("error calling tpl: error during tpl function execution for {shown}: ")
}

/// Returns file, line and column.
fn location(name: &str, text: &[u8], position: usize) -> String {
    let before = text.get(..position).unwrap_or(text);
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    format!("{name}:{line}:{}", before.len() - start)
}

pub(super) fn quoted(text: &[u8]) -> String {
    let mut out = Vec::new();
    quote(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}

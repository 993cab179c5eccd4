//! Sets of compiled templates.

use std::collections::HashMap;
use std::sync::Arc;

use lode_stdx::Lock;
use lode_stdx::budget::{Budget, Meter};

use super::ROOT_NAME;
use crate::compile::{Unit, compile};
use crate::encode::yaml::{self, KnownYaml};
use crate::error::TemplateError;
use crate::function::Functions;
use crate::parse::{Grammar, NODE_BYTES, charge_nodes};

/// Templates that can call each other: compiled once, run many times, by several threads.
#[derive(Debug)]
pub struct Templates {
    functions: Arc<Functions>,
    units: Vec<Unit>,
    /// The unit of each template, and its place in it.
    places: Vec<(u32, u32)>,
    numbers: HashMap<Arc<[u8]>, u32>,
    /// Texts that `tpl` has compiled in earlier runs.
    kept: Lock<Kept>,
    /// Texts that were read as YAML in earlier runs.
    known_yaml: KnownYaml,
}

/// Compiled texts: charts give `tpl` the same ones in each run.
#[derive(Debug, Default)]
struct Kept {
    units: HashMap<Arc<[u8]>, Arc<Unit>>,
    bytes: usize,
}

/// How many bytes of texts are kept compiled.
const KEPT_MAX: usize = 256 << 10;

/// What a key that a map does not have is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingKey {
    /// No value, which prints as such: Go's default.
    #[default]
    Invalid,
    /// The zero value of the map's element type: Helm's setting.
    Zero,
    /// An error: Helm's setting when it is strict.
    Error,
}

/// A source cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct ParseError {
    /// The name of the source.
    pub name: String,
    /// Go's text.
    pub error: TemplateError,
}

impl Templates {
    /// Returns an empty set.
    pub fn new(functions: Arc<Functions>) -> Self {
        Self {
            functions,
            units: Vec::new(),
            places: Vec::new(),
            numbers: HashMap::new(),
            kept: Lock::default(),
            known_yaml: yaml::known(),
        }
    }

    /// Compiles a source and adds it with the templates that it defines. They replace those of the
    /// same names, unless they are empty.
    ///
    /// # Errors
    /// The source cannot be parsed, or the budget is spent.
    pub fn add(
        &mut self,
        name: &str,
        text: impl Into<Arc<[u8]>>,
        delimiters: Grammar<'_>,
        budget: &Budget,
    ) -> Result<(), ParseError> {
        let unit = self.unit(name, &text.into(), delimiters, budget)?;
        self.insert(unit);
        Ok(())
    }

    /// Compiles a source without adding it.
    pub(super) fn unit(
        &self,
        name: &str,
        text: &Arc<[u8]>,
        delimiters: Grammar<'_>,
        budget: &Budget,
    ) -> Result<Unit, ParseError> {
        let wrong = |error: TemplateError| ParseError {
            name: name.to_owned(),
            error,
        };
        let length = text.len() as u64;
        let meter = Meter::new(budget);
        let spent = meter.bytes(length);
        spent
            .and_then(|()| meter.steps(length))
            .map_err(|spent| wrong(spent.into()))?;
        compile(name, text, &self.functions, delimiters, &meter).map_err(wrong)
    }

    /// Adds a source that was compiled.
    pub(super) fn insert(&mut self, unit: Unit) {
        let index = self.units.len() as u32;
        for (code, template) in unit.codes.iter().enumerate() {
            let place = (index, code as u32);
            match self.numbers.get(&template.name) {
                Some(_) if template.is_empty => {}
                Some(number) => {
                    if let Some(old) = self.places.get_mut(*number as usize) {
                        *old = place;
                    }
                }
                None => {
                    let number = self.places.len() as u32;
                    self.numbers.insert(Arc::clone(&template.name), number);
                    self.places.push(place);
                }
            }
        }
        self.units.push(unit);
    }

    /// Resolves the calls of all templates, after the last one is added.
    #[must_use]
    pub fn linked(mut self) -> Self {
        for unit in &mut self.units {
            link(&self.numbers, unit);
        }
        self
    }

    pub(crate) fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Returns about how many bytes the code holds, and what is kept of earlier runs.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let nodes: u64 = self.units.iter().map(|unit| unit.charged).sum();
        let held = nodes
            .saturating_mul(NODE_BYTES)
            .saturating_add(self.known_yaml.held());
        usize::try_from(held).unwrap_or(usize::MAX) + self.kept.lock().bytes
    }

    pub(crate) fn known_yaml(&self) -> &KnownYaml {
        &self.known_yaml
    }

    /// Returns the number of a template.
    pub(crate) fn number(&self, name: &[u8]) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Returns a template by its number.
    pub(crate) fn code(&self, number: u32) -> Option<(&Unit, usize)> {
        let (unit, code) = self.places.get(number as usize)?;
        Some((self.units.get(*unit as usize)?, *code as usize))
    }

    /// Compiles a text that is run with this set. One that is kept costs what it did at first.
    pub(crate) fn compile_text(
        &self,
        text: &[u8],
        meter: &Meter<'_>,
    ) -> Result<Arc<Unit>, TemplateError> {
        if let Some(unit) = self.kept.lock().units.get(text) {
            charge_nodes(meter, unit.charged)?;
            return Ok(Arc::clone(unit));
        }
        let grammar = Grammar::default();
        let mut unit = compile(ROOT_NAME, &text.into(), &self.functions, grammar, meter)?;
        link(&self.numbers, &mut unit);
        let unit = Arc::new(unit);

        let mut kept = self.kept.lock();
        if kept.bytes + text.len() > KEPT_MAX {
            *kept = Kept::default();
        }
        if text.len() <= KEPT_MAX {
            kept.bytes += text.len();
            kept.units.insert(Arc::clone(&unit.text), Arc::clone(&unit));
        }
        Ok(unit)
    }
}

fn link(numbers: &HashMap<Arc<[u8]>, u32>, unit: &mut Unit) {
    for link in &mut unit.links {
        if link.number.is_none() {
            link.number = numbers.get(&link.name).copied();
        }
    }
}

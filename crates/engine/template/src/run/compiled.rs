//! Texts that `tpl` has compiled in this run.

use std::collections::HashMap;
use std::sync::Arc;

use crate::compile::Unit;
use crate::value::GoString;

/// How many bytes of texts are kept compiled.
const COMPILED_MAX: usize = 1 << 20;

/// Texts that `tpl` has compiled: charts give it the same ones over and over.
#[derive(Default)]
pub(super) struct CompiledTexts {
    units: HashMap<GoString, Arc<Unit>>,
    bytes: usize,
}

impl CompiledTexts {
    /// Returns the code of a text.
    pub(super) fn get(&self, text: &GoString) -> Option<Arc<Unit>> {
        self.units.get(text).cloned()
    }

    /// Keeps the code of a text; all others are forgotten when there are too many.
    pub(super) fn keep(&mut self, text: &GoString, unit: &Arc<Unit>) {
        if self.bytes + text.len() > COMPILED_MAX {
            *self = Self::default();
        }
        self.bytes += text.len();
        self.units.insert(text.clone(), Arc::clone(unit));
    }
}

//! [`Nodes`]: a YAML text of several documents, read one [`Node`] at a time.
//!
//! Input: bytes and a dialect. Output: node trees with aliases and merges taken apart by the dialect's rules.

use crate::compose::{Composer, Options};
use crate::error::Error;
use crate::node::Node;
use crate::{Dialect, Origins};

/// The documents of a text as nodes; after an error there is nothing more. Empty documents are nulls.
///
/// A node's [`Place`](crate::Place) runs from its first byte to the one behind its last: anchor and tag before it,
/// quotes, brackets and a block text's `|` line belong to it, as do the empty lines behind a block text.
pub struct Nodes<'t> {
    text: &'t [u8],
    options: Options,
    state: State<'t>,
}

enum State<'t> {
    Start,
    Reading(Box<Composer<'t>>),
    Done,
}

impl<'t> Nodes<'t> {
    /// Starts reading; nothing is looked at before the first document is asked for.
    #[must_use]
    pub fn new(text: &'t [u8], dialect: Dialect, origins: Origins) -> Self {
        Self { text, options: Options { dialect, origins, rewrites_folds: false }, state: State::Start }
    }

    /// Asks for folded texts (`>`) as they come out of kustomize, which writes and reads them once more on its way.
    #[must_use]
    pub fn with_folds_rewritten(mut self) -> Self {
        self.options.rewrites_folds = true;
        self
    }
}

impl Iterator for Nodes<'_> {
    type Item = Result<Node, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut composer = match std::mem::replace(&mut self.state, State::Done) {
            State::Start => match Composer::new(self.text, self.options) {
                Ok(composer) => Box::new(composer),
                Err(error) => return Some(Err(error)),
            },
            State::Reading(composer) => composer,
            State::Done => return None,
        };
        let document = composer.document().transpose();
        if matches!(document, Some(Ok(_))) {
            self.state = State::Reading(composer);
        }
        document
    }
}

//! Commands as words.

use crate::function::Signature;
use crate::parse::NodeId;

/// A command: its words, and whether the value before it in the pipeline is its last argument.
#[derive(Clone, Copy)]
pub(super) struct Words<'c> {
    /// The first word is what is called.
    pub(super) args: &'c [NodeId],
    pub(super) piped: bool,
}

impl<'c> Words<'c> {
    /// A word that stands alone.
    pub(super) const ALONE: Self = Words {
        args: &[],
        piped: false,
    };

    pub(super) fn arguments(self) -> &'c [NodeId] {
        self.args.get(1..).unwrap_or_default()
    }

    /// The number of arguments, with the piped one.
    pub(super) fn count(self) -> usize {
        self.arguments().len() + usize::from(self.piped)
    }

    /// Checks the number of arguments.
    ///
    /// # Errors
    /// Go's text.
    pub(super) fn check_count(self, name: &str, signature: &Signature) -> Result<(), String> {
        let required = signature.required();
        let count = self.count();
        if signature.is_variadic() {
            if count >= required {
                return Ok(());
            }
            let given = self.arguments().len();
            return Err(format!(
                "wrong number of args for {name}: want at least {required} got {given}"
            ));
        }
        if count == required {
            return Ok(());
        }
        Err(format!(
            "wrong number of args for {name}: want {required} got {count}"
        ))
    }
}

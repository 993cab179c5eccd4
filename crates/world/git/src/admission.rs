//! [`Admission`]: when computation may start.
//!
//! A fetch waits for servers without holding anything. Before it unpacks or reads objects it
//! requests a [`Place`] here, which runs the computation and is held until it has ended, even if
//! its result is no longer needed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::task::spawn_blocking;

/// The right to compute.
pub trait Place: Send {
    /// Runs the work on a thread, and releases the place when it has ended. If no thread can be
    /// started, the work is dropped.
    fn compute(self: Box<Self>, work: Box<dyn FnOnce() + Send>);
}

/// A place without a bound.
struct Unbounded;

impl Place for Unbounded {
    fn compute(self: Box<Self>, work: Box<dyn FnOnce() + Send>) {
        spawn_blocking(work);
    }
}

/// Why the work can never start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

type Entered = Result<Box<dyn Place>, Refused>;
type Enter = dyn Fn(u64) -> Pin<Box<dyn Future<Output = Entered> + Send>> + Send + Sync;

/// Grants places; by default at once.
#[derive(Clone)]
pub struct Admission(Arc<Enter>);

impl Admission {
    /// Uses `enter` to grant places; it receives the number of bytes the work may need.
    pub fn new<F>(enter: impl Fn(u64) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Box<dyn Place>, Refused>> + Send + 'static,
    {
        Self(Arc::new(move |bytes| Box::pin(enter(bytes))))
    }

    /// Waits for a place for work that may need this many bytes of memory.
    pub(crate) async fn enter(&self, bytes: u64) -> Result<Box<dyn Place>, Refused> {
        (self.0)(bytes).await
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self::new(|_| async { Ok(Box::new(Unbounded) as Box<dyn Place>) })
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}

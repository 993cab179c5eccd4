//! [`Admission`]: when work that computes may begin.
//!
//! A fetch waits for servers without holding anything. Before it unpacks or reads objects it asks here for a [`Place`],
//! which computes, and is held until that work has ended, also when nobody waits for its result any more.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::task::spawn_blocking;

/// The right to compute.
pub trait Place: Send {
    /// Computes on a thread, and gives the right back when the work has ended. Work that no thread can be had for is
    /// dropped.
    fn compute(self: Box<Self>, work: Box<dyn FnOnce() + Send>);
}

/// A place without a bound.
struct Unbounded;

impl Place for Unbounded {
    fn compute(self: Box<Self>, work: Box<dyn FnOnce() + Send>) {
        spawn_blocking(work);
    }
}

/// Why work may never begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

type Entered = Result<Box<dyn Place>, Refused>;
type Enter = dyn Fn(u64) -> Pin<Box<dyn Future<Output = Entered> + Send>> + Send + Sync;

/// Hands out places; by default at once.
#[derive(Clone)]
pub struct Admission(Arc<Enter>);

impl Admission {
    /// Lets `enter` decide; it is told how many bytes of memory the work may need.
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

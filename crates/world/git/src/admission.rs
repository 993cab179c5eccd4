//! [`Admission`]: when work that computes may begin.
//!
//! A fetch waits for servers without holding anything. Before it unpacks or reads objects it asks here, and holds the
//! [`Place`] it gets until that work has ended, also when nobody waits for its result any more.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// The right to compute; given back when dropped.
pub type Place = Box<dyn Any + Send>;

/// Why work may never begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

type Enter = dyn Fn(u64) -> Pin<Box<dyn Future<Output = Result<Place, Refused>> + Send>> + Send + Sync;

/// Hands out places; by default at once.
#[derive(Clone)]
pub struct Admission(Arc<Enter>);

impl Admission {
    /// Lets `enter` decide; it is told how many bytes of memory the work may need.
    pub fn new<F>(enter: impl Fn(u64) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Place, Refused>> + Send + 'static,
    {
        Self(Arc::new(move |bytes| Box::pin(enter(bytes))))
    }

    /// Waits for a place for work that may need this many bytes of memory.
    pub(crate) async fn enter(&self, bytes: u64) -> Result<Place, Refused> {
        (self.0)(bytes).await
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self::new(|_| async { Ok(Box::new(()) as Place) })
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}

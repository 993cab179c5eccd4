//! What templates use besides their input.

use std::cell::Cell;

use lode_template::{Cluster, Environment, Random};
use serde_json::Value;

/// What a render used besides its input. Only a render that used nothing gives the same output for
/// the same input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something of its own that was used"
)]
pub struct Used {
    /// Objects of the cluster were looked up, or would have been.
    pub lookup: bool,
    /// A random value was made.
    pub random: bool,
    /// A function was called that uses the time.
    pub time: bool,
    /// A host name was resolved.
    pub dns: bool,
}

impl Used {
    /// Returns whether the output depends on the input only.
    #[must_use]
    pub fn nothing(self) -> bool {
        self == Self::default()
    }
}

/// An environment whose use is noted.
pub(super) struct Observed<'e> {
    inner: &'e Environment<'e>,
    random: ObservedRandom<'e>,
    cluster: ObservedCluster<'e>,
    used_time: Cell<bool>,
}

struct ObservedRandom<'e> {
    inner: &'e dyn Random,
    was_used: Cell<bool>,
}

struct ObservedCluster<'e> {
    inner: Option<&'e dyn Cluster>,
    was_used: Cell<bool>,
}

impl<'e> Observed<'e> {
    pub(super) fn new(inner: &'e Environment<'e>) -> Self {
        Self {
            inner,
            random: ObservedRandom {
                inner: inner.random,
                was_used: Cell::new(false),
            },
            cluster: ObservedCluster {
                inner: inner.cluster,
                was_used: Cell::new(false),
            },
            used_time: Cell::new(false),
        }
    }

    /// Returns the environment that notes its use.
    pub(super) fn environment(&self) -> Environment<'_> {
        Environment {
            random: &self.random,
            cluster: Some(&self.cluster),
            used_time: Some(&self.used_time),
            ..*self.inner
        }
    }

    pub(super) fn used(&self) -> Used {
        Used {
            lookup: self.cluster.was_used.get(),
            random: self.random.was_used.get(),
            time: self.used_time.get(),
            dns: self.inner.resolve_host.is_some(),
        }
    }
}

impl Random for ObservedRandom<'_> {
    fn fill(&self, bytes: &mut [u8]) {
        self.was_used.set(true);
        self.inner.fill(bytes);
    }
}

impl Cluster for ObservedCluster<'_> {
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, String> {
        self.was_used.set(true);
        let Some(inner) = self.inner else {
            return Ok(None);
        };
        inner.lookup(api_version, kind, namespace, name)
    }
}

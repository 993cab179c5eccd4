//! [`Faults`]: faults in the cluster, injected by a test.
//!
//! Faults apply to requests of others: what a test itself requests through
//! [`Objects`](crate::Objects) is always served, unless all connections are cut. Counts are exact,
//! so a test can check how often a client tried.

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lode_admit::{Details, Status};
use lode_apiserver::{Clock, Request, Server};
use lode_stdx::Lock;
use tokio::sync::watch;

/// Injects faults; see the [module](self).
#[derive(Clone, Copy)]
pub struct Faults<'s> {
    pub(crate) plan: &'s FaultPlan,
    pub(crate) api: &'s Server,
}

/// The requests that a fault applies to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requests {
    /// The verb as in roles (`patch` for every kind of patch); empty for all.
    pub verb: &'static str,
    /// The resource as in roles: `configmaps`, `kustomizations/status`; empty for all.
    pub resource: &'static str,
    /// The object's name; empty for all.
    pub name: &'static str,
}

/// What happens to an affected request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is served later.
    Slow(Duration),
    /// It is held until the faults are lifted.
    Silent,
    /// 429 with `Retry-After`.
    TooMany {
        /// `Retry-After` in seconds.
        retry_after_s: u32,
    },
    /// 500, not served.
    Broken,
    /// 409, not served, as if the object had changed.
    Conflict,
    /// 403, not served, as if admission refused it.
    Denied,
    /// 410: the position in the log is gone.
    Expired,
    /// Served, but answered with 504: the client cannot know.
    Lost,
}

/// The faults that are requested and not used up.
pub(crate) struct FaultPlan {
    strikes: Lock<Vec<Strike>>,
    struck: AtomicUsize,
    lifted: watch::Sender<()>,
    ahead_ms: Arc<AtomicI64>,
    /// Asked about what is not struck.
    otherwise: Option<Arc<dyn lode_apiserver::Faults>>,
}

struct Strike {
    requests: Requests,
    fault: Fault,
    left: usize,
}

impl Faults<'_> {
    /// Applies a fault to the next `times` requests; `usize::MAX` for all until the faults are
    /// lifted.
    pub fn strike(&self, times: usize, requests: Requests, fault: Fault) {
        self.plan.strikes().push(Strike {
            requests,
            fault,
            left: times,
        });
    }

    /// Returns the number of affected requests so far.
    #[must_use]
    pub fn struck(&self) -> usize {
        self.plan.struck.load(Ordering::SeqCst)
    }

    /// Ends all watches; they can resume where they were.
    pub fn end_watches(&self) {
        self.api.end_watches();
    }

    /// Drops the log of changes and ends all watches: resuming gets 410.
    pub fn expire_watches(&self) {
        self.api.compact();
        self.api.end_watches();
    }

    /// Cuts all connections, including the test's own, and refuses new ones until the faults are
    /// lifted.
    pub fn cut_off(&self) {
        self.api.open(false);
    }

    /// Moves the cluster's clock forward or back.
    pub fn turn_clock(&self, by: SignedDuration) {
        let by = i64::try_from(by.as_millis()).unwrap_or_default();
        self.plan.ahead_ms.fetch_add(by, Ordering::SeqCst);
    }

    /// Lifts all faults except the clock's; held requests are served.
    pub fn lift(&self) {
        self.plan.strikes().clear();
        self.plan.lifted.send_replace(());
        self.api.open(true);
    }
}

impl FaultPlan {
    /// Creates an empty plan for a cluster with a clock; also returns the clock that can be moved.
    pub(crate) fn new(
        clock: Clock,
        otherwise: Option<Arc<dyn lode_apiserver::Faults>>,
    ) -> (Arc<Self>, Clock) {
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let plan = Self {
            strikes: Lock::default(),
            struck: AtomicUsize::new(0),
            lifted: watch::Sender::new(()),
            ahead_ms: Arc::clone(&ahead_ms),
            otherwise,
        };
        let turned = move || -> Timestamp {
            let ahead = SignedDuration::from_millis(ahead_ms.load(Ordering::SeqCst));
            let now = clock();
            now.checked_add(ahead).unwrap_or(now)
        };
        (Arc::new(plan), Arc::new(turned))
    }

    fn strikes(&self) -> MutexGuard<'_, Vec<Strike>> {
        self.strikes.lock()
    }

    /// Uses up one application of the first fault that matches a request.
    fn take(&self, request: &Request<'_>) -> Option<Fault> {
        let mut strikes = self.strikes();
        let at = strikes
            .iter()
            .position(|strike| strike.requests.holds(request))?;
        let fault = strikes[at].fault;
        strikes[at].left -= 1;
        if strikes[at].left == 0 {
            strikes.remove(at);
        }
        self.struck.fetch_add(1, Ordering::SeqCst);
        Some(fault)
    }

    async fn answer(&self, request: &Request<'_>) -> lode_apiserver::InjectedFault {
        if request.user == OWN_USER {
            return lode_apiserver::InjectedFault::None;
        }
        // From here on the request counts as held, so that a lift in between is not missed.
        let mut lifted = self.lifted.subscribe();
        let Some(fault) = self.take(request) else {
            return match &self.otherwise {
                Some(otherwise) => otherwise.meet(*request).await,
                None => lode_apiserver::InjectedFault::None,
            };
        };
        match fault {
            Fault::Slow(wait) => tokio::time::sleep(wait).await,
            // The sender lives as long as the plan.
            Fault::Silent => drop(lifted.changed().await),
            Fault::Lost => return lode_apiserver::InjectedFault::Lost(fault.status()),
            _ => return lode_apiserver::InjectedFault::Refused(fault.status()),
        }
        lode_apiserver::InjectedFault::None
    }
}

impl lode_apiserver::Faults for FaultPlan {
    fn meet<'r>(
        &'r self,
        request: Request<'r>,
    ) -> Pin<Box<dyn Future<Output = lode_apiserver::InjectedFault> + Send + 'r>> {
        Box::pin(async move { self.answer(&request).await })
    }
}

impl Requests {
    fn holds(&self, request: &Request<'_>) -> bool {
        let (resource, subresource) = self.resource.split_once('/').unwrap_or((self.resource, ""));
        let is = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        is(self.verb, request.verb)
            && is(self.name, request.name)
            && (self.resource.is_empty()
                || resource == request.resource && subresource == request.subresource)
    }
}

impl Fault {
    /// Returns the response.
    fn status(self) -> Status {
        let (code, reason, message) = match self {
            Self::TooMany { .. } => (
                429,
                "TooManyRequests",
                "too many requests, please try again later",
            ),
            Self::Conflict => (
                409,
                "Conflict",
                "the object has been modified; please apply your changes to the latest version and try again",
            ),
            Self::Denied => (
                403,
                "Forbidden",
                "admission denied the request: a fault was asked for",
            ),
            Self::Expired => (410, "Expired", "too old resource version"),
            Self::Lost => (
                504,
                "Timeout",
                "request did not complete within requested timeout",
            ),
            Self::Slow(_) | Self::Silent | Self::Broken => (
                500,
                "InternalError",
                "Internal error occurred: a fault was asked for",
            ),
        };
        let retry_after_s = if let Self::TooMany { retry_after_s } = self {
            retry_after_s
        } else {
            0
        };
        Status::about(
            code,
            reason,
            message,
            Details {
                retry_after_s,
                ..Details::default()
            },
        )
    }
}

/// The user of a test's own requests.
pub(crate) const OWN_USER: &str = "sandbox";

#[cfg(test)]
mod tests {
    use super::*;

    fn request(resource: &'static str, subresource: &'static str) -> Request<'static> {
        Request {
            user: "admin",
            verb: "patch",
            resource,
            subresource,
            name: "a",
        }
    }

    fn plan() -> Arc<FaultPlan> {
        FaultPlan::new(Arc::new(|| Timestamp::UNIX_EPOCH), None).0
    }

    #[test]
    fn requests_are_told_apart_by_what_roles_name() {
        let status = Requests {
            resource: "kustomizations/status",
            ..Requests::default()
        };
        assert!(
            status.holds(&request("kustomizations", "status"))
                && !status.holds(&request("kustomizations", ""))
        );
        assert!(Requests::default().holds(&request("configmaps", "")));
        assert!(
            !Requests {
                verb: "get",
                ..Requests::default()
            }
            .holds(&request("configmaps", ""))
        );
        assert!(
            !Requests {
                name: "b",
                ..Requests::default()
            }
            .holds(&request("configmaps", ""))
        );
    }

    #[test]
    fn so_many_are_struck_and_no_more() {
        let plan = plan();
        plan.strikes().push(Strike {
            requests: Requests::default(),
            fault: Fault::Broken,
            left: 2,
        });
        let met: Vec<bool> = (0..3)
            .map(|_| plan.take(&request("configmaps", "")).is_some())
            .collect();
        assert_eq!(
            (met, plan.struck.load(Ordering::SeqCst)),
            (vec![true, true, false], 2)
        );
    }

    #[test]
    fn the_clock_can_be_turned_either_way() {
        let (plan, clock) = FaultPlan::new(Arc::new(|| Timestamp::UNIX_EPOCH), None);
        plan.ahead_ms.fetch_add(-1500, Ordering::SeqCst);
        assert_eq!(clock().as_millisecond(), -1500);
    }

    #[tokio::test]
    async fn what_a_test_asks_for_itself_is_served() {
        let plan = plan();
        plan.strikes().push(Strike {
            requests: Requests::default(),
            fault: Fault::Broken,
            left: 1,
        });
        let own = Request {
            user: OWN_USER,
            ..request("configmaps", "")
        };
        assert!(matches!(
            plan.answer(&own).await,
            lode_apiserver::InjectedFault::None
        ));
        let other = plan.answer(&request("configmaps", "")).await;
        assert!(
            matches!(other, lode_apiserver::InjectedFault::Refused(status) if status.code == 500)
        );
    }
}

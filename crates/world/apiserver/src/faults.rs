//! [`Faults`]: faults that a test injects into the API.
//!
//! Consulted once user and purpose of a request are known, before it is served. Ending running
//! watches and cutting connections is up to the server.

use std::pin::Pin;

use lode_admit::Status;

/// Decides which requests fail.
pub trait Faults: Send + Sync {
    /// Decides what happens to a request; the request is delayed until the future resolves.
    fn meet<'r>(
        &'r self,
        request: Request<'r>,
    ) -> Pin<Box<dyn Future<Output = InjectedFault> + Send + 'r>>;
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Its user.
    pub user: &'r str,
    /// The verb as in roles; for requests that are not about objects, the HTTP method in lower
    /// case.
    pub verb: &'r str,
    /// The resource without its group; empty for requests that are not about objects.
    pub resource: &'r str,
    /// The subresource, such as `status`, or empty.
    pub subresource: &'r str,
    /// The object's name; empty for collections.
    pub name: &'r str,
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum InjectedFault {
    /// It is served.
    None,
    /// It is not served; this is the response.
    Refused(Status),
    /// It is served, but this is the response: what a client sees if its connection breaks after
    /// the write.
    Lost(Status),
}

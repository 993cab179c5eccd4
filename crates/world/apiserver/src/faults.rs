//! [`Faults`]: what goes wrong on purpose, decided by whoever serves the API for a test.
//!
//! Asked once it is known who makes a request and for what, before it is served. Watches that are under way and
//! connections are the server's to end.

use std::pin::Pin;

use lode_admit::Status;

/// Decides which requests go wrong.
pub trait Faults: Send + Sync {
    /// Says what becomes of a request; takes as long as the request is to be held up.
    fn meet<'r>(&'r self, request: Request<'r>)
    -> Pin<Box<dyn Future<Output = Fault> + Send + 'r>>;
}

/// What a request is for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Who makes it.
    pub user: &'r str,
    /// The verb as roles name it; of what is not about objects, the method in lower case.
    pub verb: &'r str,
    /// The resource without its group; empty for what is not about objects.
    pub resource: &'r str,
    /// What of the resource, such as `status`; else empty.
    pub subresource: &'r str,
    /// The object's name; empty for all of them.
    pub name: &'r str,
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is served.
    None,
    /// This is answered, and it is not served.
    Refused(Status),
    /// It is served, but this is answered: what a client sees whose connection broke after the write.
    Lost(Status),
}

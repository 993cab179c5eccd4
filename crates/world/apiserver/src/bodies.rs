//! [`Bodies`]: limits the memory held by request bodies, in total and per user.
//!
//! A body is charged as it arrives, whatever its header announces, and only after its sender was
//! authorised. It is held until the request is answered.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use lode_admit::decode::BODY_MAX;
use lode_admit::{Details, Status};
use lode_stdx::Lock;

/// Most bytes held, in total and per user.
const HELD_MAX: usize = 256 << 20;
const HELD_PER_USER_MAX: usize = 64 << 20;
/// `Retry-After` of a refusal, in seconds.
const RETRY_AFTER_S: u32 = 1;

/// Bodies of the requests in progress.
#[derive(Default)]
pub(crate) struct Bodies(Lock<Held>);

#[derive(Default)]
struct Held {
    all: usize,
    by_user: HashMap<String, usize>,
}

/// The body of a request; its bytes are released when this is dropped.
pub(crate) struct Collected<'b> {
    bodies: &'b Bodies,
    user: &'b str,
    charged: usize,
    bytes: Bytes,
}

impl Bodies {
    /// Returns an empty body for a request that needs none.
    pub(crate) fn none<'b>(&'b self, user: &'b str) -> Collected<'b> {
        Collected {
            bodies: self,
            user,
            charged: 0,
            bytes: Bytes::new(),
        }
    }

    /// Reads a body.
    ///
    /// # Errors
    /// It is too large, incomplete, or too many bytes are already held.
    pub(crate) async fn collect<'b, B>(
        &'b self,
        user: &'b str,
        body: B,
    ) -> Result<Collected<'b>, Status>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut collected = self.none(user);
        let mut body = std::pin::pin!(body);
        let (mut only, mut more) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|error| Status::bad_request(format!("read the body: {}", error.into())))?;
            let Ok(piece) = frame.into_data() else {
                continue;
            };
            if collected.charged.saturating_add(piece.len()) > BODY_MAX {
                return Err(too_large());
            }
            collected.charge(piece.len())?;

            // Most bodies arrive in one piece, which need not be copied.
            if only.is_empty() && more.is_empty() {
                only = piece;
            } else {
                if more.is_empty() {
                    more.extend_from_slice(&std::mem::take(&mut only));
                }
                more.extend_from_slice(&piece);
            }
        }
        collected.bytes = if more.is_empty() { only } else { more.freeze() };
        Ok(collected)
    }
}

impl Collected<'_> {
    /// Returns the whole body.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    fn charge(&mut self, count: usize) -> Result<(), Status> {
        let mut held = self.bodies.0.lock();
        let own = held.by_user.get(self.user).copied().unwrap_or_default();
        if held.all.saturating_add(count) > HELD_MAX
            || own.saturating_add(count) > HELD_PER_USER_MAX
        {
            return Err(too_many());
        }
        held.all += count;
        held.by_user.insert(self.user.to_owned(), own + count);
        self.charged += count;
        Ok(())
    }
}

impl Drop for Collected<'_> {
    fn drop(&mut self) {
        if self.charged == 0 {
            return;
        }
        let mut held = self.bodies.0.lock();
        held.all = held.all.saturating_sub(self.charged);
        if let Some(own) = held.by_user.get_mut(self.user) {
            *own = own.saturating_sub(self.charged);
            if *own == 0 {
                held.by_user.remove(self.user);
            }
        }
    }
}

fn too_large() -> Status {
    let message = format!("Request entity too large: limit is {BODY_MAX}");
    Status::about(413, "RequestEntityTooLarge", message, Details::default())
}

fn too_many() -> Status {
    let details = Details {
        retry_after_s: RETRY_AFTER_S,
        ..Details::default()
    };
    Status::about(
        429,
        "TooManyRequests",
        "Too many requests, please try again later.",
        details,
    )
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    async fn collect<'b>(
        bodies: &'b Bodies,
        user: &'b str,
        size: usize,
    ) -> Result<Collected<'b>, u16> {
        let body = Full::new(Bytes::from(vec![b'x'; size]));
        bodies
            .collect(user, body)
            .await
            .map_err(|status| status.code)
    }

    #[tokio::test]
    async fn a_user_holds_so_much_and_others_are_not_kept_out() {
        let bodies = Bodies::default();
        let mut held = Vec::new();
        for _ in 0..HELD_PER_USER_MAX / BODY_MAX {
            held.push(collect(&bodies, "jane", BODY_MAX).await.unwrap());
        }
        assert_eq!(collect(&bodies, "jane", BODY_MAX).await.err(), Some(429));
        assert!(collect(&bodies, "joe", BODY_MAX).await.is_ok());
        drop(held);
        assert!(collect(&bodies, "jane", BODY_MAX).await.is_ok());
        assert_eq!(bodies.0.lock().all, 0, "all is given back");
        assert!(bodies.0.lock().by_user.is_empty());
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused() {
        let bodies = Bodies::default();
        assert_eq!(
            collect(&bodies, "jane", BODY_MAX)
                .await
                .unwrap()
                .bytes()
                .len(),
            BODY_MAX
        );
        assert_eq!(
            collect(&bodies, "jane", BODY_MAX + 1).await.err(),
            Some(413)
        );
    }
}

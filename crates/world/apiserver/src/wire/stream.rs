//! [`Stream`]: a body produced on demand by a future that waits for events.
//!
//! The future runs within the task that sends the body: events wake that task directly, nothing is
//! buffered in between, and a client that does not read is sent nothing. The future ends with the
//! body.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use lode_stdx::Lock;

/// A body produced on demand.
pub(crate) struct Stream {
    /// Until it has ended.
    making: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    slot: Slot,
}

/// Holds a piece between its production and its consumption.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<Lock<Option<Bytes>>>);

impl Stream {
    /// Returns the body whose pieces a future puts into the slot it is given.
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        make: impl FnOnce(Slot) -> F,
    ) -> Self {
        let slot = Slot::default();
        Self {
            making: Some(Box::pin(make(slot.clone()))),
            slot,
        }
    }

    /// Returns the next piece; `None` once the future has ended. After a piece, the caller polls
    /// again.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(making) = &mut self.making
            && making.as_mut().poll(context).is_ready()
        {
            self.making = None;
        }
        match self.slot.0.lock().take() {
            None if self.making.is_some() => Poll::Pending,
            piece => Poll::Ready(piece),
        }
    }
}

impl Slot {
    /// Puts a piece, and returns once it was taken. It wakes nothing: the consumer polls for the
    /// next piece.
    pub(crate) async fn put(&self, piece: Bytes) {
        *self.0.lock() = Some(piece);
        poll_fn(|_| {
            if self.0.lock().is_none() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::sync::oneshot;

    use super::*;

    fn next(stream: &mut Stream) -> Poll<Option<Bytes>> {
        stream.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn pieces_come_one_by_one_and_the_last_is_not_lost() {
        let mut stream = Stream::new(|slot| async move {
            slot.put("a".into()).await;
            slot.put("b".into()).await;
        });
        let pieces = [
            next(&mut stream),
            next(&mut stream),
            next(&mut stream),
            next(&mut stream),
        ];
        let expected = [Some("a".into()), Some("b".into()), None, None];
        assert_eq!(pieces, expected.map(Poll::Ready));
    }

    #[test]
    fn nothing_is_made_while_nothing_happens() {
        let (sender, receiver) = oneshot::channel::<Bytes>();
        let mut stream = Stream::new(|slot| async move {
            if let Ok(bytes) = receiver.await {
                slot.put(bytes).await;
            }
        });
        assert_eq!(next(&mut stream), Poll::Pending);
        sender.send("a".into()).unwrap();
        assert_eq!(next(&mut stream), Poll::Ready(Some("a".into())));
    }

    #[test]
    fn who_waits_goes_with_the_body() {
        let (sender, receiver) = oneshot::channel::<Bytes>();
        let mut stream = Stream::new(|_| async move { drop(receiver.await) });
        assert_eq!(next(&mut stream), Poll::Pending);
        drop(stream);
        assert!(sender.is_closed());
    }
}

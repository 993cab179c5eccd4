//! [`Lines`]: distributes watches over connections.
//!
//! A server limits the streams on one HTTP/2 connection (often to a hundred), and a watch holds its
//! stream for minutes: watches alone could fill the connection, and further watches or calls would
//! never be answered. So watches have their own connections, filled in order; another is opened
//! when all are full, and one without watches is closed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};
use lode_stdx::Lock;

/// Most watches on one connection: half of what servers allow by default.
const WATCHES_MAX: usize = 50;

/// The connections for watches.
pub(crate) struct Lines<C> {
    dial: Box<dyn Fn() -> C + Send + Sync>,
    lines: Lock<Vec<Line<C>>>,
}

/// One connection and its number of watches.
struct Line<C> {
    connection: C,
    /// Cloned by each watch that is open or being opened.
    open: Arc<()>,
    /// Cloned by each watch that the server has answered.
    answered: Arc<()>,
    limit: usize,
}

/// A watch's place on a connection, for as long as it lives.
pub(crate) struct WatchPlace {
    open: Arc<()>,
    answered: Option<Arc<()>>,
}

impl<C: Clone> Lines<C> {
    pub(crate) fn new(dial: impl Fn() -> C + Send + Sync + 'static) -> Self {
        Self {
            dial: Box::new(dial),
            lines: Lock::default(),
        }
    }

    /// Returns a connection with room for one more watch, and a place on it.
    pub(crate) fn take(&self) -> (C, WatchPlace) {
        let mut lines = self.lines.lock();
        lines.retain(|line| held(&line.open) > 0);
        if !lines.iter().any(|line| held(&line.open) < line.limit) {
            let connection = (self.dial)();
            lines.push(Line {
                connection,
                open: Arc::new(()),
                answered: Arc::new(()),
                limit: WATCHES_MAX,
            });
        }
        let line = lines
            .iter()
            .find(|line| held(&line.open) < line.limit)
            .or(lines.last());
        match line {
            Some(line) => (
                line.connection.clone(),
                WatchPlace {
                    open: line.open.clone(),
                    answered: None,
                },
            ),
            None => (
                (self.dial)(),
                WatchPlace {
                    open: Arc::default(),
                    answered: None,
                },
            ),
        }
    }

    /// Records that the server has answered a watch.
    pub(crate) fn answered(&self, place: &mut WatchPlace) {
        let lines = self.lines.lock();
        let line = lines
            .iter()
            .find(|line| Arc::ptr_eq(&line.open, &place.open));
        place.answered = line.map(|line| line.answered.clone());
    }

    /// Records that the server does not answer a watch: it may allow fewer streams than we use. The
    /// number of answered ones becomes this connection's limit.
    pub(crate) fn silent(&self, place: &WatchPlace) {
        let mut lines = self.lines.lock();
        if let Some(line) = lines
            .iter_mut()
            .find(|line| Arc::ptr_eq(&line.open, &place.open))
        {
            line.limit = line.limit.min(held(&line.answered)).max(1);
        }
    }
}

/// Returns the number of holders besides the line itself.
fn held(count: &Arc<()>) -> usize {
    Arc::strong_count(count) - 1
}

/// The body of a response that holds its place until it is dropped.
pub(crate) struct Placed<B> {
    body: B,
    _place: WatchPlace,
}

impl<B> Placed<B> {
    pub(crate) fn new(body: B, place: WatchPlace) -> Self {
        Self {
            body,
            _place: place,
        }
    }
}

impl<B: Body + Unpin> Body for Placed<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Returns lines whose connections are numbers, in the order they were opened.
    fn lines() -> Lines<usize> {
        let opened = AtomicUsize::new(0);
        Lines::new(move || opened.fetch_add(1, Ordering::Relaxed))
    }

    fn take(lines: &Lines<usize>, number: usize) -> Vec<(usize, WatchPlace)> {
        (0..number).map(|_| lines.take()).collect()
    }

    fn connections(places: &[(usize, WatchPlace)]) -> usize {
        places
            .iter()
            .map(|(connection, _)| connection + 1)
            .max()
            .unwrap_or_default()
    }

    #[test]
    fn a_connection_takes_fifty_watches_and_the_next_opens_another() {
        let lines = lines();
        let places = take(&lines, 130);
        assert_eq!(connections(&places), 3);
        for connection in 0..3 {
            assert!(places.iter().filter(|(on, _)| *on == connection).count() <= WATCHES_MAX);
        }
    }

    #[test]
    fn what_ends_makes_room_and_an_empty_connection_is_closed() {
        let lines = lines();
        let mut places = take(&lines, 60);
        places.remove(3);
        assert_eq!(lines.take().0, 0, "the first with room");
        places.retain(|(connection, _)| *connection == 0);
        let first = lines.take();
        assert_eq!(
            (first.0, lines.lines.lock().len()),
            (0, 1),
            "the second is closed"
        );
        drop((places, first));
        assert_eq!(lines.take().0, 2, "a connection is not kept for nothing");
    }

    #[test]
    fn a_server_that_allows_fewer_is_given_fewer() {
        let lines = lines();
        let mut places = take(&lines, 12);
        for (_, place) in places.iter_mut().take(10) {
            lines.answered(place);
        }
        let (_, silent) = places.remove(11);
        lines.silent(&silent);
        drop(silent);
        assert_eq!(lines.take().0, 1, "ten were answered, eleven are open");
    }
}

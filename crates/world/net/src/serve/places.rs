//! [`Places`]: who holds how many connections, and which one is displaced.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use lode_stdx::Lock;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Bits of an IPv6 address that identify a network; whoever has one of its addresses usually has
/// all.
const IPV6_NETWORK_BITS: u32 = 64;
/// Means "not waiting" where a time is stored in milliseconds.
const NEVER: u64 = u64::MAX;

/// Places for connections.
pub(super) struct Places {
    held: Lock<HeldPlaces>,
    connections_max: usize,
    per_peer_max: usize,
    unread_min: Duration,
    freed: Notify,
    /// Times are stored as milliseconds since then.
    epoch: Instant,
}

#[derive(Default)]
struct HeldPlaces {
    connections: BTreeMap<u64, (IpAddr, Arc<Activity>)>,
    by_peer: HashMap<IpAddr, usize>,
    next_id: u64,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The peer has reached its limit, and all its connections are active.
    Peer,
    /// All places are taken by active connections.
    Server,
}

/// The place of one connection; released when this is dropped.
pub(super) struct ConnectionPlace {
    places: Arc<Places>,
    id: u64,
    activity: Arc<Activity>,
}

/// The activity of a connection.
pub(super) struct Activity {
    epoch: Instant,
    /// Requests whose responses are not yet sent.
    under_way: AtomicUsize,
    /// Whether a request was ever received.
    is_known: AtomicBool,
    /// When the last request ended or the last byte was sent, whichever was later.
    quiet_since: AtomicU64,
    /// Since when the client has not read pending data.
    unread_since: AtomicU64,
    /// When enough bytes were sent to count as progress.
    progressed_at: AtomicU64,
    /// Responses that handed over a piece and were not asked for the next one, as with a full
    /// HTTP/2 window.
    handed_over: Lock<Vec<Weak<AtomicU64>>>,
    displaced: Notify,
}

impl Places {
    pub(super) fn new(
        connections_max: usize,
        per_peer_max: usize,
        unread_min: Duration,
    ) -> Arc<Self> {
        let (held, freed) = (Lock::default(), Notify::new());
        Arc::new(Self {
            held,
            connections_max,
            per_peer_max,
            unread_min,
            freed,
            epoch: Instant::now(),
        })
    }

    /// Takes a place for a new connection, displacing an idle one if needed.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionPlace, Full> {
        let peer = peer(address);
        let mut held = self.held.lock();

        if held
            .by_peer
            .get(&peer)
            .is_some_and(|count| *count >= self.per_peer_max)
        {
            let victim = self
                .victim(&held, |other| other == peer)
                .ok_or(Full::Peer)?;
            held.displace(victim);
        }
        if held.connections.len() >= self.connections_max {
            let victim = self.victim(&held, |_| true).ok_or(Full::Server)?;
            held.displace(victim);
        }

        let activity = Arc::new(Activity::new(self.epoch));
        let id = held.next_id;
        held.next_id += 1;
        held.connections.insert(id, (peer, Arc::clone(&activity)));
        *held.by_peer.entry(peer).or_default() += 1;
        drop(held);
        Ok(ConnectionPlace {
            places: Arc::clone(self),
            id,
            activity,
        })
    }

    /// Displaces an idle connection, if there is one.
    pub(super) fn displace_one(&self) {
        let mut held = self.held.lock();
        if let Some(victim) = self.victim(&held, |_| true) {
            held.displace(victim);
        }
    }

    /// Waits until a place becomes free.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Returns the connection to displace: of the peer that holds most, the one that has waited
    /// longest.
    fn victim(&self, held: &HeldPlaces, is_eligible: impl Fn(IpAddr) -> bool) -> Option<u64> {
        let waiting = held
            .connections
            .iter()
            .filter_map(|(id, (peer, activity))| {
                let since = activity
                    .waiting_since(self.unread_min)
                    .filter(|_| is_eligible(*peer))?;
                let count = held.by_peer.get(peer).copied().unwrap_or_default();
                Some((count, std::cmp::Reverse((since, *id)), *id))
            });
        waiting.max().map(|(_, _, id)| id)
    }
}

impl HeldPlaces {
    fn displace(&mut self, id: u64) {
        if let Some(activity) = self.remove(id) {
            activity.displaced.notify_one();
        }
    }

    fn remove(&mut self, id: u64) -> Option<Arc<Activity>> {
        let (peer, activity) = self.connections.remove(&id)?;
        if let Some(count) = self.by_peer.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&peer);
            }
        }
        Some(activity)
    }
}

impl ConnectionPlace {
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        self.places.held.lock().remove(self.id);
        self.places.freed.notify_one();
    }
}

impl Activity {
    pub(super) fn new(epoch: Instant) -> Self {
        let activity = Self {
            epoch,
            under_way: AtomicUsize::new(0),
            is_known: AtomicBool::new(false),
            quiet_since: AtomicU64::new(0),
            unread_since: AtomicU64::new(NEVER),
            progressed_at: AtomicU64::new(0),
            handed_over: Lock::default(),
            displaced: Notify::new(),
        };
        activity.touch();
        activity
    }

    /// Waits until this connection is displaced.
    pub(super) async fn displaced(&self) {
        self.displaced.notified().await;
    }

    /// Records that bytes were sent.
    pub(super) fn wrote(&self) {
        self.touch();
        self.unread_since.store(NEVER, Ordering::Relaxed);
    }

    /// Records that enough bytes were sent to show that the client is reading.
    pub(super) fn progressed(&self) {
        self.progressed_at.store(self.now(), Ordering::Relaxed);
    }

    /// Records that the client does not read pending data.
    pub(super) fn is_unread(&self) {
        if self.unread_since.load(Ordering::Relaxed) == NEVER {
            self.unread_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Returns whether a request was ever received.
    pub(super) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Returns how long the connection has been idle; nothing while a request is in progress.
    pub(super) fn quiet_for(&self) -> Option<Duration> {
        let is_quiet = self.under_way.load(Ordering::Acquire) == 0;
        is_quiet.then(|| self.elapsed(self.quiet_since.load(Ordering::Relaxed)))
    }

    /// Returns how long a response has waited for the client to read.
    pub(super) fn unread_for(&self) -> Option<Duration> {
        let mut handed_over = self.handed_over.lock();
        handed_over.retain(|piece| piece.strong_count() > 0);
        let pieces = handed_over
            .iter()
            .filter_map(Weak::upgrade)
            .map(|piece| piece.load(Ordering::Relaxed));
        // A large piece may be sent slowly; it counts as waiting only while nothing moves.
        let progressed_at = self.progressed_at.load(Ordering::Relaxed);
        let pieces = pieces.map(|since| since.max(progressed_at));
        let since = pieces
            .chain([self.unread_since.load(Ordering::Relaxed)])
            .min()
            .filter(|since| *since != NEVER)?;
        drop(handed_over);
        Some(self.elapsed(since))
    }

    /// Returns since when this connection is idle; nothing while it is active.
    fn waiting_since(&self, unread_min: Duration) -> Option<u64> {
        if let Some(unread) = self.unread_for() {
            let since = self.now().saturating_sub(millis(unread));
            return (unread >= unread_min).then_some(since);
        }
        self.quiet_for()
            .map(|quiet| self.now().saturating_sub(millis(quiet)))
    }

    fn touch(&self) {
        self.quiet_since.store(self.now(), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        millis(self.epoch.elapsed())
    }

    fn elapsed(&self, since: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(since))
    }
}

/// A request in progress; it ends when this is dropped, once its response is sent or given up.
pub(super) struct UnderWay {
    activity: Arc<Activity>,
    handed_over_at: Arc<AtomicU64>,
}

impl UnderWay {
    pub(super) fn begin(activity: &Arc<Activity>) -> Self {
        activity.under_way.fetch_add(1, Ordering::AcqRel);
        activity.is_known.store(true, Ordering::Relaxed);
        let handed_over_at = Arc::new(AtomicU64::new(NEVER));
        let mut all = activity.handed_over.lock();
        // Ended responses are removed when they outnumber live ones two to one, so that each
        // request pays a constant share.
        if all.len() >= 2 * activity.under_way.load(Ordering::Relaxed) + 8 {
            all.retain(|piece| piece.strong_count() > 0);
        }
        all.push(Arc::downgrade(&handed_over_at));
        drop(all);
        Self {
            activity: Arc::clone(activity),
            handed_over_at,
        }
    }

    /// Records that a piece of the response was handed over; it counts as unread until the next one
    /// is requested.
    pub(super) fn handed_over(&self) {
        self.handed_over_at
            .store(self.activity.now(), Ordering::Relaxed);
    }

    /// Records that the next piece was requested.
    pub(super) fn asked(&self) {
        self.handed_over_at.store(NEVER, Ordering::Relaxed);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.activity.touch();
        self.activity.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Returns the peer that an address belongs to.
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(
            address.to_bits() & (u128::MAX << (128 - IPV6_NETWORK_BITS)),
        )),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(NEVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn places(connections: usize, per_peer: usize) -> Arc<Places> {
        Places::new(connections, per_peer, Duration::from_secs(1))
    }

    fn ids(places: &Places) -> Vec<u64> {
        places.held.lock().connections.keys().copied().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_connection_of_the_same_peer_goes_first() {
        let places = places(10, 2);
        let first = places.take(address(1)).unwrap();
        tokio::time::advance(Duration::from_millis(5)).await;
        let second = places.take(address(1)).unwrap();
        let _other = places.take(address(2)).unwrap();
        tokio::time::advance(Duration::from_millis(5)).await;
        drop(UnderWay::begin(first.activity()));
        let _third = places.take(address(1)).unwrap();
        assert_eq!(
            ids(&places),
            [0, 2, 3],
            "the second waits longer than the first, which was used"
        );
        let displaced =
            tokio::time::timeout(Duration::from_secs(1), second.activity().displaced()).await;
        assert!(displaced.is_ok(), "it is asked to leave");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_works_on_all_its_connections_is_refused_and_others_are_not() {
        let places = places(10, 2);
        let held: Vec<ConnectionPlace> = (0..2).map(|_| places.take(address(1)).unwrap()).collect();
        let working: Vec<UnderWay> = held
            .iter()
            .map(|place| UnderWay::begin(place.activity()))
            .collect();
        assert_eq!(places.take(address(1)).err(), Some(Full::Peer));
        assert!(places.take(address(2)).is_ok());
        drop(working);
        assert!(places.take(address(1)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_to_a_full_server_displaces_the_peer_that_holds_most() {
        let places = places(4, 3);
        let _lone = places.take(address(1)).unwrap();
        tokio::time::advance(Duration::from_millis(5)).await;
        let _many: Vec<ConnectionPlace> =
            (0..3).map(|_| places.take(address(2)).unwrap()).collect();
        let _new = places.take(address(3)).unwrap();
        assert_eq!(
            ids(&places),
            [0, 2, 3, 4],
            "the lone connection is the oldest and stays"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_does_not_read_may_be_displaced_after_a_while() {
        let places = places(1, 1);
        let place = places.take(address(1)).unwrap();
        let working = UnderWay::begin(place.activity());
        place.activity().is_unread();
        assert_eq!(places.take(address(2)).err(), Some(Full::Server));
        tokio::time::advance(Duration::from_secs(1)).await;
        place.activity().wrote();
        assert_eq!(
            places.take(address(2)).err(),
            Some(Full::Server),
            "it took a byte"
        );
        working.handed_over();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(places.take(address(2)).is_ok(), "its window is full");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_when_its_connection_ends() {
        let places = places(1, 1);
        let place = places.take(address(1)).unwrap();
        let working = UnderWay::begin(place.activity());
        assert!(places.take(address(1)).is_err());
        drop((working, place));
        assert!(places.take(address(1)).is_ok());
        assert!(
            places.held.lock().by_peer.is_empty(),
            "nothing is kept of a peer without connections"
        );
    }

    #[test]
    fn a_peer_is_an_ipv4_address_or_an_ipv6_network() {
        let peer = |text: &str| super::peer(text.parse().unwrap());
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
        assert_eq!(peer("2001:db8:0:1::1"), peer("2001:db8:0:1:ffff::2"));
        assert_ne!(peer("2001:db8:0:1::1"), peer("2001:db8:0:2::1"));
    }
}

//! [`Places`]: how many places each share may hold.
//!
//! A share may hold all places while it is alone. While others wait, no share takes the last free
//! place in addition to its own. A share that arrives when all places are held need not wait for a
//! free one: the same number of reserve places exists for shares that hold less than their part. So
//! work that one share has started delays another one only a little.
//!
//! Pure: no clock, no lock.

/// A number of places, and the rule for taking one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places(usize);

impl Places {
    /// Creates this many regular places, at least one.
    pub(crate) fn new(regular: usize) -> Self {
        Self(regular.max(1))
    }

    /// Returns how many places may be held at once, including the reserve.
    pub(crate) fn most(self) -> usize {
        self.0.saturating_mul(2)
    }

    /// Returns whether a share that holds `own` of the `held` places may take one more; `holders`
    /// is the number of shares that hold a place.
    pub(crate) fn may_take(
        self,
        own: usize,
        holders: usize,
        held: usize,
        others_wait: impl Fn() -> bool,
    ) -> bool {
        if held < self.0 {
            let is_last_of_all = self.0 > 1 && own + 1 >= self.0;
            return !is_last_of_all || !others_wait();
        }
        let shares = holders + usize::from(own == 0);
        held < self.most() && own < (self.0 / shares.max(1)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_takes_all_regular_places_and_no_more() {
        let places = Places::new(4);
        assert!((0..4).all(|own| places.may_take(own, usize::from(own > 0), own, || false)));
        assert!(!places.may_take(4, 1, 4, || false));
    }

    #[test]
    fn the_last_place_is_not_for_who_holds_the_others_while_somebody_waits() {
        assert!(!Places::new(4).may_take(3, 1, 3, || true));
        assert!(Places::new(4).may_take(2, 1, 2, || true));
        assert!(
            Places::new(1).may_take(0, 0, 0, || true),
            "a single one is for whoever comes"
        );
    }

    #[test]
    fn who_comes_late_gets_its_part_beside_the_others() {
        let places = Places::new(8);
        let taken = |holders: usize, held: usize| {
            (0..8)
                .take_while(|own| {
                    places.may_take(*own, holders + usize::from(*own > 0), held + own, || true)
                })
                .count()
        };
        assert_eq!(taken(1, 8), 4, "half of them beside one that holds all");
        assert_eq!(taken(2, 12), 2);
        assert_eq!(taken(3, 14), 2);
        assert_eq!(taken(4, 16), 0, "no more than twice as many");
        assert!(
            Places::new(1).may_take(0, 1, 1, || true),
            "one beside another"
        );
        assert!(!Places::new(1).may_take(0, 2, 2, || true));
    }
}

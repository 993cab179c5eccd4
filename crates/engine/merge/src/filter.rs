//! Fields that do not count for an endpoint: nobody owns fields through it that it resets.

use crate::set::{Element, Set, SetNode};

/// Which fields count.
#[derive(Debug, Clone)]
pub enum Filter<'a> {
    /// All except these and everything below them.
    Except(Set<'a>),
    /// Only those that match.
    Only(PathPattern<'a>),
}

/// A pattern of paths by their beginning.
#[derive(Debug, Clone, Default)]
pub struct PathPattern<'a> {
    /// Everything from here on.
    whole: bool,
    /// The possible next elements, each with its continuation. `None`, which stands for any
    /// element, comes first and hides the others.
    next: Vec<(Option<Element<'a>>, PathPattern<'a>)>,
}

impl<'a> Filter<'a> {
    /// Removes fields that do not count from a set.
    pub fn apply(&self, set: &mut Set<'a>) {
        match self {
            Self::Except(fields) => set.subtract_below(fields),
            Self::Only(pattern) => *set = pattern.matches(set),
        }
    }
}

impl<'a> PathPattern<'a> {
    /// Returns the pattern of all paths with this prefix; `None` stands for any element.
    #[must_use]
    pub fn prefix(path: &[Option<Element<'a>>]) -> Self {
        let whole = Self {
            whole: true,
            next: Vec::new(),
        };
        path.iter().rev().fold(whole, |rest, element| Self {
            whole: false,
            next: vec![(element.clone(), rest)],
        })
    }

    /// Returns the pattern that matches if either one does.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.whole |= other.whole;
        for (element, rest) in other.next {
            match self.next.iter_mut().find(|(own, _)| *own == element) {
                Some((_, own)) => *own = std::mem::take(own).or(rest),
                None => self.next.push((element, rest)),
            }
        }
        self.next.sort_by(|(a, _), (b, _)| a.cmp(b));
        self
    }

    fn matches(&self, set: &Set<'a>) -> Set<'a> {
        if self.whole {
            return set.clone();
        }

        let mut out = Set::default();
        for node in set.nodes() {
            let fits = |element: &Option<Element<'_>>| {
                element
                    .as_ref()
                    .is_none_or(|element| *element == node.element)
            };
            if let Some((_, rest)) = self.next.iter().find(|(element, _)| fits(element)) {
                let children = rest.matches(&node.children);
                out.put(SetNode {
                    element: node.element.clone(),
                    member: node.member,
                    children,
                });
            }
        }
        out
    }
}

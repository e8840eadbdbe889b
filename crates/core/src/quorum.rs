//! Seats and who can fill them: all needs at once, one person one seat.
//! A maximum bipartite matching (augmenting paths); used for "is it met", "what is missing"
//! and "could it ever be met".

use serde::{Deserialize, Serialize};

/// A set of needs by their position in the policy.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NeedSet(u32);

impl NeedSet {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// This set and the need at `index`; positions from 32 on are never set.
    #[must_use]
    pub const fn with(self, index: usize) -> Self {
        if index < 32 { Self(self.0 | 1 << index) } else { self }
    }

    /// Whether the need at `index` is in the set.
    #[must_use]
    pub const fn contains(self, index: usize) -> bool {
        index < 32 && self.0 & 1 << index != 0
    }

    /// The positions in the set, lowest first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..32).filter(move |&index| self.contains(index))
    }
}

/// How far people fill the seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filling {
    /// For each person, the need whose seat they hold in this filling.
    pub seat_of: Vec<Option<usize>>,
    /// For each need, how many seats stay open.
    pub open: Vec<u16>,
}

impl Filling {
    /// Whether every seat is taken.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.open.iter().all(|&open| open == 0)
    }

    /// Open seats over all needs. The same in every largest filling.
    #[must_use]
    pub fn missing(&self) -> u32 {
        self.open.iter().map(|&open| u32::from(open)).sum()
    }
}

/// Seats as many people as can be seated. `counts[n]` seats exist for need `n`; person `p` can
/// take a seat of the needs in `people[p]`.
#[must_use]
pub fn fill(counts: &[u16], people: &[NeedSet]) -> Filling {
    let mut filling = Filling { seat_of: vec![None; people.len()], open: counts.to_vec() };
    for person in 0..people.len() {
        let mut tried = vec![false; counts.len()];
        seat(person, people, &mut filling, &mut tried);
    }
    filling
}

/// Finds `person` a seat, moving others to seats they can take as well.
fn seat(person: usize, people: &[NeedSet], filling: &mut Filling, tried: &mut [bool]) -> bool {
    for need in people[person].iter().filter(|&need| need < tried.len()).collect::<Vec<_>>() {
        if std::mem::replace(&mut tried[need], true) {
            continue;
        }
        if filling.open[need] > 0 {
            filling.open[need] -= 1;
            filling.seat_of[person] = Some(need);
            return true;
        }
        for other in 0..people.len() {
            if filling.seat_of[other] == Some(need) && seat(other, people, filling, tried) {
                filling.seat_of[person] = Some(need);
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most seats that can be filled, by trying everything.
    fn most_seated(counts: &mut [u16], people: &[NeedSet]) -> u32 {
        let Some((first, rest)) = people.split_first() else { return 0 };
        let mut best = most_seated(counts, rest);
        for need in first.iter() {
            if counts[need] > 0 {
                counts[need] -= 1;
                best = best.max(1 + most_seated(counts, rest));
                counts[need] += 1;
            }
        }
        best
    }

    /// Every policy of up to 3 needs with up to 3 seats each, and every group of up to 4 people,
    /// each able to fill any subset of the needs.
    #[test]
    fn small_models_agree_with_brute_force_exhaustively() {
        let mut models = 0_u32;
        for needs in 1..=3_u32 {
            let subsets = 1_u32 << needs;
            for counts_code in 0..3_u32.pow(needs) {
                let counts: Vec<u16> =
                    (0..needs).map(|n| 1 + (counts_code / 3_u32.pow(n) % 3) as u16).collect();
                let seats: u32 = counts.iter().map(|&c| u32::from(c)).sum();
                for size in 0..=4_u32 {
                    for code in 0..subsets.pow(size) {
                        let people: Vec<_> =
                            (0..size).map(|p| NeedSet(code / subsets.pow(p) % subsets)).collect();
                        let filling = fill(&counts, &people);
                        let best = most_seated(&mut counts.clone(), &people);
                        assert_eq!(seats - filling.missing(), best, "{counts:?} {people:?}");
                        assert_honest(&counts, &people, &filling);
                        models += 1;
                    }
                }
            }
        }
        assert_eq!(models, 3 * 31 + 9 * 341 + 27 * 4681);
    }

    /// Nobody sits twice or where they may not, and no need is overfilled.
    fn assert_honest(counts: &[u16], people: &[NeedSet], filling: &Filling) {
        for (person, seat) in filling.seat_of.iter().enumerate() {
            assert!(seat.is_none_or(|need| people[person].contains(need)));
        }
        for (need, &count) in counts.iter().enumerate() {
            let seated = filling.seat_of.iter().filter(|seat| **seat == Some(need)).count();
            assert_eq!(seated + usize::from(filling.open[need]), usize::from(count));
        }
    }
}

//! How many operations share a commit. Those in a batch wait for the disk together, and then all ask
//! again at once: if everybody is in it, nobody has work for the processor meanwhile. So a batch is
//! worked on for about as long as its commit takes, and who is left for the next one keeps the
//! processor busy during this one's sync. On a slow disk, or if many wait, batches are larger.

use std::time::Duration;

/// Fewer than this many are always taken together.
const LEAST: usize = 16;
/// One batch changes what is known by this part of its difference.
const INERTIA: f64 = 8.0;

/// How long work and commits took of late, in seconds.
#[derive(Default)]
pub(super) struct Pace {
    /// For one operation.
    work: f64,
    commit: f64,
}

impl Pace {
    /// The most to take of so many that wait.
    pub(super) fn batch(&self, waiting: usize) -> usize {
        let even = if self.work > 0.0 { self.commit / self.work } else { 0.0 };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is positive, and a limit that is too large is none"
        )]
        let even = even as usize;
        even.max(waiting / 4).max(LEAST)
    }

    /// What a batch of so many took.
    pub(super) fn note(&mut self, operations: usize, worked: Duration, commit: Duration) {
        #[allow(clippy::cast_precision_loss, reason = "a batch has few operations")]
        let work = worked.as_secs_f64() / operations.max(1) as f64;
        self.work += (work - self.work) / INERTIA;
        self.commit += (commit.as_secs_f64() - self.commit) / INERTIA;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(work: u64, commit: u64) -> Pace {
        let mut pace = Pace::default();
        for _ in 0..200 {
            let batch = 20;
            pace.note(batch, Duration::from_micros(work * 20), Duration::from_micros(commit));
        }
        pace
    }

    #[test]
    fn a_batch_works_for_as_long_as_its_commit_takes() {
        assert_eq!(Pace::default().batch(100), 25);
        assert_eq!(Pace::default().batch(3), LEAST);
        assert_eq!(pace(25, 100).batch(20), LEAST);
        assert!((58..=62).contains(&pace(25, 1_500).batch(64)));
        assert!(pace(25, 10_000).batch(64) >= 390, "a slow disk takes all who wait");
        assert_eq!(pace(25, 400).batch(1_000), 250, "a crowd is not kept waiting");
    }
}

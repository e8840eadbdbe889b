//! Whatever is done to a log after the fact is seen, at the first entry it was done to.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops at what it cannot do")]

use askfirst_proof::log::{Broken, Chain, Entry, Fault, Head, entry_hash, genesis, verify_chain};
use askfirst_proof::{Digest, text_digest};
use serde_json::json;

type Log = Vec<(Entry, Digest)>;

const WORKSPACE: &str = "ws_acme";

fn entry(index: u64, previous: Digest) -> Entry {
    Entry {
        workspace: WORKSPACE.into(),
        index,
        at: format!("2030-01-01T00:00:{:02}Z", index % 60),
        actor: format!("member:{}", index % 5),
        kind: "vote.recorded".into(),
        subject: format!("apr_{}", index / 3),
        detail: json!({"index": index, "note": "caf\u{e9}"}),
        previous,
    }
}

fn log(length: u64) -> Log {
    let mut previous = genesis(WORKSPACE).unwrap();
    (1..=length)
        .map(|index| {
            let entry = entry(index, previous);
            previous = entry_hash(&entry).unwrap();
            (entry, previous)
        })
        .collect()
}

/// Makes every hash from `at` on fit again, as an intruder with the database would.
fn relink(log: &mut Log, at: usize) {
    let mut previous = match at.checked_sub(1) {
        Some(before) => log[before].1,
        None => genesis(WORKSPACE).unwrap(),
    };
    for (entry, hash) in &mut log[at..] {
        entry.previous = previous;
        *hash = entry_hash(entry).unwrap();
        previous = *hash;
    }
}

/// The same numbers in every run (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

#[test]
fn a_whole_log_has_a_head() {
    let log = log(40);
    let head = verify_chain(WORKSPACE, log.clone(), &[]).unwrap();
    assert_eq!(head, Head { index: 40, hash: log[39].1 });
    assert_eq!(verify_chain(WORKSPACE, log.clone(), &[head]), Ok(head));
    let early = Head { index: 7, hash: log[6].1 };
    assert_eq!(verify_chain(WORKSPACE, log, &[head, early]), Ok(head));
}

#[test]
fn an_empty_log_has_the_genesis_as_head() {
    let head = verify_chain(WORKSPACE, [], &[]).unwrap();
    assert_eq!(head, Head { index: 0, hash: genesis(WORKSPACE).unwrap() });
    assert_ne!(head.hash, genesis("ws_other").unwrap());
}

#[test]
fn the_log_of_another_workspace_is_refused() {
    let broken = verify_chain("ws_other", log(3), &[]).unwrap_err();
    assert_eq!(broken, Broken { index: 1, why: Fault::OtherWorkspace { found: WORKSPACE.into() } });
}

#[test]
fn a_log_can_be_checked_page_by_page() {
    let log = log(20);
    let saved = [Head { index: 20, hash: log[19].1 }];
    let mut chain = Chain::start(WORKSPACE, &saved).unwrap();
    for page in log.chunks(6) {
        page.iter().for_each(|(entry, hash)| chain.check(entry, *hash).unwrap());
    }
    assert_eq!(chain.finish(), Ok(saved[0]));
}

#[test]
fn a_cut_tail_is_seen_by_a_saved_head_only() {
    let mut log = log(10);
    let head = Head { index: 10, hash: log[9].1 };
    log.truncate(6);
    assert!(verify_chain(WORKSPACE, log.clone(), &[]).is_ok());
    let broken = verify_chain(WORKSPACE, log, &[head]).unwrap_err();
    assert_eq!(broken, Broken { index: 7, why: Fault::CutShort });
    assert_eq!(
        broken.to_string(),
        "the audit log is broken at entry 7: the log ends before it, yet it was saved as head"
    );
}

#[test]
fn a_thousand_random_tamperings_are_seen_at_the_first_bad_entry() {
    let whole = log(60);
    let saved = [Head { index: 60, hash: whole[59].1 }];
    let mut dice = Dice(0x5eed);
    for round in 0..1_000 {
        let mut log = whole.clone();
        let at = dice.below(60);
        // The place of the first entry that a reader can find wrong.
        let first_bad = match dice.below(11) {
            0 => {
                log[at].0.actor.push('x');
                at
            }
            1 => {
                log[at].0.detail["index"] = json!(-1);
                at
            }
            2 => {
                log[at].0.at = "2031-01-01T00:00:00Z".into();
                at
            }
            3 => {
                log[at].1 = text_digest(round.to_string());
                at
            }
            4 => {
                log[at].0.previous = text_digest(round.to_string());
                at
            }
            // Edited with a hash that fits: the next entry no longer follows.
            5 => {
                log[at].0.kind = "vote.withdrawn".into();
                log[at].1 = entry_hash(&log[at].0).unwrap();
                if at == 59 { at } else { at + 1 }
            }
            // Edited with the whole tail made to fit: only the saved head is left to tell.
            6 => {
                log[at].0.subject = "apr_other".into();
                relink(&mut log, at);
                59
            }
            7 => {
                log.remove(at);
                at
            }
            8 => {
                let other = (at + 1 + dice.below(59)) % 60;
                log.swap(at, other);
                at.min(other)
            }
            9 => {
                log.truncate(at);
                at
            }
            _ => {
                let copy = log[at].clone();
                log.insert(at, copy);
                at + 1
            }
        };
        let broken = verify_chain(WORKSPACE, log, &saved).expect_err("tampering is seen");
        assert_eq!(broken.index, u64::try_from(first_bad).unwrap() + 1, "round {round}: {broken}");
    }
}

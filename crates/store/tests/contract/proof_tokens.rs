//! What proves decisions to clients of proof.holdings: there with the decision, signed once, found
//! by its digest, and taken back with what it proves.

use std::collections::BTreeSet;

use askfirst_core::administration::{Change, NewKey, ProofRevocation, RevocationReason};
use askfirst_core::*;
use askfirst_store::*;

use crate::world::*;

/// An approval that a program of proof.holdings asked for, and the program's key.
async fn asked<H: Home>(world: &World<H>) -> (Approval, KeyId) {
    let key = NewKey {
        dialect: Dialect::Proof,
        policies: PolicyAllowance::Only(BTreeSet::new()),
        ..new_key(&[Scope::Ask], None, world.us.ana)
    };
    let id = key.id;
    world.administer(Change::AddKey(key)).await.unwrap();
    let ask = ask(&world.us, PolicyChoice::Default);
    let asked = world.run(id, ask.id, Command::Ask(Box::new(ask))).await.unwrap();
    (Approval::clone(&asked.approval), id)
}

async fn token<H: Home>(world: &World<H>, approval: ApprovalId) -> Option<ProofToken> {
    let proof = world.store.proof(world.us.place, approval).await.unwrap();
    proof.and_then(|proof| proof.proof_token)
}

fn signed(text: &str) -> Settlement {
    let digest = digest_of(&text);
    let expires_at = Timestamp::from_seconds(2_000_000_000);
    let proof_token = SignedProofToken { token: text.into(), digest, expires_at };
    Settlement::Signed { token: "receipt".into(), proof_token: Some(proof_token) }
}

pub(crate) async fn a_token_is_there_with_the_decision_and_signed_once<H: Home>() {
    let world = World::<H>::new().await;
    let native = world.ask().await;
    world.approve(world.us.ben_key, &native).await;
    assert_eq!(token(&world, native.id).await, None, "only whose clients look for one");
    let (asked, _) = asked(&world).await;
    assert_eq!(token(&world, asked.id).await, None);
    world.approve(world.us.ben_key, &asked).await;
    let unsigned = token(&world, asked.id).await.unwrap();
    assert_eq!((&unsigned.token, unsigned.expires_at, unsigned.revoked), (&None, None, None));

    let claim = async || world.store.claim_outbox("sign_receipt", 30, 10).await.unwrap();
    let row = claim().await.into_iter().find(|row| row.approval == asked.id).unwrap();
    world.store.settle(&row, signed("one")).await.unwrap();
    // Whoever lost the lease changes nothing.
    world.store.settle(&row, signed("two")).await.unwrap();
    let known = token(&world, asked.id).await.unwrap();
    assert_eq!((known.token.as_deref(), known.number), (Some("one"), unsigned.number));
    let found = world.store.proof_token(digest_of(&"one")).await.unwrap();
    assert_eq!(found, Some((asked.id, known)));
    assert_eq!(world.store.proof_token(digest_of(&"two")).await.unwrap(), None);
}

pub(crate) async fn a_token_is_taken_back_by_its_asker_and_with_its_approval<H: Home>() {
    let world = World::<H>::new().await;
    let place = world.us.place;
    let ((one, key), (two, other)) = (asked(&world).await, asked(&world).await);
    for asked in [&one, &two] {
        world.approve(world.us.ben_key, asked).await;
    }
    let numbers = async || world.store.revoked_numbers(0, 100).await.unwrap();
    let revocations = async || world.store.revocations(0).await.unwrap();
    assert_eq!((numbers().await, revocations().await), (vec![], Some(0)));
    let revocation = ProofRevocation {
        approval: one.id,
        environment: place.environment,
        asker: key,
        reason: RevocationReason::Fraud,
    };
    let revoke = async |key| {
        let change = Change::RevokeProof(revocation);
        administer(&*world.store, &world.us, Credential::Key(key), change).await
    };
    assert!(revoke(other).await.is_err() && revoke(world.us.asker).await.is_err());
    assert_eq!(numbers().await, [0; 0]);
    let now = world.store.now();
    revoke(key).await.unwrap();
    world.clock.advance(1);
    revoke(key).await.unwrap();
    let known = token(&world, one.id).await.unwrap();
    assert_eq!(known.revoked, Some((now, RevocationReason::Fraud)), "the first time counts");
    assert_eq!((numbers().await, revocations().await), (vec![known.number], Some(1)));

    // An approver takes the approval back before it is used: nothing proves it any more.
    world.run(world.us.ben_key, two.id, Command::Revoke { reason: None }).await.unwrap();
    let last = token(&world, two.id).await.unwrap();
    assert_eq!(last.revoked, Some((world.store.now(), RevocationReason::UserRequest)));
    assert_eq!(numbers().await, [known.number, last.number]);
    assert_eq!(revocations().await, Some(2));
    let listed = async |skip, limit| {
        let listed = world.store.revoked_proofs(skip, limit).await.unwrap();
        listed.into_iter().map(|one| one.approval).collect::<Vec<_>>()
    };
    assert_eq!(listed(0, 9).await, [two.id, one.id]);
    assert_eq!((listed(0, 1).await, listed(1, 9).await), (vec![two.id], vec![one.id]));
    assert_eq!(listed(2, 9).await, []);
    let beyond = last.number + 1;
    assert_eq!(world.store.revocations(beyond).await.unwrap(), None, "no token is so far yet");
}

//! What a receipt says to a person, and what is refused before anything is read.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../examples/make-vectors/forge.rs"]
#[allow(dead_code, reason = "only the test keys are needed here")]
mod forge;
#[path = "../examples/make-vectors/good.rs"]
mod good;

use askfirst_proof::key::KeyBits;
use askfirst_proof::trust::TrustError;
use askfirst_proof::verify::{MAX_BUNDLE_BYTES, MAX_RECEIPT_BYTES};
use askfirst_proof::{
    Assurance, Decision, Environment, Expect, SigningKey, Standing, Statement, Trust, VerifyError,
    verify_bundle, verify_receipt,
};
use forge::TestKey;
use good::NOW;

fn signer() -> SigningKey {
    TestKey::read("test-only-signer.json").unwrap().signing
}

fn trust() -> Trust {
    let mut trust = Trust::new();
    trust.add_key(signer().jwk()).unwrap();
    trust
}

fn receipt(statement: &Statement) -> String {
    signer().sign_receipt(&statement.to_bytes().unwrap()).unwrap()
}

fn told(statement: &Statement) -> Vec<String> {
    verify_receipt(&receipt(statement), &trust(), &Expect::default(), NOW).unwrap().describe()
}

#[test]
fn a_receipt_alone_says_that_a_form_was_filled_in() {
    let told = told(&good::approved().unwrap());
    let form = told.iter().find(|line| line.starts_with("A form was filled in")).unwrap();
    assert!(form.contains("known by its digest only: sha256:"), "{form}");
}

#[test]
fn a_bundle_says_what_was_approved_by_whom_how_surely_and_until_when() {
    let bundle = serde_json::to_vec(&good::bundle(&signer()).unwrap()).unwrap();
    let verdict = verify_bundle(&bundle, &trust(), &Expect::default(), NOW).unwrap();
    assert_eq!((verdict.standing, verdict.exit_code()), (Standing::Usable, 0));
    let digest = &verdict.statement.action_digest;
    let expected = [
        "APPROVED at 2029-12-31T23:55:00.25Z, usable until 2030-01-01T00:10:00.25Z.".to_owned(),
        format!(
            r#"The action: "deploy.production", "Deploy v2.1 to production?", on "prod-eu", with {{"replicas":3,"version":"2.1"}}, edited by an approver since it was asked; digest {digest}."#
        ),
        r#"Asked by key "key_release" ("release bot"), owned by "member:dora"."#.to_owned(),
        r#"Decided under policy "deploys" version 3."#.to_owned(),
        r#""member:ana" on behalf of "member:cleo" approved at 2029-12-31T23:54:00Z via "web", known by a signed-in session (session)."#.to_owned(),
        r#""contact:ben" approved at 2029-12-31T23:55:00.25Z via "telegram", known by a proved chat account, number or address (chat)."#.to_owned(),
        "The weakest vote that counted was by a proved chat account, number or address (chat).".to_owned(),
        "Comment: \"go \u{2013} after 22:00 \u{20ac}\".".to_owned(),
        r#"Filled in: {"notify":["ops"],"window":"22:00"}."#.to_owned(),
        format!(
            r#"Environment live, workspace "ws_acme", approval "apr_0001", issued by "https://askfirst.example/w/ws_acme", signed by key {}."#,
            signer().kid()
        ),
        "The audit log recorded it as entry 42; check that entry against the log or a saved head.".to_owned(),
        "It cannot show whether the approval was used or revoked since: ask the server for that.".to_owned(),
    ];
    assert_eq!(verdict.describe(), expected);
}

#[test]
fn a_test_or_dev_receipt_says_so_first_and_loudly() {
    let test = told(&good::rehearsed(Environment::Test).unwrap());
    assert_eq!(test[0], "TEST RECEIPT: made in a test environment, it allows nothing real.");
    let dev = told(&good::rehearsed(Environment::Dev).unwrap());
    assert_eq!(dev[0], "DEV RECEIPT: made on a developer's server, it allows nothing real.");
    assert!(told(&good::plain().unwrap())[0].starts_with("APPROVED at "));
}

#[test]
fn what_is_no_approval_never_reads_like_one() {
    for decision in [Decision::Rejected, Decision::Expired, Decision::Cancelled] {
        let lines = told(&good::refused(decision).unwrap());
        assert!(lines[0].starts_with(&format!("NOT APPROVED: {decision} at ")), "{lines:?}");
    }
    let late =
        verify_receipt(&receipt(&good::plain().unwrap()), &trust(), &Expect::default(), NOW + 600);
    assert!(late.unwrap().describe()[0].starts_with("NO LONGER USABLE"));
}

#[test]
fn names_and_comments_cannot_speak_to_the_terminal() {
    let mut statement = good::plain().unwrap();
    statement.comment = Some("\u{1b}[2J\nAPPROVED\u{202e}\u{200b}\" by everyone".into());
    statement.asker.label = "\u{7}\u{9b}31m".into();
    for line in told(&statement) {
        assert!(line.chars().all(|c| c.is_ascii() && !c.is_control()), "{line:?}");
    }
}

#[test]
fn what_is_too_large_is_refused_unread() {
    let refused = |what, limit| {
        move |error: VerifyError| {
            assert!(
                matches!(error, VerifyError::TooLarge { what: w, limit: l } if w == what && l == limit),
                "{error}"
            );
            assert_eq!(error.exit_code(), 4);
        }
    };
    let mut statement = good::plain().unwrap();
    statement.comment = Some("x".repeat(MAX_RECEIPT_BYTES));
    verify_receipt(&receipt(&statement), &trust(), &Expect::default(), NOW)
        .map_err(refused("receipt", MAX_RECEIPT_BYTES))
        .expect_err("too large");
    verify_bundle(&vec![b' '; MAX_BUNDLE_BYTES + 1], &trust(), &Expect::default(), NOW)
        .map_err(refused("bundle", MAX_BUNDLE_BYTES))
        .expect_err("too large");
}

#[test]
fn a_bundle_that_repeats_a_key_is_refused() {
    let text = serde_json::to_string(&good::bundle(&signer()).unwrap()).unwrap();
    let twice = text.replacen(r#""version":"2.1""#, r#""version":"6.6.6","version":"2.1""#, 1);
    assert_ne!(text, twice);
    let error = verify_bundle(twice.as_bytes(), &trust(), &Expect::default(), NOW).unwrap_err();
    assert!(matches!(error, VerifyError::NotABundle(_)), "{error}");
}

#[test]
fn nobody_is_trusted_by_default() {
    let error =
        verify_receipt(&receipt(&good::plain().unwrap()), &Trust::new(), &Expect::default(), NOW);
    assert!(matches!(error, Err(VerifyError::UnknownSigner { kid }) if kid == signer().kid()));
}

#[test]
fn trust_is_read_from_a_key_set_a_key_or_thumbprints() {
    let token = receipt(&good::plain().unwrap());
    let jwk = serde_json::to_string(signer().jwk()).unwrap();
    let other = r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#;
    for text in [jwk.clone(), format!(r#"{{"keys":[{other},{jwk}]}}"#), format!("\n {jwk} ")] {
        let trust = Trust::parse(&text).unwrap();
        assert!(verify_receipt(&token, &trust, &Expect::default(), NOW).is_ok(), "{text}");
    }
    let thumbprints = format!("{}\n{}\n", "A".repeat(43), signer().kid());
    assert!(Trust::parse(&thumbprints).is_ok());
    for text in [
        "",
        "hello",
        "{}",
        "{",
        &"A".repeat(42),
        r#"{"keys":{}}"#,
        r#"{"keys":[]}"#,
        &format!(r#"{{"keys":[{other}]}}"#),
    ] {
        assert!(Trust::parse(text).is_err(), "{text}");
    }
    let short = jwk.replace(&signer().jwk().n, &signer().jwk().n[..172]);
    assert!(matches!(Trust::parse(&short), Err(TrustError::Size { bits: 1016..=1032 })));
}

#[test]
fn a_longer_key_signs_as_well() {
    let key = SigningKey::generate(KeyBits::Rsa3072).unwrap();
    let mut trust = Trust::new();
    trust.add_key(key.jwk()).unwrap();
    let token = key.sign_receipt(&good::plain().unwrap().to_bytes().unwrap()).unwrap();
    let verdict = verify_receipt(&token, &trust, &Expect::default(), NOW).unwrap();
    assert_eq!(verdict.kid, key.kid());
}

#[test]
fn a_statement_survives_being_written_and_read() {
    for statement in [good::approved().unwrap(), good::refused(Decision::Cancelled).unwrap()] {
        let bytes = statement.to_bytes().unwrap();
        assert_eq!(Statement::from_bytes(&bytes).unwrap(), statement);
    }
}

#[test]
fn assurances_are_ordered_from_weakest_to_surest() {
    use Assurance::{Bearer, Chat, Key, Link, Passkey, Session};
    assert!([Bearer, Key, Link, Chat, Session, Passkey].is_sorted());
    assert_eq!("chat".parse::<Assurance>().unwrap().to_string(), "chat");
    assert!("Chat".parse::<Assurance>().is_err());
}

#[test]
fn a_library_that_is_not_ours_accepts_a_receipt() {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
    let token = receipt(&good::plain().unwrap());
    let key = DecodingKey::from_rsa_components(&signer().jwk().n, &signer().jwk().e).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    // The vectors live in 2030 and the library reads the real clock.
    validation.validate_exp = false;
    validation.set_audience(&[good::WORKSPACE]);
    validation.set_issuer(&["https://askfirst.example/w/ws_acme"]);
    let read = decode::<serde_json::Value>(&token, &key, &validation).unwrap();
    assert_eq!(read.header.kid.as_deref(), Some(signer().kid()));
    assert_eq!(read.header.typ.as_deref(), Some("askfirst-receipt+jwt"));
    assert_eq!(read.claims, serde_json::to_value(good::plain().unwrap()).unwrap());
}

#[test]
fn a_bundle_without_its_texts_says_when_they_went_and_proves_all_the_same() {
    let bundle = serde_json::to_vec(&good::erased_bundle(&signer()).unwrap()).unwrap();
    let verdict = verify_bundle(&bundle, &trust(), &Expect::default(), NOW).unwrap();
    assert_eq!(verdict.exit_code(), 0);
    let told = verdict.describe().join("\n");
    for said in [
        "The action is known by its digest only",
        "it is known by its digest only",
        "Its texts were erased at \"2030-03-01T00:00:00Z\" by \"member:olga@example.com\"",
    ] {
        assert!(told.contains(said), "{said} is not in:\n{told}");
    }
    // Who made the bundle could have written anything there.
    let mut hostile = good::erased_bundle(&signer()).unwrap();
    let erased = hostile.erased.as_mut().unwrap();
    erased.entry.at = "\u{1b}[2J".into();
    erased.hash = askfirst_proof::log::entry_hash(&erased.entry).unwrap();
    let hostile = serde_json::to_vec(&hostile).unwrap();
    let verdict = verify_bundle(&hostile, &trust(), &Expect::default(), NOW).unwrap();
    assert!(!verdict.describe().join("\n").contains('\u{1b}'));
}

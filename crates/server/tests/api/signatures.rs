//! Writes down what is sent and how it is signed, for `tests/vectors/run` to show to the libraries
//! that receivers use. `UPDATE_SPEC=1` writes it anew.

use askfirst_core::Timestamp;
use askfirst_server::outgoing::signature::{Secret, headers};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

fn secret(bytes: u8, from: u8) -> (String, Secret) {
    let bytes: Vec<u8> = (0..bytes).map(|n| from.wrapping_add(n)).collect();
    let text = format!("whsec_{}", STANDARD.encode(bytes));
    let secret = text.parse().unwrap();
    (text, secret)
}

fn vectors() -> Value {
    let (shortest, longest) = (secret(24, 1), secret(64, 2));
    let (usual, next, stranger) = (secret(32, 3), secret(32, 4), secret(32, 5));
    let event = r#"{"type":"approval.approved","data":{"id":"apr_01","title":"Deploy v2.1?"}}"#;
    let former = &usual;
    let all = [
        ("an event", vec![&usual], "evt_01jzr5kq", event),
        ("the shortest secret", vec![&shortest], "evt_02", event),
        ("the longest secret", vec![&longest], "evt_03", event),
        ("both while one takes over", vec![&next, &usual], "evt_04-b", event),
        ("three of them", vec![&next, &usual, &longest], "evt_05", event),
        ("words of the world", vec![&usual], "evt_06", "{\"t\":\"ü 承認 🚀 \\u0000\\u2028\"}"),
        ("white space counts", vec![&usual], "evt_07", " {\n\t\"a\" : 1.0 }\r\n"),
        ("a number alone", vec![&usual], "evt_08", "0"),
        ("the newest alone, afterwards", vec![&next], "evt_10", event),
        ("a long one", vec![&usual], "evt_09", &format!("\"{}\"", "x".repeat(70_000))),
    ];
    let at = Timestamp::from_seconds(1_893_456_000);
    let vector = |(name, secrets, id, body): (&str, Vec<&(String, Secret)>, &str, &str)| {
        let signing: Vec<Secret> = secrets.iter().map(|secret| secret.1.clone()).collect();
        let signed = headers(id, at, body.as_bytes(), &signing).unwrap();
        let signed: Map<String, Value> = signed
            .iter()
            .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
            .collect();
        let known: Vec<_> = secrets.iter().map(|secret| &secret.0).collect();
        // One that took over leaves the former behind.
        let strangers = [&stranger.0, &former.0].into_iter().filter(|text| !known.contains(text));
        let strangers: Vec<_> = strangers.collect();
        json!({
            "name": name,
            "body": body,
            "headers": signed,
            "secrets": known,
            "strangers": strangers,
        })
    };
    Value::Array(all.into_iter().map(vector).collect())
}

#[test]
fn what_is_signed_is_what_receivers_libraries_are_shown() {
    let now = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors/webhooks.json");
    if crate::updating() {
        std::fs::write(file, &now).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == now, "spec/vectors/webhooks.json is another; UPDATE_SPEC=1 writes it anew");
}

//! An example of a request body, made from what the API's description says of it: what is needed,
//! and what has an example of its own.

use serde_json::{Map, Value, json};

/// How deep an example goes into what refers to itself.
const DEEPEST: usize = 6;

/// The schema that a reference names, or the schema itself.
pub(super) fn resolved<'a>(api: &'a Value, schema: &'a Value) -> &'a Value {
    let path = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    path.and_then(|path| api.pointer(path)).unwrap_or(schema)
}

/// What texts of these names are like, where the description has no example of them.
const NAMED: [(&str, &str); 16] = [
    ("action_digest", "sha256:a83ae8d33fc4a5e68f9f7b8ecc1fd2a5a79a5a6d2b4b8cb4a6fb9a5cf4bca0d2"),
    ("comment", "go"),
    ("default_policy", "deploys"),
    ("email", "ana@example.com"),
    ("id", "apr_01kayz4w8me5psy0yk1s6ptsm5"),
    ("member", "mem_01kayz4w8me5psy0yk1s6ptsm5"),
    ("members", "mem_01kayz4w8me5psy0yk1s6ptsm5"),
    ("name", "example"),
    ("note", "took 40 s"),
    ("reason", "not needed any more"),
    ("role", "approver"),
    ("scopes", "ask"),
    ("since", "2030-01-31T08:00:00Z"),
    ("text", "the fix cannot wait"),
    ("to", "mem_01kayz4w8me5psy0yk1s6ptsm5"),
    ("until", "2030-02-14T08:00:00Z"),
];

fn named(name: &str) -> Option<Value> {
    let found = NAMED.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| json!(text))
}

/// A value that fits the schema.
pub(super) fn of(api: &Value, schema: &Value) -> Value {
    deep(api, schema, "", 0)
}

fn deep(api: &Value, schema: &Value, name: &str, depth: usize) -> Value {
    let schema = resolved(api, schema);
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(first) = schema["oneOf"].get(0).filter(|_| depth < DEEPEST) {
        return deep(api, first, name, depth + 1);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => object(api, schema, depth),
        Some("array") if depth < DEEPEST => json!([deep(api, &schema["items"], name, depth + 1)]),
        Some("array") => json!([]),
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(1),
        Some("string") => {
            let first = schema["enum"].get(0).cloned();
            first.or_else(|| named(name)).unwrap_or_else(|| json!("…"))
        }
        _ => Value::Null,
    }
}

fn object(api: &Value, schema: &Value, depth: usize) -> Value {
    let mut members = Map::new();
    let needed = |name: &str| {
        schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name))
    };
    // Where nothing is needed, something has to be said all the same.
    let free = schema["required"].as_array().is_none_or(Vec::is_empty);
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let telling = resolved(api, member).get("example").is_some();
        if needed(name) || telling || (free && named(name).is_some()) {
            members.insert(name.clone(), deep(api, member, name, depth + 1));
        }
    }
    Value::Object(members)
}

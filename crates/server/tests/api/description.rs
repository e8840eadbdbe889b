//! The API's description is the one that is kept in `spec/openapi.json`, is whole, and says the
//! truth about answers. `UPDATE_SPEC=1` writes it anew.

use std::collections::BTreeSet;

use askfirst_core::Scope;
use hyper::Method;
use serde_json::{Value, json};

use crate::support::client::path_of;
use crate::support::{Answer, TestServer};

fn description() -> Value {
    askfirst_server::http::openapi()
}

fn operations(api: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((format!("{} {path}", method.to_uppercase()), operation.clone()));
        }
    }
    all
}

#[test]
fn the_description_is_the_one_that_is_kept() {
    let now = serde_json::to_string_pretty(&description()).unwrap() + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/openapi.json");
    if crate::updating() {
        std::fs::write(file, &now).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    for (number, (kept, now)) in kept.lines().zip(now.lines()).enumerate() {
        assert_eq!(kept, now, "line {}; UPDATE_SPEC=1 writes it anew", number + 1);
    }
    assert_eq!(kept.len(), now.len());
}

#[test]
fn every_route_says_who_may_call_it_and_what_can_go_wrong() {
    let api = description();
    assert_eq!(api["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    let mut open = Vec::new();
    for (route, operation) in operations(&api) {
        assert!(names.insert(operation["operationId"].to_string()), "{route} shares its name");
        assert!(operation["summary"].as_str().is_some_and(|it| !it.is_empty()), "{route}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{route}");
        if operation["security"] == json!([]) {
            open.push(route.clone());
        } else {
            assert_eq!(operation["security"], json!([{ "key": [] }]), "{route}");
            assert!(responses.contains_key("401"), "{route}");
        }
        for (status, response) in responses {
            assert!(
                response["description"].as_str().is_some_and(|it| !it.is_empty()),
                "{route} {status}"
            );
            let problem = !status.starts_with(['2', '3']) && !route.ends_with("/readyz");
            if problem || status == "421" {
                let body = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(body, "#/components/schemas/Problem", "{route} {status}");
            }
        }
        if route.starts_with("POST") {
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(parameters.iter().any(|one| one["name"] == "Idempotency-Key"), "{route}");
        }
    }
    assert_eq!(open, ["GET /.well-known/jwks.json", "GET /healthz", "GET /readyz"]);
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(api: &Value, at: &Value) {
        match at {
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                    assert!(api.pointer(&reference[1..]).is_some(), "{reference}");
                }
                map.values().for_each(|value| walk(api, value));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(api, item)),
            _ => {}
        }
    }
    let api = description();
    walk(&api, &api);
}

/// What in `value` is not as `schema` says. Knows as much of JSON Schema as the description uses.
fn differs(api: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return differs(api, &api.pointer(&reference[1..])?.clone(), value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let tried: Vec<_> = choices.iter().map(|one| differs(api, one, value, place)).collect();
        return if tried.contains(&None) { None } else { tried.into_iter().flatten().next_back() };
    }
    if let Some(parts) = schema["allOf"].as_array() {
        // Each part knows its own members only.
        let mut merged = json!({ "type": "object", "properties": {}, "required": [] });
        for part in parts {
            let part = match part["$ref"].as_str() {
                Some(reference) => api.pointer(&reference[1..])?.clone(),
                None => part.clone(),
            };
            for (name, property) in part["properties"].as_object().into_iter().flatten() {
                merged["properties"][name] = property.clone();
            }
            for name in part["required"].as_array().into_iter().flatten() {
                merged["required"].as_array_mut().unwrap().push(name.clone());
            }
        }
        return differs(api, &merged, value, place);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => vec![kind],
    };
    if !allowed.contains(&kind) {
        return Some(format!("{place} is {kind}, not {allowed:?}"));
    }
    if let Value::Array(items) = value {
        let each = |(n, item)| differs(api, &schema["items"], item, &format!("{place}/{n}"));
        return items.iter().enumerate().find_map(each);
    }
    let (Value::Object(members), Some(known)) = (value, schema["properties"].as_object()) else {
        return None;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str()?) {
            return Some(format!("{place} has no {name}"));
        }
    }
    members.iter().find_map(|(name, member)| match known.get(name) {
        None if schema["additionalProperties"] == true => None,
        None => Some(format!("{place}/{name} is not described")),
        Some(schema) => differs(api, schema, member, &format!("{place}/{name}")),
    })
}

#[tokio::test]
async fn answers_are_as_described() {
    let server = TestServer::start().await;
    let (agent, dev, admin) = (server.asker(), server.dev(), server.admin());
    let workspace = server.workspace();
    let ana = workspace.member("ana").await;
    let group = workspace.group("sre", &[ana]).await;
    workspace.policy("p", json!({ "separate": { "owner": false } })).await;
    workspace.client(&[Scope::Ask]).await;
    let more = json!({ "reason": "why", "agent": { "name": "bot" }, "metadata": { "a": 1 } });
    let asked = agent.ask_with("deploy", more).await;
    dev.approve(&asked).await.expect(200);
    agent.proof(&asked).await;
    agent.consume(&asked).await.expect(200);
    agent.report(&asked, "succeeded").await.expect(200);
    agent.ask("other").await;

    let api = description();
    let check = |route: &str, answer: &Answer| {
        let (method, path) = route.split_once(' ').unwrap();
        let operation = &api["paths"][path][method.to_lowercase()];
        let response = &operation["responses"][answer.status.to_string()];
        let content = answer.header("content-type");
        let schema = &response["content"][content]["schema"];
        assert!(schema.is_object(), "{route} {} {content} is not described", answer.status);
        assert_eq!(differs(&api, schema, &answer.json(), ""), None, "{route}");
    };
    for (route, path) in [
        ("/v1/approvals", "/v1/approvals".to_owned()),
        ("/v1/approvals/{id}", path_of(&asked, "")),
        ("/v1/approvals/{id}/proof", path_of(&asked, "/proof")),
        ("/v1/policies", "/v1/policies".into()),
        ("/v1/policies/{name}", "/v1/policies/p".into()),
        ("/v1/policies/{name}/versions", "/v1/policies/p/versions".into()),
        ("/v1/members", "/v1/members".into()),
        ("/v1/members/{id}", format!("/v1/members/{ana}")),
        ("/v1/groups", "/v1/groups".into()),
        ("/v1/groups/{id}", format!("/v1/groups/{group}")),
        ("/v1/keys", "/v1/keys".into()),
        ("/v1/keys/current", "/v1/keys/current".into()),
        ("/v1/workspace", "/v1/workspace".into()),
        ("/v1/audit", "/v1/audit".into()),
        ("/healthz", "/healthz".into()),
        ("/readyz", "/readyz".into()),
    ] {
        let answer = admin.get(path).await;
        assert_eq!(answer.status, 200, "{route}");
        check(&format!("GET {route}"), &answer);
    }
    let link = admin.post(format!("/v1/members/{ana}/login-link"), &json!({})).send().await;
    check("POST /v1/members/{id}/login-link", &link);
    let key = json!({ "name": "k", "scopes": ["ask"], "expires_in": "90d" });
    check("POST /v1/keys", &admin.post("/v1/keys", &key).send().await);
    check("POST /v1/approvals/{id}/vote", &dev.approve(&asked).await);
    check("POST /v1/approvals/{id}/consume", &agent.consume(&asked).await);
    check("POST /v1/approvals", &server.stranger().post("/v1/approvals", &json!({})).send().await);
    check("POST /v1/approvals", &agent.post("/v1/approvals", &json!({})).send().await);
    check(
        "POST /v1/approvals",
        &dev.post("/v1/approvals", &crate::support::client::question("a", json!({}))).send().await,
    );
    check("GET /v1/approvals", &agent.get("/v1/approvals?limit=0").await);
    let plain = agent.call(Method::POST, "/v1/approvals").bytes("{}").send().await;
    check("POST /v1/approvals", &plain);
    check("GET /v1/audit", &agent.get("/v1/audit").await);
    check("GET /v1/keys", &agent.get("/v1/keys").await);
    check("GET /v1/members", &agent.get("/v1/members").await);
}

#[tokio::test]
async fn the_served_description_is_the_same_one() {
    let server = TestServer::start().await;
    let served = server.stranger().get("/v1/openapi.json").await;
    assert_eq!(served.expect(200), description());
}

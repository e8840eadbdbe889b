//! The API's description, OpenAPI 3.1: what each route says of itself, completed by what holds for
//! all of them, so that no route can forget it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// An absent body is read as an empty object, so it is needed only where a member is.
fn need_only_what_is_needed(body: &mut Value, schemas: &Value) {
    let named = body["content"]["application/json"]["schema"]["$ref"].as_str();
    let name = named.and_then(|path| path.strip_prefix("#/components/schemas/"));
    let needed = |name| schemas[name]["required"].as_array().is_some_and(|all| !all.is_empty());
    if name.is_some_and(|name| !needed(name)) {
        body["required"] = json!(false);
    }
}

/// What can be counted here; a description of `int32` or `int64` would promise too little or too
/// much.
fn unsign(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let most = match members.get("format").and_then(Value::as_str) {
                Some("int32") => Some(u64::from(u32::MAX)),
                Some("int64") => Some(u64::MAX),
                _ => None,
            };
            if let Some(most) = most
                && members.get("minimum") == Some(&json!(0))
            {
                members.remove("format");
                members.entry("maximum").or_insert_with(|| json!(most));
            }
            members.values_mut().for_each(unsign);
        }
        Value::Array(items) => items.iter_mut().for_each(unsign),
        _ => {}
    }
}

/// The media type of every problem.
const PROBLEM: &str = "application/problem+json";

/// A length of time, in requests: seconds as a number, or a text.
pub(super) fn length() -> Object {
    let types = [Type::Integer, Type::String];
    ObjectBuilder::new().schema_type(SchemaType::from_iter(types)).build()
}

/// The same where it may be null or absent.
pub(super) fn maybe_length() -> Object {
    let types = [Type::Integer, Type::String, Type::Null];
    ObjectBuilder::new().schema_type(SchemaType::from_iter(types)).build()
}

/// Adds to the routes' own words: the credential, the Idempotency-Key, and the problems that any
/// request can run into.
pub(super) fn complete(described: utoipa::openapi::OpenApi) -> Value {
    let mut api = serde_json::to_value(described).unwrap_or_default();
    api["components"]["securitySchemes"] = json!({
        "key": { "type": "http", "scheme": "bearer", "description": "An API key: `af_live_…`" },
    });
    // Some kinds of problem have particulars of their own.
    api["components"]["schemas"]["Problem"]["additionalProperties"] = json!(true);
    unsign(&mut api);
    let schemas = api["components"]["schemas"].clone();
    let paths = api["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                let body = operation.get_mut("requestBody");
                body.into_iter().for_each(|body| need_only_what_is_needed(body, &schemas));
                complete_one(path, method, operation);
            }
        }
    }
    api
}

fn complete_one(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let tag = operation["tags"][0].as_str().unwrap_or_default().to_owned();
    let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
    // Handlers are called `get` in many files; here names are unique.
    operation.insert("operationId".into(), json!(format!("{tag}_{name}")));
    let open = tag == "operating" || !path.starts_with("/v1/");
    let security = if open { json!([]) } else { json!([{ "key": [] }]) };
    operation.insert("security".into(), security);
    if method == "post" {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        parameters.as_array_mut().into_iter().for_each(|all| all.push(idempotency_key()));
    }
    let mut problems = vec![StatusCode::MISDIRECTED_REQUEST];
    if !open {
        problems.extend([
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ]);
    }
    let with_body = operation.contains_key("requestBody");
    if with_body {
        problems.extend([
            StatusCode::BAD_REQUEST,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]);
    } else if operation.get("parameters").is_some_and(has_query) {
        problems.push(StatusCode::BAD_REQUEST);
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else { return };
    for status in problems {
        responses.entry(status.as_str()).or_insert_with(problem);
    }
    responses.sort_keys();
    for (status, response) in responses {
        settle(status, response);
    }
}

fn has_query(parameters: &Value) -> bool {
    parameters.as_array().is_some_and(|all| all.iter().any(|one| one["in"] == "query"))
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "1 to 255 printable characters of your own. Repeating the request under the \
            same key does nothing twice; it gives the same status and the thing as it stands. \
            Another body under the same key is a 422.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
    })
}

fn problem() -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    json!({ "description": "", "content": { "application/json": { "schema": schema } } })
}

/// Problems have a media type of their own, and every response a few words.
fn settle(status: &str, response: &mut Value) {
    let code = status.parse::<u16>().ok().and_then(|code| StatusCode::from_u16(code).ok());
    if response["description"].as_str().unwrap_or_default().is_empty() {
        response["description"] = json!(code.and_then(|code| code.canonical_reason()));
    }
    let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) else { return };
    let named = content.get("application/json").and_then(|body| body["schema"]["$ref"].as_str());
    if named == Some("#/components/schemas/Problem")
        && let Some(body) = content.remove("application/json")
    {
        content.insert(PROBLEM.into(), body);
    }
}

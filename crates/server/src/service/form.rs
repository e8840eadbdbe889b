//! Forms: the JSON Schema that an asker sends along, and what approvers fill in. The schema stands
//! by itself: it fetches nothing, refers to nothing and cannot loop, and its patterns take time
//! linear in what they are matched against.

use askfirst_core::Problem;
use jsonschema::{Draft, PatternOptions, ValidationOptions};
use serde_json::Value;

/// The longest schema and the longest answer, in bytes of JSON.
pub const LONGEST: usize = 16 * 1024;
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// The most mistakes that are told at once.
const MOST_TOLD: usize = 20;

/// What is wrong with a schema, each place below `/answer_schema`.
#[must_use]
pub fn schema_problems(schema: &Value) -> Vec<Problem> {
    let at =
        |place: &str, detail: String| Problem { pointer: format!("/answer_schema{place}"), detail };
    if !schema.is_object() {
        return vec![at("", "a JSON Schema is an object here".into())];
    }
    if schema.to_string().len() > LONGEST {
        return vec![at("", format!("at most {LONGEST} bytes of JSON"))];
    }
    let mut found = Vec::new();
    references(schema, "", &mut |place, detail| found.push(at(place, detail)));
    if found.is_empty()
        && let Err(error) = options().build(schema)
    {
        // Of a mistake in a schema, the path into the schema is the path into what was judged.
        found.push(at(error.instance_path().as_str(), error.to_string()));
    }
    found.truncate(MOST_TOLD);
    found
}

/// Where an answer is not what the schema asks for, each place below `/answer`.
#[must_use]
pub fn answer_problems(schema: &Value, answer: &Value) -> Vec<Problem> {
    let whole = |detail: String| vec![Problem { pointer: "/answer".into(), detail }];
    if answer.to_string().len() > LONGEST {
        return whole(format!("at most {LONGEST} bytes of JSON"));
    }
    // It was compiled when it was asked, so this cannot fail; and doubt is never a yes.
    let Ok(validator) = options().build(schema) else {
        return whole("the form cannot be read any more, so no answer can be checked".into());
    };
    let told = validator.iter_errors(answer).take(MOST_TOLD).map(|error| Problem {
        pointer: format!("/answer{}", error.instance_path()),
        detail: error.masked_with("this").to_string(),
    });
    told.collect()
}

fn options() -> ValidationOptions<'static> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
        .should_validate_formats(true)
        .offline()
}

/// Tells every member that refers elsewhere, or names another dialect.
fn references(value: &Value, place: &str, tell: &mut impl FnMut(&str, String)) {
    let inside = |name: &str| format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "$ref" | "$dynamicRef" | "$recursiveRef" | "$id" | "$anchor"
                    | "$dynamicAnchor" | "$vocabulary" => {
                        let detail = format!("{name} is not taken here: write the schema out");
                        tell(&inside(name), detail);
                    }
                    "$schema"
                        if member.as_str().map(|uri| uri.trim_end_matches('#'))
                            != Some(DIALECT) =>
                    {
                        tell(&inside(name), format!("{DIALECT}, or absent"));
                    }
                    _ => references(member, &inside(name), tell),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                references(item, &inside(&index.to_string()), tell);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(problems: Vec<Problem>) -> Vec<String> {
        problems.into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn a_schema_that_fetches_or_loops_is_refused_with_its_place() {
        for (schema, place) in [
            (json!({ "$ref": "https://evil.example/schema.json" }), "/answer_schema/$ref"),
            (json!({ "properties": { "a": { "$ref": "#" } } }), "/answer_schema/properties/a/$ref"),
            (
                json!({ "$defs": { "a/b": { "$dynamicRef": "#x" } } }),
                "/answer_schema/$defs/a~1b/$dynamicRef",
            ),
            (json!({ "$id": "file:///etc/passwd" }), "/answer_schema/$id"),
            (
                json!({ "$schema": "http://json-schema.org/draft-04/schema#" }),
                "/answer_schema/$schema",
            ),
            (
                json!({ "allOf": [{ "$recursiveRef": "#" }] }),
                "/answer_schema/allOf/0/$recursiveRef",
            ),
            (json!("text"), "/answer_schema"),
            (json!({ "title": "x".repeat(LONGEST) }), "/answer_schema"),
        ] {
            assert_eq!(places(schema_problems(&schema)), [place], "{schema}");
        }
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        for schema in [
            json!({ "type": "text" }),
            json!({ "properties": [] }),
            json!({ "type": "string", "pattern": "(" }),
            json!({ "type": "string", "pattern": "(a)\\1" }),
            json!({ "required": "all" }),
        ] {
            assert_eq!(schema_problems(&schema).len(), 1, "{schema}");
        }
        assert_eq!(schema_problems(&json!({ "$schema": DIALECT, "type": "object" })), []);
    }

    #[test]
    fn an_answer_is_told_where_it_does_not_fit() {
        let schema = json!({
            "type": "object",
            "properties": {
                "region": { "enum": ["eu", "us"] },
                "share": { "type": "integer", "minimum": 1, "maximum": 100 },
                "mail": { "type": "string", "format": "email" },
            },
            "required": ["region"],
            "additionalProperties": false,
        });
        assert_eq!(answer_problems(&schema, &json!({ "region": "eu", "share": 5 })), []);
        for (answer, place) in [
            (json!({}), "/answer"),
            (json!({ "region": "mars" }), "/answer/region"),
            (json!({ "region": "eu", "share": 0 }), "/answer/share"),
            (json!({ "region": "eu", "share": 1.5 }), "/answer/share"),
            (json!({ "region": "eu", "mail": "none" }), "/answer/mail"),
            (json!({ "region": "eu", "more": 1 }), "/answer"),
            (json!("eu"), "/answer"),
        ] {
            assert_eq!(places(answer_problems(&schema, &answer)), [place], "{answer}");
        }
        assert_eq!(places(answer_problems(&json!({}), &json!("x".repeat(LONGEST)))), ["/answer"]);
    }

    /// A pattern that takes exponential time where matching goes back and forth.
    #[test]
    fn a_hostile_pattern_takes_linear_time() {
        let schema = json!({ "type": "string", "pattern": "^(a+)+$" });
        assert_eq!(schema_problems(&schema), []);
        let answer = json!(format!("{}b", "a".repeat(10_000)));
        assert_eq!(places(answer_problems(&schema, &answer)), ["/answer"]);
    }
}

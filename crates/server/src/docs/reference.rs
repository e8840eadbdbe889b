//! The reference: every operation of the API's description in words and tables, so that what is
//! read is what is served.

use std::fmt::Write as _;

use serde_json::Value;

use super::markdown::{self, Heading, code, escaped, slug};
use super::{Document, REFERENCE, example};

/// What holds for all operations.
const INTRODUCTION: &str = "Requests and answers are JSON. Give a key in the head, as \
    `Authorization: Bearer af_live_…`; what a key may do is in its scopes. A member that a request \
    should not have is refused, so that a misspelt one is never dropped. Times are RFC 3339 in UTC; \
    lengths of time are seconds, or a text such as `\"1h\"`. Lists come in pages: `next_cursor` of \
    one is `cursor` of the next. What goes wrong is told as a [problem](#shape-problem): its `type` \
    stays the same, its `detail` says what to do. A POST under an `Idempotency-Key` can be repeated \
    and does nothing twice.\n\nThe description itself, for programs, is at \
    [`/v1/openapi.json`](/v1/openapi.json).";

/// Makes it.
pub(super) fn document(api: &Value) -> Document {
    let mut page = Page { api, html: String::new(), headings: Vec::new() };
    page.words(INTRODUCTION);
    for tag in api["tags"].as_array().into_iter().flatten() {
        page.group(tag);
    }
    page.shapes();
    Document {
        name: REFERENCE,
        title: "API reference".into(),
        lead: "Every operation: parameters, body, answers, problems and an example.".into(),
        html: page.html,
        headings: page.headings,
        source: None,
    }
}

struct Page<'a> {
    api: &'a Value,
    html: String,
    headings: Vec<Heading>,
}

impl Page<'_> {
    fn put(&mut self, html: &str) {
        self.html.push_str(html);
    }

    /// Words that are written as Markdown.
    fn words(&mut self, text: &str) {
        let own = |target: &str| {
            (target.starts_with('#') || target.starts_with("/v1/")).then(|| target.to_owned())
        };
        let html = markdown::render(text, &own).html;
        self.put(&html);
    }

    fn heading(&mut self, level: u8, id: String, text: &str) {
        let safe = escaped(text);
        let _ = writeln!(
            self.html,
            "<h{level} id=\"{id}\">{safe}<a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to: {safe}\">#</a></h{level}>"
        );
        self.headings.push(Heading { level, id, text: text.to_owned() });
    }

    /// All operations of one tag.
    fn group(&mut self, tag: &Value) {
        let (name, about) = (text(tag, "name"), text(tag, "description"));
        let mut title = name.to_owned();
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        self.heading(2, format!("tag-{}", slug(name)), &title);
        self.words(about);
        for (path, item) in self.api["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if operation["tags"][0] == name {
                    self.operation(path, method, operation);
                }
            }
        }
    }

    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        let summary = text(operation, "summary").replace('\n', " ");
        let (title, rest) = summary.split_once(". ").unwrap_or((&summary, ""));
        let title = title.trim_end_matches('.').replace('`', "");
        self.heading(3, text(operation, "operationId").to_owned(), &title);
        let method = method.to_uppercase();
        let safe = escaped(path);
        let _ = writeln!(
            self.html,
            "<p class=\"route\"><strong>{method}</strong> <code>{safe}</code></p>"
        );
        self.words(rest);
        self.words(text(operation, "description"));
        self.parameters(&operation["parameters"]);
        let media = &operation["requestBody"]["content"]["application/json"]["schema"];
        let body = self.body(media);
        if let Some(body) = body {
            let shape = self.kind(body);
            let needed = operation["requestBody"]["required"] != false;
            let _ = writeln!(
                self.html,
                "<p class=\"label\">Body{}: {shape}</p>",
                if needed { "" } else { ", which may be absent" }
            );
            self.fields(example::resolved(self.api, body));
        }
        self.answers(&operation["responses"]);
        self.example(&method, path, operation, body);
    }

    /// A body that may be null is told as what it is otherwise; one without members is none.
    fn body<'v>(&self, schema: &'v Value) -> Option<&'v Value> {
        let schema = schema["oneOf"].get(0).unwrap_or(schema);
        let members = &example::resolved(self.api, schema)["properties"];
        members.as_object().is_some_and(|members| !members.is_empty()).then_some(schema)
    }

    fn parameters(&mut self, parameters: &Value) {
        let Some(all) = parameters.as_array().filter(|all| !all.is_empty()) else { return };
        self.put("<p class=\"label\">Parameters</p>\n");
        self.put(TABLE);
        self.put("<thead><tr><th scope=\"col\">name</th><th scope=\"col\">in</th><th scope=\"col\">type</th><th scope=\"col\">what it is</th></tr></thead>\n<tbody>\n");
        for one in all {
            let kind = self.kind(&one["schema"]);
            let needed = if one["required"] == true { ", needed" } else { "" };
            let _ = writeln!(
                self.html,
                "<tr><td><code>{}</code></td><td>{}{needed}</td><td>{kind}</td><td>{}</td></tr>",
                escaped(text(one, "name")),
                escaped(text(one, "in")),
                inline(text(one, "description")),
            );
        }
        self.put("</tbody></table></div>\n");
    }

    /// The members of an object.
    fn fields(&mut self, schema: &Value) {
        let parts = schema["allOf"].as_array();
        for part in parts.into_iter().flatten() {
            let part = example::resolved(self.api, part).clone();
            self.fields(&part);
        }
        let Some(members) = schema["properties"].as_object().filter(|all| !all.is_empty()) else {
            return;
        };
        self.put(TABLE);
        self.put("<thead><tr><th scope=\"col\">member</th><th scope=\"col\">type</th><th scope=\"col\">what it is</th></tr></thead>\n<tbody>\n");
        for (name, member) in members {
            let needed = schema["required"]
                .as_array()
                .is_some_and(|all| all.contains(&Value::from(name.as_str())));
            let kind = self.kind(member);
            let about = text(member, "description");
            let named = if about.is_empty() { self.about(member) } else { about.to_owned() };
            let _ = writeln!(
                self.html,
                "<tr><td><code>{}</code>{}</td><td>{kind}</td><td>{}{}</td></tr>",
                escaped(name),
                if needed { " <span class=\"dim\">always</span>" } else { "" },
                inline(&named),
                sample(member),
            );
        }
        self.put("</tbody></table></div>\n");
    }

    /// What the shape that is named says of itself.
    fn about(&self, schema: &Value) -> String {
        let schema = schema["oneOf"].get(0).unwrap_or(schema);
        text(example::resolved(self.api, schema), "description").to_owned()
    }

    fn answers(&mut self, responses: &Value) {
        let mut problems = Vec::new();
        self.put("<p class=\"label\">Answers</p>\n<ul>\n");
        for (status, response) in responses.as_object().into_iter().flatten() {
            let about = text(response, "description");
            let content = response["content"].as_object();
            let (media, body) = content.and_then(|all| all.iter().next()).unzip();
            if media.is_some_and(|media| media == "application/problem+json") {
                problems.push(format!("<strong>{status}</strong> {}", inline(about)));
                continue;
            }
            let shape = body.map(|body| format!(", {}", self.kind(&body["schema"])));
            let _ = writeln!(
                self.html,
                "<li><strong>{status}</strong> {}{}{}</li>",
                inline(about),
                shape.unwrap_or_default(),
                media
                    .filter(|media| *media != "application/json")
                    .map(|media| format!(" as <code>{}</code>", escaped(media)))
                    .unwrap_or_default()
            );
        }
        self.put("</ul>\n");
        if !problems.is_empty() {
            let _ = writeln!(
                self.html,
                "<p class=\"label\">Problems</p>\n<p>{}</p>",
                problems.join(", ")
            );
        }
    }

    fn example(&mut self, method: &str, path: &str, operation: &Value, body: Option<&Value>) {
        let mut path = path.to_owned();
        while let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
            let name = path[open + 1..close].to_uppercase();
            path.replace_range(open..=close, &format!("${name}"));
        }
        let mut command = format!("$ curl \"$ASKFIRST_URL{path}\"");
        if !matches!(method, "GET" | "POST") || (method == "POST" && body.is_none()) {
            let _ = write!(command, " --request {method}");
        }
        if operation["security"][0].is_object() {
            command.push_str(" \\\n    --header \"Authorization: Bearer $ASKFIRST_KEY\"");
        }
        if method != "GET" && method != "DELETE" {
            command.push_str(" \\\n    --header \"Content-Type: application/json\"");
            let body =
                body.map_or_else(|| "{}".into(), |body| example::of(self.api, body).to_string());
            let _ = write!(command, " \\\n    --data '{}'", body.replace('\'', r"'\''"));
        }
        self.put("<p class=\"label\">Example</p>\n");
        self.put(&code("console", &command));
    }

    /// Every shape that a body or an answer has.
    fn shapes(&mut self) {
        self.heading(2, "shapes".into(), "Shapes");
        let shapes = self.api["components"]["schemas"].as_object();
        for (name, schema) in shapes.into_iter().flatten() {
            self.heading(3, shape_id(name), name);
            self.words(text(schema, "description"));
            self.fields(schema);
            let choices = schema["enum"].as_array();
            if let Some(choices) = choices {
                let all: Vec<_> = choices
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|one| format!("<code>{}</code>", escaped(one)))
                    .collect();
                let _ = writeln!(self.html, "<p>One of {}.</p>", all.join(", "));
            }
        }
    }

    /// What kind of value it is, in words, with links to the shapes.
    fn kind(&self, schema: &Value) -> String {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return format!("<a href=\"#{}\">{}</a>", shape_id(name), escaped(name));
        }
        for several in ["oneOf", "allOf"] {
            if let Some(choices) = schema[several].as_array() {
                let between = if several == "oneOf" { " or " } else { " with " };
                let all: Vec<_> = choices.iter().map(|one| self.kind(one)).collect();
                return all.join(between);
            }
        }
        let word = |kind: &Value| match kind.as_str() {
            Some("array") => format!("list of {}", self.kind(&schema["items"])),
            Some("string") => "text".into(),
            Some("integer") => "whole number".into(),
            Some(kind) => kind.to_owned(),
            None => "anything".into(),
        };
        match &schema["type"] {
            Value::Array(kinds) => kinds.iter().map(word).collect::<Vec<_>>().join(" or "),
            kind => word(kind),
        }
    }
}

/// How a table begins; it scrolls on its own where it is too wide.
const TABLE: &str =
    "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table>\n";

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

fn shape_id(name: &str) -> String {
    format!("shape-{}", slug(name))
}

/// A line of Markdown in a cell.
fn inline(text: &str) -> String {
    let html = markdown::render(text, &|_| None).html;
    let html = html.trim_end();
    let bare = html.strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>"));
    bare.unwrap_or(html).to_owned()
}

fn sample(schema: &Value) -> String {
    let Some(example) = schema.get("example") else { return String::new() };
    format!(" <span class=\"dim\">Such as <code>{}</code></span>", escaped(&example.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn api() -> Value {
        crate::http::openapi()
    }

    #[test]
    fn every_operation_and_every_shape_has_its_place() {
        let (api, page) = (api(), document(&api()));
        let mut count = 0;
        for (path, item) in api["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(page.html.contains(&format!("<h3 id=\"{id}\">")), "{path}: {id}");
                count += 1;
            }
        }
        assert!(count > 40, "{count}");
        for link in page.html.split("href=\"#").skip(1) {
            let id = link.split('"').next().unwrap();
            assert!(page.html.contains(&format!(" id=\"{id}\"")), "{id}");
        }
        let mut ids: Vec<_> = page.headings.iter().map(|heading| &heading.id).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "two headings share an id");
    }

    #[test]
    fn every_example_fits_its_description() {
        let api = api();
        for (path, item) in api["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                let body = &operation["requestBody"]["content"]["application/json"]["schema"];
                if body.is_null() {
                    continue;
                }
                let example = example::of(&api, body);
                let whole = json!({ "allOf": [body], "components": api["components"] });
                let schema = jsonschema::draft202012::new(&whole).unwrap();
                assert!(schema.is_valid(&example), "{path}: {example}");
                assert!(!example.to_string().contains('…'), "{path}: say an example: {example}");
            }
        }
    }

    #[test]
    fn words_of_the_description_are_only_words() {
        let mut api = api();
        api["paths"]["/healthz"]["get"]["summary"] = json!("a <b> & \"c\". <script>x</script>");
        let page = document(&api);
        assert!(page.html.contains("a &lt;b&gt; &amp; &quot;c&quot;<a class"));
        assert!(!page.html.contains("<script"));
    }
}

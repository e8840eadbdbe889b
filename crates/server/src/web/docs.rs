//! The documentation pages: the same for everyone, signed in or not, so they are made once and
//! browsers may keep them for a while. What they say is in `crate::docs`.

use std::sync::LazyLock;

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::fault;
use super::shell::Shell;
use crate::docs::{self, Document, Heading};

/// How long a browser need not ask whether a page has changed.
const KEPT: &str = "public, max-age=300";

#[derive(Template)]
#[template(path = "docs.html")]
pub(super) struct DocsPage<'a> {
    pub(super) shell: Shell,
    pub(super) all: &'a [Document],
    /// None on the page that lists them.
    pub(super) shown: Option<&'a Document>,
    /// What was looked for in vain.
    pub(super) missing: bool,
}

impl DocsPage<'_> {
    fn is_here(&self, document: &Document) -> bool {
        self.shown.is_some_and(|shown| shown.name == document.name)
    }

    fn contents(&self) -> &[Heading] {
        self.shown.map(|shown| &*shown.headings).unwrap_or_default()
    }
}

/// A page that is made once, with the digest by which browsers ask for it again.
struct Made {
    html: String,
    tag: HeaderValue,
}

impl Made {
    fn new(shown: Option<&Document>) -> Self {
        let title = shown.map_or("Documentation", |shown| &shown.title);
        let shell = Shell { here: "/docs", ..Shell::bare(title) };
        let page = DocsPage { shell, all: docs::all(), shown, missing: false };
        let html = page.render().unwrap_or_default();
        let digest = askfirst_proof::text_digest(&html).to_string();
        let tag = format!("\"{}\"", &digest["sha256:".len()..][..16]);
        let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { html, tag }
    }

    fn answer(&'static self, head: &HeaderMap) -> Response {
        let known = head.get(header::IF_NONE_MATCH) == Some(&self.tag);
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CACHE_CONTROL, HeaderValue::from_static(KEPT)),
            (header::ETAG, self.tag.clone()),
        ];
        match known {
            true => (StatusCode::NOT_MODIFIED, headers).into_response(),
            false => (headers, self.html.as_str()).into_response(),
        }
    }
}

static LIST: LazyLock<Made> = LazyLock::new(|| Made::new(None));
static PAGES: LazyLock<Vec<Made>> =
    LazyLock::new(|| docs::all().iter().map(|document| Made::new(Some(document))).collect());

/// The documents there are.
pub(super) async fn list(head: HeaderMap) -> Response {
    LIST.answer(&head)
}

/// One document; with `.md` after its name, as it is written.
pub(super) async fn show(Path(name): Path<String>, head: HeaderMap) -> Response {
    if let Some(text) = name.strip_suffix(".md").and_then(docs::find).and_then(|one| one.source) {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/markdown; charset=utf-8")),
            (header::CACHE_CONTROL, HeaderValue::from_static(KEPT)),
        ];
        return (headers, text).into_response();
    }
    match docs::all().iter().position(|document| document.name == name) {
        Some(at) => PAGES[at].answer(&head),
        None => nothing(),
    }
}

/// No such document: says which there are.
fn nothing() -> Response {
    let shell = Shell { here: "/docs", ..Shell::bare("No such document") };
    let page = DocsPage { shell, all: docs::all(), shown: None, missing: true };
    fault::page(StatusCode::NOT_FOUND, &page)
}

//! The documents that are read at `/docs`: the repository's own, embedded in the binary, and a
//! reference made from the API's description. Pure text in, markup out; who may read them and
//! how they are sent is the web door's.

mod example;
mod markdown;
mod reference;

use std::sync::LazyLock;

pub(crate) use markdown::Heading;

/// Where a document is in the repository, and what it says there.
struct Source {
    /// The name in its address.
    name: &'static str,
    /// From the root of the repository.
    path: &'static str,
    text: &'static str,
}

macro_rules! source {
    ($name:literal, $path:literal) => {
        Source { name: $name, path: $path, text: include_str!(concat!("../../../", $path)) }
    };
}

/// In the order in which somebody would read them; the reference comes after the second.
static SOURCES: [Source; 15] = [
    source!("start", "README.md"),
    source!("guide", "docs/guide.md"),
    source!("cli", "docs/cli.md"),
    source!("operate", "docs/operate.md"),
    source!("channels", "docs/channels.md"),
    source!("telegram", "docs/channels/telegram.md"),
    source!("webhooks", "docs/webhooks.md"),
    source!("ambedo", "docs/dialects/ambedo.md"),
    source!("proof", "docs/dialects/proof.md"),
    source!("holdon", "docs/dialects/holdon.md"),
    source!("proofs", "docs/proofs.md"),
    source!("threat-model", "docs/threat-model.md"),
    source!("performance", "docs/performance.md"),
    source!("architecture", "ARCHITECTURE.md"),
    source!("changelog", "CHANGELOG.md"),
];

/// The name of the document that is made from the API's description.
const REFERENCE: &str = "reference";

/// A document, ready to be put into a page.
#[derive(Debug)]
pub(crate) struct Document {
    /// The name in its address: `/docs/{name}`.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    /// Its first words, for a list of documents.
    pub(crate) lead: String,
    /// Our own markup around escaped text; nothing in it comes from a request.
    pub(crate) html: String,
    pub(crate) headings: Vec<Heading>,
    /// The same as it is written, for those that are.
    pub(crate) source: Option<&'static str>,
}

static LIBRARY: LazyLock<Vec<Document>> = LazyLock::new(|| {
    let mut all: Vec<Document> = SOURCES.iter().map(Document::written).collect();
    all.insert(2, reference::document(&crate::http::openapi()));
    all
});

/// All documents, in the order in which to read them.
pub(crate) fn all() -> &'static [Document] {
    &LIBRARY
}

/// The document of this name.
pub(crate) fn find(name: &str) -> Option<&'static Document> {
    all().iter().find(|document| document.name == name)
}

impl Document {
    fn written(source: &Source) -> Self {
        let rendered = markdown::render(source.text, &|target| placed(source.path, target));
        Self {
            name: source.name,
            title: rendered.title,
            lead: rendered.lead,
            html: rendered.html,
            headings: rendered.headings,
            source: Some(source.text),
        }
    }
}

#[cfg(test)]
impl Document {
    /// A small one with one of everything.
    pub(crate) fn sample() -> Self {
        let text = "# A document\nWhat *it* is <b>about</b>.\n\n## First\n```console\n$ askfirst ask \"x\"\nasked\n```\n\
            ### Within\n- [the list](docs/cli.md#exit-codes), [the code](LICENSE)\n\n| a | b |\n|---|---|\n| `1` | 2 |\n";
        Self::written(&Source { name: "sample", path: "README.md", text })
    }
}

/// Where a link of the document at `from` leads on these pages; none for what is not here.
fn placed(from: &str, target: &str) -> Option<String> {
    if target.starts_with('#') || target.starts_with("https://") {
        return Some(target.to_owned());
    }
    let (file, place) = match target.split_once('#') {
        Some((file, place)) => (file, format!("#{place}")),
        None => (target, String::new()),
    };
    let path = joined(from, file);
    if let Some(picture) = crate::web::picture(&path) {
        return Some(picture.to_owned());
    }
    let known = SOURCES.iter().find(|source| source.path == path)?;
    Some(format!("/docs/{}{place}", known.name))
}

/// A path as a document at `from` writes it, from the root of the repository.
fn joined(from: &str, file: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn root() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn every_document_of_the_repository_is_here() {
        for folder in ["docs", "docs/dialects"] {
            for file in std::fs::read_dir(root().join(folder)).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                let path = format!("{folder}/{name}");
                assert!(
                    !name.ends_with(".md") || SOURCES.iter().any(|source| source.path == path),
                    "{path} is not at /docs: add it to SOURCES in crates/server/src/docs.rs"
                );
            }
        }
    }

    #[test]
    fn a_document_has_a_title_a_lead_and_no_markup_of_its_own() {
        for document in all() {
            assert!(!document.title.is_empty() && !document.lead.is_empty(), "{}", document.name);
            for tag in document.html.split('<').skip(1) {
                let tag = tag.split('>').next().unwrap_or_default();
                // Without the values of its attributes.
                let bare: String = tag.split('"').step_by(2).collect();
                for bad in ["script", "!--", "style", " on"] {
                    assert!(!bare.contains(bad), "{}: <{tag}>", document.name);
                }
                assert!(!tag.contains("href=\"javascript:"), "{}: <{tag}>", document.name);
            }
        }
    }

    #[test]
    fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
        for source in &SOURCES {
            let mut broken = Vec::new();
            markdown::render(source.text, &|target| {
                let target = target.to_owned();
                let placed = placed(source.path, &target);
                let file = joined(source.path, target.split('#').next().unwrap_or_default());
                if placed.is_none() && !root().join(&file).exists() {
                    panic!("{}: {target} leads nowhere", source.path);
                }
                placed
            });
            let document = Document::written(source);
            for link in document.html.split("href=\"").skip(1) {
                let link = link.split('"').next().unwrap_or_default();
                let (page, place) = link.split_once('#').unwrap_or((link, ""));
                let page = match page.strip_prefix("/docs/") {
                    Some(name) => find(name).unwrap(),
                    None if page.is_empty() => &document,
                    None => continue,
                };
                if !place.is_empty() && !page.headings.iter().any(|one| one.id == place) {
                    broken.push(link.to_owned());
                }
            }
            assert!(broken.is_empty(), "{}: no such heading: {broken:?}", source.path);
        }
    }

    #[test]
    fn every_picture_is_served_and_says_what_it_shows() {
        let mut seen = 0;
        for document in all() {
            for picture in document.html.split("<img ").skip(1) {
                seen += 1;
                let tag = picture.split('>').next().unwrap_or_default();
                assert!(tag.starts_with("src=\"/assets/"), "{}: <img {tag}", document.name);
                assert!(!tag.contains("alt=\"\""), "{}: <img {tag}", document.name);
            }
        }
        assert!(seen > 7, "{seen}");
    }

    #[test]
    fn links_lead_to_these_pages_and_to_nothing_that_is_not_here() {
        let cases = [
            ("docs/guide.md", "cli.md#exit-codes", Some("/docs/cli#exit-codes")),
            ("docs/cli.md", "../README.md", Some("/docs/start")),
            ("README.md", "docs/proofs.md", Some("/docs/proofs")),
            ("README.md", "LICENSE", None),
            ("README.md", "javascript:alert(1)", None),
            ("README.md", "http://example.com/", None),
            ("README.md", "//example.com/", None),
            ("README.md", "https://rustup.rs", Some("https://rustup.rs")),
        ];
        for (from, target, to) in cases {
            assert_eq!(placed(from, target).as_deref(), to, "{target}");
        }
    }
}

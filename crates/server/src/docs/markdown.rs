//! Markdown as markup of our own. All text is escaped, raw HTML is left out, and a link goes only
//! where the caller says.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// A heading that can be linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    /// 2 or 3; the title of the document is none of them.
    pub(crate) level: u8,
    /// Unique in its document.
    pub(crate) id: String,
    pub(crate) text: String,
}

/// What became of a text.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// The text of the first heading of level 1, which is not in `html`.
    pub(super) title: String,
    /// The text of the first paragraph.
    pub(super) lead: String,
    pub(super) html: String,
    pub(super) headings: Vec<Heading>,
}

/// Renders a document. `placed` says where a link leads; what leads nowhere stays as text.
pub(super) fn render(text: &str, placed: &dyn Fn(&str) -> Option<String>) -> Rendered {
    let mut writer =
        Writer { placed, done: Rendered::default(), gathered: None, open: Vec::new(), head: false };
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        writer.take(event);
    }
    writer.done
}

/// Text that means only itself.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

/// The anchor of a heading, as forges make it.
pub(super) fn slug(text: &str) -> String {
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A block of code, whose prompts are not copied along.
pub(super) fn code(language: &str, text: &str) -> String {
    let mut html = format!(
        "<pre class=\"code\" tabindex=\"0\"><code data-language=\"{}\">",
        escaped(language)
    );
    for line in text.lines() {
        match line.strip_prefix("$ ").filter(|_| language == "console") {
            Some(command) => {
                let _ = write!(html, "<span class=\"prompt\">$ </span>{}", escaped(command));
            }
            None => html.push_str(&escaped(line)),
        }
        html.push('\n');
    }
    html + "</code></pre>\n"
}

struct Writer<'a> {
    placed: &'a dyn Fn(&str) -> Option<String>,
    done: Rendered,
    /// The plain text of the heading, paragraph or code that is being read.
    gathered: Option<String>,
    /// What closes the links that are open.
    open: Vec<&'static str>,
    /// Whether a table's head is being read.
    head: bool,
}

impl Writer<'_> {
    fn put(&mut self, html: &str) {
        self.done.html.push_str(html);
    }

    fn text(&mut self, text: &str) {
        if let Some(gathered) = &mut self.gathered {
            gathered.push_str(text);
        }
        self.put(&escaped(text));
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => {
                self.put("<code>");
                self.text(&text);
                self.put("</code>");
            }
            Event::SoftBreak => self.text("\n"),
            Event::HardBreak => self.put("<br>"),
            Event::Rule => self.put("<hr>\n"),
            // Raw HTML is left out, with the comments that tests read; the rest is not switched on.
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { .. } => {
                self.gathered = Some(String::new());
                self.done.html.push('\u{0}');
            }
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language,
                    CodeBlockKind::Indented => CowStr::Borrowed(""),
                };
                self.gathered = Some(String::new());
                self.done.html.push('\u{0}');
                self.put(&language);
                self.done.html.push('\u{0}');
            }
            Tag::Paragraph => {
                if self.done.lead.is_empty() {
                    self.gathered = Some(String::new());
                }
                self.put("<p>");
            }
            Tag::BlockQuote(_) => self.put("<blockquote>\n"),
            Tag::List(None) => self.put("<ul>\n"),
            Tag::List(Some(first)) => {
                let html = format!("<ol start=\"{first}\">\n");
                self.put(&html);
            }
            Tag::Item => self.put("<li>"),
            Tag::Table(_) => {
                self.put("<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table>\n");
            }
            Tag::TableHead => {
                self.head = true;
                self.put("<thead><tr>");
            }
            Tag::TableRow => self.put("<tr>"),
            Tag::TableCell => self.put(if self.head { "<th scope=\"col\">" } else { "<td>" }),
            Tag::Emphasis => self.put("<em>"),
            Tag::Strong => self.put("<strong>"),
            Tag::Strikethrough => self.put("<s>"),
            Tag::Link { dest_url, .. } => {
                let (html, closing) = match (self.placed)(&dest_url) {
                    Some(to) => (format!("<a href=\"{}\">", escaped(&to)), "</a>"),
                    None => (
                        format!("<span title=\"in the source code: {}\">", escaped(&dest_url)),
                        "</span>",
                    ),
                };
                self.put(&html);
                self.open.push(closing);
            }
            Tag::Image { dest_url, .. } => {
                let to = (self.placed)(&dest_url).unwrap_or_default();
                let html = format!("<img src=\"{}\" alt=\"", escaped(&to));
                self.put(&html);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => self.heading(level),
            TagEnd::CodeBlock => {
                let text = self.gathered.take().unwrap_or_default();
                let mut marked = self.done.html.rsplitn(3, '\u{0}');
                let language = marked.nth(1).unwrap_or_default().to_owned();
                let before = marked.next().unwrap_or_default().to_owned();
                self.done.html = before + &code(&language, &text);
            }
            TagEnd::Paragraph => {
                if let Some(lead) = self.gathered.take().filter(|_| self.done.lead.is_empty()) {
                    self.done.lead = lead.replace('\n', " ");
                }
                self.put("</p>\n");
            }
            TagEnd::BlockQuote(_) => self.put("</blockquote>\n"),
            TagEnd::List(ordered) => self.put(if ordered { "</ol>\n" } else { "</ul>\n" }),
            TagEnd::Item => self.put("</li>\n"),
            TagEnd::Table => self.put("</tbody></table></div>\n"),
            TagEnd::TableHead => {
                self.head = false;
                self.put("</tr></thead>\n<tbody>\n");
            }
            TagEnd::TableRow => self.put("</tr>\n"),
            TagEnd::TableCell => self.put(if self.head { "</th>" } else { "</td>" }),
            TagEnd::Emphasis => self.put("</em>"),
            TagEnd::Strong => self.put("</strong>"),
            TagEnd::Strikethrough => self.put("</s>"),
            TagEnd::Link => {
                let closing = self.open.pop().unwrap_or_default();
                self.put(closing);
            }
            TagEnd::Image => self.put("\" loading=\"lazy\">"),
            _ => {}
        }
    }

    /// Puts the heading with its anchor where its text was begun.
    fn heading(&mut self, level: HeadingLevel) {
        let text = self.gathered.take().unwrap_or_default();
        let at = self.done.html.rfind('\u{0}').unwrap_or_default();
        let inner = self.done.html.split_off(at);
        let inner = inner.trim_start_matches('\u{0}');
        let level = level as u8;
        if level == 1 && self.done.title.is_empty() {
            self.done.title = text;
            return;
        }
        let mut id = slug(&text);
        let same = self.done.headings.iter().filter(|known| slug(&known.text) == id).count();
        if same > 0 {
            id = format!("{id}-{same}");
        }
        let level = level.clamp(2, 3);
        let html = format!(
            "<h{level} id=\"{id}\">{inner}<a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to: {}\">#</a></h{level}>\n",
            escaped(&text)
        );
        self.put(&html);
        self.done.headings.push(Heading { level, id, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        render(text, &|target| target.starts_with('#').then(|| target.to_owned())).html
    }

    #[test]
    fn markup_in_a_text_is_text_or_nothing() {
        assert_eq!(
            html("a <b>b</b> `<c>` & \"d\""),
            "<p>a b <code>&lt;c&gt;</code> &amp; &quot;d&quot;</p>\n"
        );
        assert_eq!(html("<!-- not run -->\n<script>x</script>\n"), "");
        assert_eq!(
            html("[x](javascript:y)"),
            "<p><span title=\"in the source code: javascript:y\">x</span></p>\n"
        );
    }

    #[test]
    fn headings_have_anchors_of_their_own() {
        let rendered = render("# T\nlead\n## A, `b`!\n### A b\n", &|_| None);
        assert_eq!(rendered.title, "T");
        assert_eq!(rendered.lead, "lead");
        let ids: Vec<_> =
            rendered.headings.iter().map(|one| (one.level, one.id.as_str())).collect();
        assert_eq!(ids, [(2, "a-b"), (3, "a-b-1")]);
        assert!(
            rendered
                .html
                .contains("<h2 id=\"a-b\">A, <code>b</code>!<a class=\"anchor\" href=\"#a-b\"")
        );
    }

    #[test]
    fn prompts_are_not_copied_with_a_command() {
        let block = html("```console\n$ ls <x>\nout\n```\n");
        assert!(
            block.contains("<span class=\"prompt\">$ </span>ls &lt;x&gt;\nout\n</code></pre>"),
            "{block}"
        );
        assert!(html("```sh\n$ ls\n```\n").contains(">$ ls\n"));
    }

    #[test]
    fn tables_and_lists_are_closed() {
        let table = html("| a | b |\n|---|---|\n| 1 | 2 |\n");
        assert!(table.contains("<thead><tr><th scope=\"col\">a</th><th scope=\"col\">b</th></tr></thead>\n<tbody>\n<tr><td>1</td><td>2</td></tr>\n</tbody></table></div>"), "{table}");
        assert_eq!(html("3. a\n"), "<ol start=\"3\">\n<li>a</li>\n</ol>\n");
    }
}

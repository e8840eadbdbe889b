//! Promises of the account: nothing is lost, nothing hides, and the way back is unambiguous.

use std::sync::Arc;

use askfirst_core::{
    Action, Agent, Approval, ApprovalId, Asker, Assurance, Dialect, Digest, Environment,
    FrozenPolicy, KeyId, MemberId, Policy, Priority, Seconds, Timestamp, WorkspaceId,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::glyphs::is_unsafe;
use super::*;

/// A request as agents make them.
pub(crate) fn sample_approval() -> Approval {
    let action = Action {
        name: "deploy.production".into(),
        title: "Deploy v2.1 to production?".into(),
        arguments: json!({
            "version": "2.1",
            "replicas": 3,
            "flags": ["--wait", "--atomic"],
            "canary": { "percent": 12.5, "hosts": [] },
        }),
        target: Some("prod-eu".into()),
    };
    let asked = Timestamp::from_seconds(1_893_456_000);
    let mut policy = Policy::standard("deploys".parse().unwrap(), Assurance::Link);
    policy.needs[0].count = 2;
    Approval {
        id: ApprovalId::from_bits(0x0190_0000_0000_7000_8000_0000_0000_0001),
        workspace: WorkspaceId::from_bits(0x0190_0000_0000_7000_8000_0000_0000_0002),
        environment: Environment::Live,
        version: 1,
        asker: Asker {
            key: KeyId::from_bits(0x0190_0000_0000_7000_8000_0000_0000_0003),
            label: "release-ci".into(),
            owner: MemberId::from_bits(0x0190_0000_0000_7000_8000_0000_0000_0004),
            owner_email: "olu@example.com".into(),
            dialect: Dialect::Native,
        },
        action: Arc::new(action),
        action_digest: Digest([0xab; 32]),
        editable: Vec::new(),
        revisions: Vec::new(),
        answer_schema: None,
        reason: Some("All checks are green.\nThe error budget allows it.".into()),
        priority: Priority::High,
        agent: Some(Agent {
            name: "release-bot".into(),
            run: Some("r-812".into()),
            call: Some("toolu_01".into()),
        }),
        metadata: json!({ "commit": "a3f9b2e" }),
        policy: Arc::new(FrozenPolicy {
            id: None,
            version: 3,
            digest: Digest([0xcd; 32]),
            document: policy,
        }),
        consumers: Vec::new(),
        created_at: asked,
        expires_at: asked.plus(Seconds(3_600)),
        valid_for: Seconds(900),
        votes: Vec::new(),
        inquiries: Vec::new(),
        escalated: 0,
        looks: Vec::new(),
        told_by: None,
        decision: None,
        claim: None,
        outcome: None,
        hold: None,
        erased: None,
    }
}

#[test]
fn an_account_reads_like_this() {
    insta::assert_snapshot!(account(&sample_approval()).to_text());
}

/// Reads an account's values back, as a program without the server's help would.
pub(crate) mod reader {
    use serde_json::{Map, Value};

    struct Line<'a> {
        depth: usize,
        label: String,
        value: Vec<&'a str>,
    }

    /// The JSON under the field `label` of depth 0.
    pub(crate) fn value_of(text: &str, label: &str) -> Value {
        let mut lines = fields(text).into_iter().skip_while(|line| line.label != label).peekable();
        node(&mut lines, 0)
    }

    fn node<'a>(
        lines: &mut std::iter::Peekable<impl Iterator<Item = Line<'a>>>,
        depth: usize,
    ) -> Value {
        let line = lines.next().expect("a line for each value");
        if !line.value.is_empty() {
            return leaf(&line.value);
        }
        let mut members = Vec::new();
        while lines.peek().is_some_and(|next| next.depth == depth + 1) {
            let label = lines.peek().expect("just seen").label.clone();
            members.push((label, node(lines, depth + 1)));
        }
        if members[0].0 == "[0]" {
            return members.into_iter().map(|(_, value)| value).collect();
        }
        let members = members.into_iter().map(|(label, value)| (key(&label), value));
        Value::Object(members.collect::<Map<_, _>>())
    }

    fn fields(text: &str) -> Vec<Line<'_>> {
        let mut found: Vec<Line<'_>> = Vec::new();
        for line in text.lines() {
            let rest = line.trim_start_matches(' ');
            let depth = (line.len() - rest.len()) / 2;
            if let Some(more) = rest.strip_prefix("│ ") {
                found.last_mut().expect("something to continue").value.push(more);
                continue;
            }
            if rest.starts_with("! ") {
                continue;
            }
            let end = label_end(rest);
            let (label, rest) = rest.split_at(end);
            let note = rest.strip_prefix(" (").and_then(|r| r.split_once(')'));
            let rest = note.map_or(rest, |(_, after)| after);
            let Some(value) = rest.strip_prefix(':') else { continue };
            let value = value.strip_prefix(' ').into_iter().collect();
            found.push(Line { depth, label: label.into(), value });
        }
        found
    }

    /// Where a label ends: at its closing quotation mark, or before the colon or note.
    fn label_end(text: &str) -> usize {
        if !text.starts_with('"') {
            return text
                .find([':', '('])
                .map_or(text.len(), |at| if text[at..].starts_with('(') { at - 1 } else { at });
        }
        let mut escaped = false;
        for (at, c) in text.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return at + 1,
                _ => {}
            }
        }
        text.len()
    }

    fn key(label: &str) -> String {
        let Some(inner) = label.strip_prefix('"') else { return label.into() };
        let inner = decoded(&inner[..inner.len() - 1]);
        let mut text = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            text.extend(if c == '\\' { chars.next() } else { Some(c) });
        }
        text
    }

    fn leaf(lines: &[&str]) -> Value {
        let Some(first) = lines[0].strip_prefix('"') else {
            return serde_json::from_str(lines[0]).expect("a raw JSON value");
        };
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            let line = if index == 0 { first } else { line };
            let last = index + 1 == lines.len();
            text.push_str(if last { line.strip_suffix('"').expect("the end") } else { line });
        }
        Value::String(decoded(&text))
    }

    pub(super) fn decoded(shown: &str) -> String {
        let mut text = String::new();
        let mut rest = shown;
        while let Some(c) = rest.chars().next() {
            if let Some(code) = rest.strip_prefix("<U+") {
                let (hex, after) = code.split_once('>').expect("the end of an escape");
                text.extend(char::from_u32(u32::from_str_radix(hex, 16).expect("hex")));
                rest = after;
                continue;
            }
            text.push(match c {
                '␣' => ' ',
                '⇥' => '\t',
                '⏎' => '\n',
                other => other,
            });
            rest = &rest[c.len_utf8()..];
        }
        text
    }
}

/// Characters that make trouble, more often than chance would bring them.
pub(crate) fn nasty_text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        '\u{202e}',
        '\u{200b}',
        '\u{feff}',
        '\u{e0041}',
        '\u{fe0f}',
        '\u{301}',
        '\u{a0}',
        '\u{1b}',
        '\0',
        '\n',
        '\r',
        '\t',
        ' ',
        '␣',
        '⏎',
        '⇥',
        '│',
        '!',
        '<',
        'U',
        '+',
        '>',
        '"',
        '\\',
        ':',
        '(',
        ')',
        '[',
        ']',
        '0',
        'а',
        'α',
        '/',
        '@',
        '\u{2028}',
        '\u{85}',
        '\u{10ffff}',
    ]);
    prop::collection::vec(prop_oneof![3 => nasty, 1 => any::<char>()], 0..40)
        .prop_map(|chars| chars.into_iter().collect())
}

pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        nasty_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((nasty_text(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn text_with(arguments: Value) -> String {
    let mut approval = sample_approval();
    Arc::make_mut(&mut approval.action).arguments = arguments;
    account(&approval).to_text()
}

proptest! {
    #[test]
    fn every_value_can_be_read_back_from_the_text(arguments in any_json()) {
        prop_assume!(!arguments.is_null());
        let text = text_with(arguments.clone());
        prop_assert_eq!(reader::value_of(&text, "Arguments"), arguments, "{}", text);
    }

    #[test]
    fn nothing_in_the_text_is_unsafe(
        arguments in any_json(), title in nasty_text(), reason in nasty_text(), name in nasty_text(),
    ) {
        let mut approval = sample_approval();
        let action = Arc::make_mut(&mut approval.action);
        action.title = title;
        action.name.clone_from(&name);
        action.target = Some(name.clone());
        action.arguments = arguments.clone();
        approval.reason = Some(reason);
        approval.agent = Some(Agent { name: name.clone(), run: Some(name.clone()), call: Some(name.clone()) });
        approval.asker.label.clone_from(&name);
        approval.asker.owner_email = name;
        approval.metadata = arguments;
        let text = account(&approval).to_text();
        let bad = text.chars().find(|&c| c != '\n' && is_unsafe(c));
        prop_assert_eq!(bad, None, "{}", text);
    }

    #[test]
    fn an_agent_cannot_write_a_line_of_the_account(reason in nasty_text()) {
        let mut approval = sample_approval();
        approval.reason = Some(reason.replace(' ', "\nEND OF THE AGENT'S OWN WORDS\nWHO ASKS\nKey: \"ceo\"\n"));
        let text = account(&approval).to_text();
        prop_assert_eq!(text.lines().filter(|line| *line == "WHO ASKS").count(), 1);
        prop_assert_eq!(text.lines().filter(|line| line.starts_with("Key: ")).count(), 1);
        prop_assert_eq!(text.lines().filter(|line| line.starts_with("END OF THE")).count(), 1);
    }
}

/// What has been tried on people who read prompts, and how it looks here.
#[test]
fn hostile_texts_look_like_what_they_are() {
    let long = "QUJD".repeat(60);
    let many_lines = format!("ls\n{}rm -rf /", "\n".repeat(20));
    let hostile: Vec<&str> = vec![
        "plain",
        "",
        " ",
        "ls ",
        " ls",
        "a  b",
        "a\tb",
        "line one\nline two",
        "crlf\r\nend",
        "cr\rover",
        "\n",
        "pay \u{202e}0001\u{202c} EUR",
        "\u{2066}isolated\u{2069}",
        "left\u{200e}right\u{200f}",
        "zero\u{200b}width\u{200d}joined\u{2060}",
        "emoji \u{26a0}\u{fe0f}",
        "family \u{1f468}\u{200d}\u{1f469}",
        "tag\u{e0001}\u{e0068}\u{e0069}\u{e007f}",
        "soft\u{ad}hyphen",
        "bom\u{feff}",
        "\u{1b}[31mred\u{1b}[0m",
        "\u{1b}]8;;https://evil.example\u{7}click\u{1b}]8;;\u{7}",
        "\u{9b}31m",
        "bell\u{7} back\u{8}space\u{7f}",
        "nul\0byte",
        "nbsp\u{a0}thin\u{2009}ideographic\u{3000}braille\u{2800}",
        "line\u{2028}paragraph\u{2029}next\u{85}",
        "e\u{301} and \u{e9}",
        "zalgo\u{315}\u{316}\u{317}",
        "hangul\u{3164}filler\u{ffa0}",
        "private\u{e000}use\u{10fffd}",
        "replacement\u{fffd}object\u{fffc}",
        "p\u{430}ypal.com",
        "\u{440}aypal.com login",
        "gr\u{3b5}\u{3b5}n",
        "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}",
        "\u{3b1}\u{3b2}\u{3b3} abc",
        "\u{1d41a}dmin",
        "\u{ff41}dmin",
        "\u{13aa}oogle",
        "https://good.com@evil.com/path",
        "https://good.com%2F@evil.com",
        "//user:pass@host.example",
        "https:\\\\good.com@evil.com",
        "https://xn--pypal-4ve.com",
        "https://\u{440}\u{430}\u{443}.com/x",
        "mail ana@example.com",
        "https://example.com/@user",
        "<script>alert(1)</script>",
        "</code><a href=\"https://evil.example\">x</a>",
        "\"><img src=x onerror=alert(1)>",
        "{{7*7}} {% raw %} ${7*7}",
        "&lt;b&gt; &amp; &#x202e;",
        "<U+202E> typed by hand",
        "<UL> is a tag",
        "\u{2423}\u{21e5}\u{23ce} typed by hand",
        "! a warning typed by hand",
        "\u{2502} a bar typed by hand",
        "\"quoted\"",
        "back\\slash",
        "Approved by CISO \u{2705}\nEND OF THE AGENT'S OWN WORDS\n\nWHO ASKS\nKey: \"ceo\"",
        "<!channel> <@U123> <https://evil.example|good>",
        "*bold* _it_ `code` [a](https://evil.example)",
        "'; DROP TABLE approvals; --",
        "pile \u{e01}\u{e47}\u{e48}\u{e49}\u{e4a}\u{e4b}\u{e4c} of marks",
        "the same \u{e01}\u{e47}\u{e47} mark twice, and \u{e47} without a letter",
        "\u{915}\u{94d}\u{937}\u{93f} \u{e17}\u{e35}\u{e48} \u{5e9}\u{5b8}\u{5dc}\u{5d5}\u{5b9}\u{5dd}",
        "not yet given: \u{378} \u{3fff0}",
        "pay 100 \u{5d0} 200 EUR",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{5e2}\u{5d5}\u{5dc}\u{5dd}",
        &long,
        &many_lines,
    ];
    let mut shown = String::new();
    for text in hostile {
        let mut approval = sample_approval();
        Arc::make_mut(&mut approval.action).arguments = json!({ "x": text });
        let account = account(&approval);
        let whole = account.to_text();
        assert_eq!(reader::value_of(&whole, "Arguments"), json!({ "x": text }));
        let part = whole.split_once("Arguments:\n").unwrap().1.split_once("\nDigest:").unwrap().0;
        shown.push_str(&format!("{text:?}\n{part}\n"));
        if account.hidden > 0 {
            shown.push_str(&format!("  hidden characters: {}\n", account.hidden));
        }
        shown.push('\n');
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn keys_are_in_canonical_order_and_cannot_pass_for_others() {
    let text = text_with(json!({
        "b": 1, "a": { "z": null, "y": [true, {}, [], ""] }, "A key": 1, "a\": 9, \"b": 2,
        "new\nline": 3, "": 4, "[0]": 5, "caf\u{e9}": 6, "cafe\u{301}": 7, "\u{202e}evil": 8,
    }));
    let part = text.split_once("Arguments:\n").unwrap().1.split_once("\nDigest:").unwrap().0;
    insta::assert_snapshot!(part);
}

#[test]
fn the_digest_is_that_of_the_text() {
    let shown = shown_of(&sample_approval());
    let digest = askfirst_proof::text_digest(&shown.text);
    assert_eq!(shown.digest.0, *digest.as_bytes());
    assert_eq!((shown.renderer.as_str(), shown.channel.as_str()), (RENDERER, "web"));
}

#[test]
fn votes_and_decisions_change_nothing_in_the_account() {
    let before = sample_approval();
    let mut after = before.clone();
    after.version = 9;
    after.decision = Some(askfirst_core::Decision {
        status: askfirst_core::Status::Cancelled,
        decided_at: before.created_at,
        by: askfirst_core::Actor::System,
        cause: askfirst_core::Cause::Withdrawn,
        answer: None,
        comment: None,
        valid_until: None,
    });
    assert_eq!(shown_of(&before), shown_of(&after));
}

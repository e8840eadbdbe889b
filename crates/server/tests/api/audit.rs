//! The audit log by its filters, and taken away as JSON Lines and CSV.

use askfirst_core::Scope;
use serde_json::{Value, json};

use crate::support::workspace::wish;
use crate::support::{Client, TestServer};

/// Every entry that a query finds, page by page.
async fn all(reader: &Client, query: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = reader.get(format!("/v1/audit?limit=3&{query}{cursor}")).await.expect(200);
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn entries_are_found_by_kind_person_subject_and_time() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let ana = workspace.member("ana").await;
    let voter = workspace.decider(ana).await;
    let asked = server.asker().ask("deploy").await;
    server.clock.advance(600);
    voter.approve(&asked).await.expect(200);
    let reader = workspace.client(&[Scope::Audit]).await;
    let whole = all(&reader, "").await;
    let count = |wanted: &dyn Fn(&Value) -> bool| whole.iter().filter(|e| wanted(e)).count();

    let id = asked["id"].as_str().unwrap();
    let agents_key = asked["asker"]["key"].as_str().unwrap();
    for (query, found) in [
        ("kind=approval.voted".to_owned(), 1),
        ("kind=approval".into(), 3),
        ("kind=key".into(), count(&|e| e["kind"] == "key.added")),
        ("kind=never.heard_of".into(), 0),
        ("actor=system".into(), count(&|e| e["actor"] == "system")),
        (format!("actor={agents_key}"), 1),
        (format!("actor=key:{agents_key}"), 1),
        ("actor=ANA@example.com".into(), count(&|e| e["actor"] == "member:ana@example.com")),
        (format!("actor={ana}"), count(&|e| e["actor"] == "member:ana@example.com")),
        ("actor=mem_00000000000000000000000000".into(), 0),
        ("actor=nobody@example.com".into(), 0),
        (format!("subject={id}"), 3),
        (format!("subject={id}&kind=approval.approved"), 1),
        ("subject=%25".into(), 0),
        ("since=2030-01-01T00:10:00Z&kind=approval".into(), 2),
        ("until=2030-01-01T00:10:00Z&kind=approval".into(), 1),
        ("since=2030-01-02".into(), 0),
    ] {
        let entries = all(&reader, &query).await;
        assert_eq!(entries.len(), found, "{query}");
        assert!(entries.iter().all(|entry| whole.contains(entry)), "{query}");
    }
    for (path, pointer) in [
        ("/v1/audit?kind=%25", "?kind"),
        ("/v1/audit?kind=", "?kind"),
        ("/v1/audit?actor=ana", "?actor"),
        ("/v1/audit?since=soon", "?since"),
        ("/v1/audit?since=2030-01-02&until=2030-01-01", "?until"),
        ("/v1/audit?format=xml", "?format"),
        ("/v1/audit?format=csv&limit=5", "?limit"),
        ("/v1/audit?form=csv", "?form"),
    ] {
        let answer = reader.get(path).await;
        assert_eq!(answer.problem(), "400 bad_request", "{path}");
        assert_eq!(answer.pointers(), [pointer], "{path}");
    }
}

#[tokio::test]
async fn all_of_it_is_taken_away_in_one_go() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    // Names that a spreadsheet would calculate, or that would end a cell.
    for label in ["=HYPERLINK(\"https://evil.example\")", "a,b\"c", "plain"] {
        let wish = askfirst_server::service::keys::KeyWish {
            label: label.into(),
            ..wish(&[Scope::Audit])
        };
        workspace.key(wish).await;
    }
    // More than is read at once.
    for _ in 0..520 {
        workspace.group(&format!("g{}", askfirst_server::mint::request_id()), &[]).await;
    }
    let reader = workspace.client(&[Scope::Audit]).await;
    let get = |query: &str, accept: &str| {
        let path = format!("/v1/audit{query}");
        reader.call(hyper::Method::GET, path).header("accept", accept).send()
    };
    let lines = get("", "application/jsonl").await;
    assert_eq!(lines.status, 200);
    assert_eq!(lines.header("content-type"), "application/jsonl");
    assert_eq!(lines.header("vary"), "accept");
    let text = String::from_utf8(lines.body.to_vec()).unwrap();
    let entries: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(entries.len() > 520, "{}", entries.len());
    assert_eq!(entries, all(&reader, "").await);
    // What is taken away is what the chain's check wants.
    let mut chain: Option<askfirst_proof::log::Chain<'_>> = None;
    for mut entry in entries.clone() {
        let hash = entry.as_object_mut().unwrap().remove("hash").unwrap();
        let entry: askfirst_proof::log::Entry = serde_json::from_value(entry).unwrap();
        let chain = chain.get_or_insert_with(|| {
            askfirst_proof::log::Chain::start(entry.workspace.clone(), &[]).unwrap()
        });
        chain.check(&entry, hash.as_str().unwrap().parse().unwrap()).unwrap();
    }

    let csv = get("?format=csv&kind=key.added", "*/*").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"audit.csv\"");
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    let rows = rows(&text);
    assert_eq!(rows[0], ["index", "at", "actor", "kind", "subject", "detail", "previous", "hash"]);
    let keys: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "key.added").collect();
    assert_eq!(rows.len() - 1, keys.len());
    for (row, entry) in rows[1..].iter().zip(keys) {
        assert_eq!(row[0], entry["index"].to_string());
        assert_eq!(row[2], entry["actor"].as_str().unwrap());
        assert_eq!(serde_json::from_str::<Value>(&row[5]).unwrap(), entry["detail"]);
        assert_eq!(row[7], entry["hash"].as_str().unwrap());
        for cell in row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?}");
        }
    }
    // Who may not read the log gets it in no format.
    for query in ["?format=csv", "?format=jsonl"] {
        let refused = server.asker().get(format!("/v1/audit{query}")).await;
        assert_eq!(refused.problem(), "403 forbidden");
    }
    let nothing = get("?format=jsonl&kind=never", "*/*").await;
    assert_eq!((nothing.status, nothing.body.len()), (200, 0));
    assert_eq!(get("", "*/*").await.json()["data"].as_array().unwrap().len(), 25);
    assert_eq!(json!(entries.len()), entries.last().unwrap()["index"]);
}

/// Reads RFC 4180, the way a spreadsheet does.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let (mut quoted, mut letters) = (false, text.chars().peekable());
    while let Some(letter) = letters.next() {
        let row = rows.last_mut().unwrap();
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                row.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted && letters.peek() == Some(&'\n') => {
                letters.next();
                rows.push(vec![String::new()]);
            }
            other => row.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(rows.pop().unwrap(), [""], "the last line ends, too");
    rows
}

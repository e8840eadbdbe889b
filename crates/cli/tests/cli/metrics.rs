//! `/metrics`: what is counted, where it can be read, and that no client can make it grow.

use std::collections::BTreeMap;

use rustix::process::Signal;

use crate::support::{PATIENCE, command, eventually, finish};
use crate::tls::{Site, exchange, logged};
use crate::webhooks::listen;

/// Every sample by its name and labels.
fn samples(port: u16) -> BTreeMap<String, f64> {
    let answer = exchange(port, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/openmetrics-text"), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    let lines = body.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

#[test]
fn what_happens_is_counted_and_read_at_an_address_of_its_own() {
    let site = Site::new();
    let (mut server, port) = site.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let told = logged(&mut server, "metrics can be read");
    let metrics = told["address"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let client = |key: &str, args: &[&str]| {
        let mut client = command(args);
        client.env("ASKFIRST_URL", format!("http://127.0.0.1:{port}")).env("ASKFIRST_KEY", key);
        finish(client).expect(0).json()
    };
    let made = ["keys", "create", "--name", "bot", "--scopes", "ask", "--json"];
    let agent = client(&site.admin, &made)["key"].as_str().unwrap().to_owned();
    let asked = client(&agent, &["ask", "Go?", "--no-wait", "--json"]);
    let first = samples(metrics);
    assert_eq!(first["askfirst_events_total{event=\"asked\"}"], 1.0, "{first:?}");
    assert_eq!(first["askfirst_pending"], 1.0);
    assert_eq!(first["askfirst_writable"], 1.0);
    assert_eq!(first["askfirst_timer_late_seconds"], 0.0);
    assert_eq!(first["askfirst_build_info{version=\"0.1.0\"}"], 1.0);
    let put = "askfirst_requests_total{method=\"POST\",route=\"/v1/approvals\",status=\"2xx\"}";
    assert_eq!(first[put], 1.0, "{first:?}");
    assert_eq!(first["askfirst_request_seconds_count{route=\"/v1/approvals\"}"], 1.0);
    assert!(first["askfirst_writer_operations_total"] >= first["askfirst_writer_batches_total"]);
    assert!(first["askfirst_writer_batches_total"] >= 2.0, "{first:?}");

    client(&agent, &["cancel", asked["id"].as_str().unwrap(), "--json"]);
    let second = samples(metrics);
    assert_eq!(second["askfirst_events_total{event=\"cancelled\"}"], 1.0);
    assert_eq!(second["askfirst_pending"], 0.0);
    assert!(second["askfirst_writer_batches_total"] > first["askfirst_writer_batches_total"]);

    // Whoever reaches the server itself does not reach them.
    let head = "Host: ask.example.com\r\nConnection: close";
    let outside = exchange(port, &format!("GET /metrics HTTP/1.1\r\n{head}\r\n\r\n"));
    assert!(outside.starts_with("HTTP/1.1 404"), "{outside}");
    let wrong =
        exchange(metrics, "GET /v1/approvals HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(wrong.starts_with("HTTP/1.1 404"), "{wrong}");
    server.signal(Signal::TERM);
    server.end().expect(0);
}

#[test]
fn what_is_on_its_way_to_webhooks_is_counted() {
    let site = Site::new();
    let (url, got) = listen();
    let hook = url.trim_end_matches('/').rsplit(':').next().unwrap();
    let mut config = std::fs::read_to_string(&site.config).unwrap();
    config += &format!("\n[outgoing]\nallowed_hosts = [\"127.0.0.1\"]\nallowed_ports = [{hook}]\n");
    std::fs::write(&site.config, config).unwrap();
    let (mut server, port) = site.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let told = logged(&mut server, "metrics can be read");
    let metrics = told["address"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let wish = format!("{{\"url\": \"{url}\", \"events\": [\"asked\"]}}");
    let made = exchange(
        port,
        &format!(
            "POST /v1/webhooks HTTP/1.1\r\nHost: ask.example.com\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{wish}",
            site.admin,
            wish.len()
        ),
    );
    assert!(made.contains("\"state\":\"active\""), "{made}");
    let client = |key: &str, args: &[&str]| {
        let mut client = command(args);
        client.env("ASKFIRST_URL", format!("http://127.0.0.1:{port}")).env("ASKFIRST_KEY", key);
        finish(client).expect(0).json()
    };
    let made = ["keys", "create", "--name", "bot", "--scopes", "ask", "--json"];
    let agent = client(&site.admin, &made)["key"].as_str().unwrap().to_owned();
    let attempts =
        |result: &str| format!("askfirst_delivery_attempts_total{{result=\"{result}\"}}");
    for (answer, result, waiting, dead) in [
        ("204 No Content", "delivered", 0.0, 0.0),
        ("500 Internal Server Error", "retried", 1.0, 0.0),
        ("410 Gone", "disabled", 1.0, 1.0),
    ] {
        client(&agent, &["ask", "Go?", "--no-wait", "--json"]);
        let message = got.recv_timeout(PATIENCE).unwrap();
        let held = samples(metrics);
        assert!(held["askfirst_deliveries_waiting"] >= 1.0, "{held:?}");
        assert!(!held.contains_key(&attempts(result)), "{held:?}");
        message.answer(answer);
        eventually(|| {
            let now = samples(metrics);
            now.get(&attempts(result)) == Some(&1.0)
                && now["askfirst_deliveries_waiting"] == waiting
                && now["askfirst_deliveries_dead"] == dead
        });
    }
    server.signal(Signal::TERM);
    server.end().expect(0);
}

#[test]
fn no_client_can_make_the_metrics_grow_or_write_into_them() {
    let site = Site::new();
    // Nobody reads its log, so it must not fill the pipe.
    let quiet = ["--log", "info,askfirst_server::http=warn"];
    let flags = [&["--metrics-listen", "127.0.0.1:0"], &quiet[..]].concat();
    let (mut server, port) = site.serve(&flags);
    let told = logged(&mut server, "metrics can be read");
    let metrics = told["address"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let noise = |number: usize| {
        for line in [
            format!("GET /v1/approvals/apr_noise{number} HTTP/1.1"),
            format!("NOISE{number} /v1/approvals HTTP/1.1"),
            format!("GET /noise/{number} HTTP/1.1"),
            format!("GET /a/noise{number} HTTP/1.1"),
            format!("POST /v1/noise{number}?noise={number} HTTP/1.1"),
            format!("GET /login/noise{number} HTTP/1.1"),
        ] {
            let head = format!("Host: ask.example.com\r\nUser-Agent: noise{number}");
            let head =
                format!("{head}\r\nAuthorization: Bearer noise{number}\r\nConnection: close");
            let answer = exchange(port, &format!("{line}\r\n{head}\r\n\r\n"));
            assert!(answer.starts_with("HTTP/1.1 "), "{line}: {answer}");
            exchange(port, &format!("{line}\r\nHost: noise{number}\r\nConnection: close\r\n\r\n"));
        }
    };
    noise(0);
    let before = samples(metrics);
    (1..20).for_each(noise);
    let after = samples(metrics);
    let names = |samples: &BTreeMap<String, f64>| samples.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after));
    assert!(!names(&after).iter().any(|name| name.to_lowercase().contains("noise")), "{after:?}");
    let unknown =
        "askfirst_requests_total{method=\"other\",route=\"/v1/approvals\",status=\"4xx\"}";
    assert_eq!(after[unknown], 40.0, "{after:?}");
    server.signal(Signal::TERM);
    server.end().expect(0);
}

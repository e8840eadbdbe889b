//! What speaking another product's API costs: the same question asked and read in ours and in each
//! of the others, on one server, in turns which first, so that the ratios hold whatever the machine
//! does meanwhile.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::server::Server;
use crate::spans::median;

/// Clients at a time.
const CLIENTS: usize = 8;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The askfirst binary, built with `--profile dist`.
    #[arg(long, default_value = "target/dist/askfirst")]
    binary: PathBuf,
    /// Questions in a round, in each API.
    #[arg(long, default_value_t = 8_000)]
    requests: usize,
    /// Rounds; the median ratio counts. One more, that warms up, is not counted.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Fails above this ratio.
    #[arg(long)]
    most: Option<f64>,
}

/// One API: where one asks, with which key, and the question.
#[derive(Clone)]
struct Api {
    name: &'static str,
    path: &'static str,
    key: String,
    body: String,
    /// Where the answer says what the question is known by.
    id: &'static str,
    /// What asks for a link afterwards, where the answer brings none.
    link: Option<String>,
    /// What it is compared with: what does the same in ours.
    ours: &'static str,
}

/// Prints how long each takes, and its ratio to ours.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    if options.rounds == 0 || options.requests < CLIENTS {
        bail!("at least 1 round of at least {CLIENTS} questions");
    }
    let data = tempfile::tempdir()?;
    let server = Server::askfirst(&options.binary, data.path()).await?;
    let url = server.ready.url.clone();
    let mut apis = apis(&server).await?;
    let mut ratios: BTreeMap<&str, [Vec<f64>; 2]> = BTreeMap::new();
    println!("| round | API | ask | read | ask, of ours | read, of ours |");
    println!("|---|---|---|---|---|---|");
    for round in 0..=options.rounds {
        // Whoever is first finds another machine than who is last.
        apis.rotate_left(1);
        let mut took = Vec::new();
        for api in &apis {
            took.push((api.name, lap(&url, api, options.requests).await?));
        }
        let spent: BTreeMap<_, _> = took.iter().copied().collect();
        for api in &apis {
            let (name, spent, ours) = (api.name, spent[api.name], spent[api.ours]);
            let of_ours = [spent[0] / ours[0], spent[1] / ours[1]];
            if round == 0 {
                continue;
            }
            let each = spent.map(|seconds| seconds * 1e6 / options.requests as f64);
            println!(
                "| {round} | {name} | {:.0} µs | {:.0} µs | {:.2}x | {:.2}x |",
                each[0], each[1], of_ours[0], of_ours[1]
            );
            for (known, ratio) in ratios.entry(name).or_default().iter_mut().zip(of_ours) {
                known.push(ratio);
            }
        }
    }
    let mut worst = 0.0_f64;
    println!();
    for (name, [ask, read]) in ratios {
        let (ask, read) = (median(ask), median(read));
        println!("median of {name}: ask {ask:.2}x, read {read:.2}x");
        worst = worst.max(ask).max(read);
    }
    match options.most {
        Some(most) if worst > most => bail!("more than {most:.2}x"),
        _ => Ok(()),
    }
}

const OURS: &str = "native";
/// An ask, and another call that makes the link which comes with HoldOn's.
const OURS_WITH_LINK: &str = "native, then a link";

/// Every API, each with a key.
async fn apis(server: &Server) -> anyhow::Result<Vec<Api>> {
    let mut client = Client::connect(&server.ready.url).await?;
    let mut keys = Vec::new();
    let admin = &server.ready.admin_key;
    // Whoever has the link that comes with the answer decides in this person's name.
    let contact = json!({ "email": "joe@example.com", "name": "Joe", "role": "contact" });
    client.call("POST", "/v1/members", admin, &contact.to_string()).await?;
    let needs = json!([{ "from": ["contact:joe@example.com"] }]);
    let links = json!({ "name": "links", "needs": needs, "assurance": "bearer" }).to_string();
    client.call("POST", "/v1/policies", admin, &links).await?;
    for (dialect, policy) in
        [("ambedo", "default"), ("proof", "default"), ("holdon", "default"), ("holdon", "links")]
    {
        let wish = json!({
            "name": dialect, "dialect": dialect, "scopes": ["ask"], "policies": [policy],
        });
        let made = client.call("POST", "/v1/keys", admin, &wish.to_string()).await?.json();
        keys.push(made["key"].as_str().context("no key was made")?.to_owned());
    }
    let [ambedo, proof, holdon, links] = keys.try_into().ok().context("four keys")?;
    let config = json!({ "name": "bench", "channels": [{ "type": "browser" }] }).to_string();
    let config = client.call("POST", "/api/v1/hitl", &proof, &config).await?.json();
    let text = "Deploy v2.1 to production?";
    let action = json!({ "name": "deploy", "title": text, "arguments": { "action": text } });
    let api = |name, path, key: String, body: Value, id| Api {
        name,
        path,
        key,
        body: body.to_string(),
        id,
        link: None,
        ours: OURS,
    };
    let ours = server.ready.agent_key.clone();
    let under = json!({ "action": action, "policy": "links" });
    let native_link = Api {
        link: Some(json!({ "member": "joe@example.com" }).to_string()),
        ours: OURS_WITH_LINK,
        ..api(OURS_WITH_LINK, "/v1/approvals", ours.clone(), under, "id")
    };
    let holdon_link = Api {
        ours: OURS_WITH_LINK,
        ..api("holdon, with a link", "/api/approvals", links, json!({ "action": text }), "id")
    };
    let confirmation = json!({ "hitl_id": config["id"], "message": text });
    Ok(vec![
        api(OURS, "/v1/approvals", ours, json!({ "action": action }), "id"),
        api("ambedo", "/api/pause", ambedo, json!({ "action": text }), "watchId"),
        api("proof", "/api/v1/confirmations", proof, confirmation, "id"),
        api("holdon", "/api/approvals", holdon, json!({ "action": text }), "id"),
        native_link,
        holdon_link,
    ])
}

/// How many seconds so many questions take to ask, and then to read.
async fn lap(url: &str, api: &Api, requests: usize) -> anyhow::Result<[f64; 2]> {
    let began = Instant::now();
    let ids = each(url, api, vec![String::new(); requests], true).await?;
    let asked = began.elapsed().as_secs_f64();
    let began = Instant::now();
    each(url, api, ids, false).await?;
    Ok([asked, began.elapsed().as_secs_f64()])
}

/// Asks once for each, or reads what is known by it; gives what each is known by.
async fn each(url: &str, api: &Api, ids: Vec<String>, asks: bool) -> anyhow::Result<Vec<String>> {
    let mut clients = JoinSet::new();
    for share in ids.chunks(ids.len().div_ceil(CLIENTS)) {
        let (url, api, share) = (url.to_owned(), api.clone(), share.to_vec());
        clients.spawn(async move {
            let mut client = Client::connect(&url).await?;
            let mut known = Vec::with_capacity(share.len());
            for id in share {
                let reply = if asks {
                    client.call("POST", api.path, &api.key, &api.body).await?
                } else {
                    client.call("GET", &format!("{}/{id}", api.path), &api.key, "").await?
                };
                if reply.status != if asks { 201 } else { 200 } {
                    bail!("{} answered {}: {}", api.name, reply.status, reply.json());
                }
                // Reading what is there to be read is not the server's.
                let told =
                    if asks { reply.json()[api.id].as_str().map(str::to_owned) } else { None };
                let id = told.unwrap_or(id);
                if let Some(link) = api.link.as_ref().filter(|_| asks) {
                    let path = format!("{}/{id}/links", api.path);
                    let made = client.call("POST", &path, &api.key, link).await?;
                    if made.status != 201 {
                        bail!("no link was made: {}", made.json());
                    }
                }
                known.push(id);
            }
            anyhow::Ok(known)
        });
    }
    let mut all = Vec::with_capacity(ids.len());
    while let Some(known) = clients.join_next().await {
        all.extend(known??);
    }
    Ok(all)
}

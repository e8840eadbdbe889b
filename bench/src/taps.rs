//! How soon a tap on Telegram is answered, and how soon every other card says so, at a steady rate;
//! and what many people on one bot take of memory. Telegram is the kit's, in this process.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use askfirst_kit::telegram::{Bot, Chat, Person, Telegram};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::server::Server;
use crate::spans::{Pace, Spans, median};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The askfirst binary, built with `--profile dist`.
    #[arg(long, default_value = "target/dist/askfirst")]
    binary: PathBuf,
    /// Taps each second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Pairs of people; each pair is asked three times a round, and both tap each time.
    #[arg(long, default_value_t = 300)]
    pairs: u32,
    /// Rounds, each on a new server; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// People who link an account besides, only to see what they take of memory.
    #[arg(long, default_value_t = 0)]
    crowd: u32,
    /// Fails if the median p99 until a tap is answered, in milliseconds, is above this.
    #[arg(long)]
    most: Option<f64>,
}

/// Of each pair so many requests; more would be gathered, as nobody's phone is flooded.
const EACH: u32 = 3;
/// How long all cards may take to say what became of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Who set everything up at once.
const CLIENTS: u32 = 8;

/// Prints a row for each round.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(options.rate > 0 && options.pairs > 0 && options.rounds > 0, "one of each");
    println!(
        "| round | taps | answered p50 | p99 | other cards p50 | p99 | last | memory of the crowd |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let Round { answered, told, taps, memory } = one(&options).await?;
        println!(
            "| {round} | {taps} | {:.1} ms | {:.1} ms | {:.0} ms | {:.0} ms | {:.0} ms | {memory:+.1} MiB |",
            answered.at(50),
            answered.at(99),
            told.at(50),
            told.at(99),
            told.at(100),
        );
        rounds.push(answered.at(99));
    }
    let p99 = median(rounds);
    println!("\nmedian round: a tap is answered within {p99:.1} ms (p99)");
    match options.most {
        Some(most) if p99 > most => bail!("more than {most} ms"),
        _ => Ok(()),
    }
}

struct Round {
    /// From the tap until its answer came.
    answered: Spans,
    /// From the tap until the card of the other one was changed.
    told: Spans,
    taps: usize,
    memory: f64,
}

/// A server with a bot, and who sets things up there.
struct Stage {
    server: Server,
    telegram: Telegram,
    bot: Bot,
    channel: String,
}

impl Stage {
    async fn admin(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let mut client = Client::connect(&self.server.ready.url).await?;
        self.by(&mut client, method, path, body).await
    }

    async fn by(
        &self,
        client: &mut Client,
        method: &str,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let key = &self.server.ready.admin_key;
        let request = client.request(method, path, key, &body.to_string(), "");
        let reply = client.send(&request).await?;
        ensure!((200..300).contains(&reply.status), "{method} {path}: {}", reply.json());
        Ok(if reply.body.is_empty() { Value::Null } else { reply.json() })
    }

    /// A member who has linked an account.
    async fn person(&self, client: &mut Client, name: &str) -> anyhow::Result<Person> {
        let email = format!("{name}@example.com");
        let body = json!({ "email": email, "name": name, "role": "approver" });
        let member = self.by(client, "POST", "/v1/members", &body).await?;
        let path = |rest: &str| format!("/v1/channels/{}/codes{rest}", self.channel);
        let wish = json!({ "member": member["id"] });
        let made = self.by(client, "POST", &path(""), &wish).await?;
        let code = made["code"].as_str().context("no code")?;
        let person = self.telegram.person(name);
        self.telegram.presses_start(&person, &self.bot, Some(code)).map_err(unable)?;
        self.telegram.card_after(self.bot.chat(&person), 0).await.map_err(in_vain)?;
        let confirm = json!({ "code": code, "member": member["id"],
            "account": person.id.to_string() });
        self.by(client, "POST", &path("/confirm"), &confirm).await?;
        Ok(person)
    }

    async fn people(&self, prefix: &str, count: u32) -> anyhow::Result<Vec<Person>> {
        let mut all = Vec::new();
        for first in (0..count).step_by(CLIENTS as usize) {
            let last = count.min(first + CLIENTS);
            let some = (first..last).map(|number| async move {
                let mut client = Client::connect(&self.server.ready.url).await?;
                self.person(&mut client, &format!("{prefix}{number}")).await
            });
            for one in join_all(some).await {
                all.push(one?);
            }
        }
        Ok(all)
    }
}

fn unable(error: askfirst_kit::telegram::Unable) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}

fn in_vain(error: askfirst_kit::telegram::InVain) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}

async fn one(options: &Options) -> anyhow::Result<Round> {
    let data = tempfile::tempdir()?;
    let server = Server::askfirst(&options.binary, data.path()).await?;
    let telegram = Telegram::start().await?;
    let bot = telegram.bot("bench_bot");
    let mut stage = Stage { server, telegram, bot, channel: String::new() };
    let wish = json!({ "kind": "telegram", "token": stage.bot.token, "api": stage.telegram.url() });
    let made = stage.admin("POST", "/v1/channels", &wish).await?;
    made["id"].as_str().context("no channel")?.clone_into(&mut stage.channel);
    let memory = crowd(&stage, options.crowd).await?;

    let people = stage.people("p", options.pairs * 2).await?;
    for pair in 0..options.pairs {
        let names = [2 * pair, 2 * pair + 1].map(|number| format!("member:p{number}@example.com"));
        let policy = json!({ "name": format!("pair{pair}"), "assurance": "link",
            "needs": [{ "from": names, "count": 2 }] });
        stage.admin("POST", "/v1/policies", &policy).await?;
    }
    let asked = ask(&stage, options).await?;
    let cards = cards(&stage, &people, asked.len()).await?;
    let taps = tap(&stage, options, cards).await?;
    settled(&stage, asked.len() * 2).await?;
    let round = measured(&stage, &taps, memory)?;
    stage.server.kill().await?;
    Ok(round)
}

/// Requests that fill what the database keeps of its pages in memory, whatever they are of.
const FILLING: u32 = 12_000;

/// What so many people take of memory, in MiB, besides the pages that the database keeps anyhow.
async fn crowd(stage: &Stage, count: u32) -> anyhow::Result<f64> {
    if count == 0 {
        return Ok(0.0);
    }
    let fill = (0..CLIENTS).map(|client| async move {
        let numbers = (0..FILLING).filter(move |number| number % CLIENTS == client);
        let mut client = Client::connect(&stage.server.ready.url).await?;
        let key = &stage.server.ready.agent_key;
        for number in numbers {
            let body = json!({ "action": { "name": "deploy.production",
                "title": format!("Deploy {number}?"), "arguments": { "version": number } } });
            let request = client.request("POST", "/v1/approvals", key, &body.to_string(), "");
            let asked = client.send(&request).await?.json();
            let id = asked["id"].as_str().with_context(|| format!("refused: {asked}"))?;
            let path = format!("/v1/approvals/{id}/cancel");
            let request = client.request("POST", &path, key, "{}", "");
            ensure!(client.send(&request).await?.status == 200, "not cancelled");
        }
        anyhow::Ok(())
    });
    for one in join_all(fill).await {
        one?;
    }
    let before = stage.server.memory()?;
    stage.people("crowd", count).await?;
    Ok(stage.server.memory()? - before)
}

/// Puts all questions; their ids, each with its pair.
async fn ask(stage: &Stage, options: &Options) -> anyhow::Result<Vec<String>> {
    let mut client = Client::connect(&stage.server.ready.url).await?;
    let key = stage.server.ready.agent_key.clone();
    let mut all = Vec::new();
    for number in 0..options.pairs * EACH {
        let body = json!({ "policy": format!("pair{}", number % options.pairs),
            "action": { "name": "deploy.production", "title": format!("Deploy {number}?"),
                "arguments": { "version": number } } });
        let request = client.request("POST", "/v1/approvals", &key, &body.to_string(), "");
        let reply = client.send(&request).await?.json();
        all.push(reply["id"].as_str().with_context(|| format!("refused: {reply}"))?.to_owned());
    }
    Ok(all)
}

/// One card of somebody's.
struct Card {
    person: Person,
    chat: Chat,
    message: i64,
    other: (i64, i64),
}

/// All cards, once all are there, in pairs: first those of one half of the people.
async fn cards(stage: &Stage, people: &[Person], asked: usize) -> anyhow::Result<Vec<Card>> {
    let titles = |world: &askfirst_kit::telegram::World| {
        let mut found: HashMap<String, Vec<(usize, i64)>> = HashMap::new();
        for (index, person) in people.iter().enumerate() {
            for card in world.cards(stage.bot.chat(person)) {
                let title = card.text.lines().find(|line| line.starts_with("Title: "));
                if let Some(title) = title.filter(|_| card.button("Approve").is_some()) {
                    found.entry(title.to_owned()).or_default().push((index, card.id));
                }
            }
        }
        (found.values().map(Vec::len).sum::<usize>() == asked * 2).then_some(found)
    };
    let began = Instant::now();
    let found = loop {
        if let Some(found) = stage.telegram.look(titles) {
            break found;
        }
        ensure!(began.elapsed() < PATIENCE * 3, "not all cards came");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for pair in found.into_values() {
        let [one, two] = pair[..] else { bail!("{} cards of one request", pair.len()) };
        for (list, (index, message), other) in [(&mut first, one, two), (&mut second, two, one)] {
            let person = people[index].clone();
            let other = (people[other.0].id, other.1);
            list.push(Card { chat: stage.bot.chat(&person), person, message, other });
        }
    }
    first.extend(second);
    Ok(first)
}

/// What was tapped, and the card of the other one.
struct Tapped {
    tap: String,
    other: (i64, i64),
}

async fn tap(stage: &Stage, options: &Options, cards: Vec<Card>) -> anyhow::Result<Vec<Tapped>> {
    let pace = Pace::new(options.rate);
    let mut waiting = JoinSet::new();
    let mut all = Vec::new();
    for (number, card) in (0..).zip(cards) {
        pace.turn(number).await;
        let Card { person, chat, message, other } = card;
        let tap = stage.telegram.taps(&person, chat, message, "Approve").map_err(unable)?;
        all.push(Tapped { tap: tap.clone(), other });
        let telegram = stage.telegram.clone();
        waiting.spawn(async move { telegram.answer(&tap).await });
    }
    while let Some(done) = waiting.join_next().await {
        let answer = done?.map_err(in_vain)?;
        ensure!(answer.text.starts_with("Recorded"), "a tap came to nothing: {}", answer.text);
    }
    Ok(all)
}

/// Waits until every card says that it is approved.
async fn settled(stage: &Stage, cards: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let ended = stage.telegram.look(|world| {
            let edits = world.calls_of("editMessageText").filter(|call| call.status == 200);
            let ended = edits.filter(|call| {
                call.parameters["text"].as_str().is_some_and(|text| text.contains("Approved: "))
            });
            ended
                .map(|call| place(&call.parameters))
                .collect::<std::collections::HashSet<_>>()
                .len()
        });
        if ended == cards {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "{ended} of {cards} cards say how it ended");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn place(parameters: &serde_json::Map<String, Value>) -> (i64, i64) {
    let number = |name: &str| parameters[name].as_i64().unwrap_or_default();
    (number("chat_id"), number("message_id"))
}

fn measured(stage: &Stage, taps: &[Tapped], memory: f64) -> anyhow::Result<Round> {
    stage.telegram.look(|world| {
        ensure!(world.mistakes().is_empty(), "{:?}", world.mistakes());
        let mut answered = Vec::new();
        let mut told = Vec::new();
        let mut edits: HashMap<(i64, i64), Vec<Duration>> = HashMap::new();
        for call in world.calls_of("editMessageText").filter(|call| call.status == 200) {
            edits.entry(place(&call.parameters)).or_default().push(call.at);
        }
        let mut answers = HashMap::new();
        for call in world.calls_of("answerCallbackQuery") {
            let query = call.parameters["callback_query_id"].as_str().unwrap_or_default();
            answers.insert(query.to_owned(), call.at);
        }
        for Tapped { tap, other } in taps {
            let after = world.answer(tap).context("an answer is missing")?.after;
            let at = answers.get(tap).context("an answer is missing")?.saturating_sub(after);
            answered.push(after);
            let others = edits.get(other).context("a card was never changed")?;
            let first = others.iter().filter(|edit| **edit >= at).min();
            told.push(first.context("a card was not changed after it")?.saturating_sub(at));
        }
        let taps = answered.len();
        Ok(Round { answered: Spans::of(answered), told: Spans::of(told), taps, memory })
    })
}

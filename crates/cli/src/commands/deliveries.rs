//! `askfirst deliveries`: what went to webhooks and to people, and having it sent again.

use anyhow::Result;
use askfirst_core::{ApprovalId, ChannelId, WebhookId};
use askfirst_server::service::deliveries::SentId;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::approvals::moment;
use super::block_on;
use super::webhooks::as_command;
use crate::client::{Client, Connection, segment};
use crate::exit::{self, usage};
use crate::terminal::{confirmed, say, say_json, table, text_of, visible};

/// What went to webhooks and to people, and sending it again
#[derive(Debug, Subcommand)]
pub(crate) enum DeliveriesCommand {
    /// List what was or will be sent, newest first
    List(ListArgs),
    /// Send one once more, as soon as its webhook or channel takes something
    Retry(RetryArgs),
    /// Send everything again that was given up within a time
    ///
    /// Says first how much that is, and asks back. At most 1000 webhooks and 1000 mails are sent
    /// again at a time; mails about what has ended are not.
    Replay(ReplayArgs),
}

/// Which of them.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only of this kind; without it, all that the key may see
    #[arg(long, value_parser = ["webhook", "email"])]
    kind: Option<String>,
    /// Only what stands so
    #[arg(long, value_parser = ["waiting", "delivered", "sent", "dropped", "dead"])]
    state: Option<String>,
    /// Only to this webhook
    #[arg(long, value_name = "ID")]
    webhook: Option<WebhookId>,
    /// Only by this channel
    #[arg(long, value_name = "ID", conflicts_with = "webhook")]
    channel: Option<ChannelId>,
    /// Only of this approval
    #[arg(long, value_name = "ID")]
    approval: Option<ApprovalId>,
    /// Only of this environment
    #[arg(long, value_parser = ["live", "test", "dev"])]
    environment: Option<String>,
    /// Only what happened since then: 2030-01-31, or 2030-01-31T12:00:00Z; days begin at 00:00 UTC
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<String>,
    /// Only what happened before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<String>,
    /// How many, 1 to 100
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    /// Where the list before ended
    #[arg(long)]
    cursor: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Which one.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// Its id, dlv_… or ntc_…
    #[arg(value_parser = sent_id)]
    id: SentId,
    #[command(flatten)]
    connection: Connection,
}

/// What was given up when.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// What was given up since then: 2030-01-31, or 2030-01-31T12:00:00Z; days begin at 00:00 UTC
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: String,
    /// What was given up before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: String,
    /// Only of this kind; without it, all that the key may have sent again
    #[arg(long, value_parser = ["webhook", "email"])]
    kind: Option<String>,
    /// Only to this webhook
    #[arg(long, value_name = "ID")]
    webhook: Option<WebhookId>,
    /// Only by this channel
    #[arg(long, value_name = "ID", conflicts_with = "webhook")]
    channel: Option<ChannelId>,
    /// Only of this environment
    #[arg(long, value_parser = ["live", "test", "dev"])]
    environment: Option<String>,
    /// Only say how much it is
    #[arg(long)]
    dry_run: bool,
    /// Do not ask back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

fn sent_id(text: &str) -> Result<SentId, String> {
    text.parse()
        .map_err(|_| "use an id that `askfirst deliveries list` shows: dlv_… or ntc_…".to_owned())
}

impl DeliveriesCommand {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        match self {
            Self::List(args) => &args.connection,
            Self::Retry(args) => args.connection(),
            Self::Replay(args) => &args.connection,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection().client()?;
        block_on(async {
            match self {
                Self::List(args) => args.list(&client).await,
                Self::Retry(args) => args.retry(&client).await,
                Self::Replay(args) => args.replay(&client).await,
            }
        })
    }
}

impl ListArgs {
    async fn list(self, client: &Client) -> Result<u8> {
        let mut path = format!("/v1/deliveries?limit={}", self.limit);
        let filters = [
            ("kind", self.kind),
            ("state", self.state),
            ("webhook", self.webhook.map(|id| id.to_string())),
            ("channel", self.channel.map(|id| id.to_string())),
            ("approval", self.approval.map(|id| id.to_string())),
            ("environment", self.environment),
            ("since", self.since),
            ("until", self.until),
            ("cursor", self.cursor),
        ];
        for (name, value) in filters {
            if let Some(value) = value {
                path = format!("{path}&{name}={}", segment(&value));
            }
        }
        let page = client.get(&path).await?;
        if self.connection.json {
            say_json(&page);
            return Ok(exit::DONE);
        }
        let rows: Vec<_> = page["data"].as_array().into_iter().flatten().map(row).collect();
        match rows.is_empty() {
            true => say("nothing was sent that fits"),
            false => say(table(&rows)),
        }
        if let Some(cursor) = page["next_cursor"].as_str() {
            say(format_args!("more: add --cursor {}", visible(cursor)));
        }
        Ok(exit::DONE)
    }
}

fn row(sent: &Value) -> Vec<String> {
    let mail = sent["kind"] == "email";
    let (what, whom) = if mail { ("about", "address") } else { ("event", "webhook") };
    vec![
        text_of(sent, "at"),
        text_of(sent, "id"),
        text_of(sent, what),
        visible(sent[whom].as_str().unwrap_or("-")),
        text_of(sent, "state"),
        text_of(sent, "approval"),
        as_command(sent["last_error"].as_str().unwrap_or_default(), &text_of(sent, "webhook")),
    ]
}

impl RetryArgs {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes it due, and says when it goes out.
    pub(crate) async fn retry(self, client: &Client) -> Result<u8> {
        let path = format!("/v1/deliveries/{}/retry", self.id);
        let sent = client.post(&path, &json!({})).await?;
        match (self.connection.json, sent["next_attempt_at"].as_str()) {
            (true, _) => say_json(&sent),
            (false, Some(_)) => {
                let way = if sent["kind"] == "email" { "channel" } else { "webhook" };
                say(format_args!(
                    "{} is due again; it goes out as soon as its {way} takes something",
                    self.id
                ));
            }
            (false, None) => say(format_args!(
                "{} is due again, after what comes before it of its approval",
                self.id
            )),
        }
        Ok(exit::DONE)
    }
}

impl ReplayArgs {
    async fn replay(self, client: &Client) -> Result<u8> {
        let json = self.connection.json;
        let wish = |dry_run: bool| {
            let mut body = Map::new();
            body.insert("from".into(), self.from.clone().into());
            body.insert("to".into(), self.to.clone().into());
            body.insert("dry_run".into(), dry_run.into());
            let named = [
                ("kind", self.kind.clone()),
                ("webhook", self.webhook.map(|id| id.to_string())),
                ("channel", self.channel.map(|id| id.to_string())),
                ("environment", self.environment.clone()),
            ];
            let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
            body.extend(named.map(|(name, value)| (name.to_owned(), value.into())));
            Value::Object(body)
        };
        let tell = |replay: &Value| match json {
            true => say_json(replay),
            false => say(counted(replay)),
        };
        if self.dry_run || !self.yes {
            let found = client.post("/v1/deliveries/replay", &wish(true)).await?;
            if self.dry_run || found["count"] == 0 {
                tell(&found);
                return Ok(exit::DONE);
            }
            if !json {
                tell(&found);
            }
            let question = format!("Send {} again?", found["count"]);
            if !confirmed(&question, "add --yes")? {
                return Err(usage("not confirmed; nothing was sent again"));
            }
        }
        let done = client.post("/v1/deliveries/replay", &wish(false)).await?;
        tell(&done);
        Ok(exit::DONE)
    }
}

/// A replay in words.
fn counted(replay: &Value) -> String {
    let count = |name: &str| replay[name].as_u64().unwrap_or_default();
    let one = count("count") == 1;
    let kinds = replay["kinds"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let kinds = kinds.map(|kind| match (kind, one) {
        ("webhook", true) => "event".into(),
        ("webhook", false) => "events".into(),
        ("email", true) => "mail".into(),
        ("email", false) => "mails".into(),
        (other, _) => visible(other),
    });
    let kinds: Vec<String> = kinds.collect();
    let (many, between) = match count("count") {
        0 => ("no".into(), " or "),
        1 => ("1".into(), " or "),
        many => (many.to_string(), " and "),
    };
    let what = match (replay["dry_run"] == true, one) {
        (true, _) => "would be sent again",
        (false, true) => "is due again",
        (false, false) => "are due again",
    };
    let mut told = format!("{many} {} {what}", kinds.join(between));
    told += &match count("left") {
        0 => String::new(),
        1 => "; 1 more was given up then: replay once more".into(),
        left => format!("; {left} more were given up then: replay once more"),
    };
    told += &match count("over") {
        0 => String::new(),
        1 => "; 1 mail asks about what has ended, and is not sent".into(),
        over => format!("; {over} mails ask about what has ended, and are not sent"),
    };
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_told_in_a_sentence() {
        let told = |dry_run: bool, kinds: &[&str], [count, left, over]: [u64; 3]| {
            counted(&json!({
                "dry_run": dry_run, "kinds": kinds, "count": count, "left": left, "over": over,
            }))
        };
        let (both, mail) = (&["webhook", "email"][..], &["email"][..]);
        assert_eq!(told(true, both, [0, 0, 0]), "no events or mails would be sent again");
        assert_eq!(told(true, both, [1, 0, 0]), "1 event or mail would be sent again");
        assert_eq!(
            told(false, both, [1000, 1, 2]),
            "1000 events and mails are due again; 1 more was given up then: replay once more; \
             2 mails ask about what has ended, and are not sent"
        );
        assert_eq!(
            told(false, mail, [1, 20, 1]),
            "1 mail is due again; 20 more were given up then: replay once more; 1 mail asks about \
             what has ended, and is not sent"
        );
        assert_eq!(told(false, &["webhook"], [2, 0, 0]), "2 events are due again");
    }
}

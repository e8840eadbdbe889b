//! The door of chats: what people do in them, turned into use cases, and what is said to that. Who
//! they are is what their provider says; whether a button is theirs, and still means what its card
//! showed, is seen here before anything else.

pub mod hook;
mod rooms;
mod strays;

use askfirst_core::{Locale, Refusal, Status, VoteDecision};
use askfirst_store::{Channel, DecisionLink, Idempotency, Shown, StoreError};
use tracing::{debug, warn};

use crate::channels::telegram::{Did, Heard, Press, Telegram, Words};
use crate::channels::wording::{Value, say};
use crate::metrics::Unheard;
use crate::mint::Purpose;
use crate::render;
use crate::service::decide::{Answer, Inquiring, LONGEST_COMMENT};
use crate::service::discovery::FoundChat;
use crate::service::{Seen, Service, ServiceError};

/// What is said to something that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To who pressed a button.
    Pressed {
        /// Which press.
        query: String,
        /// In their language.
        text: String,
        /// Whether they have to close it.
        alert: bool,
    },
    /// In the chat.
    Said {
        /// Which.
        chat: i64,
        /// What.
        words: Words,
    },
    /// A question for words, in the chat, after who pressed a button was answered.
    Asked {
        /// Which press.
        query: String,
        /// In which chat.
        chat: i64,
        /// The question.
        words: Words,
        /// For which card.
        link: Box<DecisionLink>,
        /// And what for.
        press: Press,
    },
    /// Nothing.
    Silence,
}

/// Why something that somebody pressed comes to nothing, and what to say to that.
type TurnedAway = (Unheard, String);

/// Why nothing can be said yet: whether it was recorded is not known, so it has to be heard again.
#[derive(Debug, thiserror::Error)]
#[error("what was heard could not be recorded: {0}")]
pub struct NotHeard(#[from] StoreError);

/// One thing that was heard, by one way.
struct Hearing<'a> {
    service: &'a Service,
    channel: &'a Channel,
    heard: &'a Heard,
    locale: Locale,
}

/// Does what somebody wants, as far as they may. Once this returns it is durable.
///
/// # Errors
/// [`NotHeard`].
pub async fn hear(service: &Service, channel: &Channel, heard: &Heard) -> Result<Reply, NotHeard> {
    let hearing = Hearing { service, channel, heard, locale: channel.settings.locale() };
    match &heard.did {
        Did::Pressed { query, data, message } => hearing.pressed(query, data, *message).await,
        Did::Started { code } => hearing.started(code.as_deref()).await,
        Did::Wrote { message, text, to } => hearing.wrote(*message, text, to.as_ref()).await,
        Did::Added => hearing.added(),
        Did::Moved { to } => hearing.moved(*to).await,
        Did::Else => Ok(Reply::Silence),
    }
}

/// Says it.
pub async fn reply(service: &Service, way: &Telegram, reply: Reply) {
    let said = match reply {
        Reply::Silence => Ok(()),
        Reply::Pressed { query, text, alert } => way.answer(&query, &text, alert).await,
        Reply::Said { chat, words } => way.say(chat, &words).await.map(drop),
        Reply::Asked { query, chat, words, link, press } => {
            let answered = way.answer(&query, "", false).await;
            match way.say(chat, &words).await {
                Ok(message) => {
                    let noted = service
                        .store()
                        .note_prompt(link.id, (chat, message), &press.stored())
                        .await;
                    if let Err(error) = noted {
                        warn!(%error, "a question for words could not be noted");
                    }
                    answered
                }
                Err(trouble) => Err(trouble),
            }
        }
    };
    if let Err(trouble) = said {
        // What they did counts all the same; their card will say so.
        debug!(%trouble, "somebody in a chat could not be answered");
    }
}

/// What asks for the words that a button wants.
const fn question_of(press: Press) -> Option<&'static str> {
    match press {
        Press::Approve | Press::Reject => None,
        Press::ApproveSaying => Some("chat-say-approve"),
        Press::RejectSaying => Some("chat-say-reject"),
        Press::AskBack => Some("chat-say-ask"),
    }
}

fn noted(noted: Result<(), StoreError>) {
    if let Err(error) = noted {
        warn!(%error, "a question for words could not be noted");
    }
}

/// While it is not known yet which message asks for words, because its number is on the way to us.
const ON_ITS_WAY: i64 = 0;

impl Hearing<'_> {
    fn say(&self, key: &str) -> String {
        say(self.locale, key, &[])
    }

    /// Counts it, and says why it came to nothing.
    fn turned_away(&self, query: &str, (why, text): TurnedAway) -> Reply {
        self.service.metrics.unheard(why);
        Reply::Pressed { query: query.into(), text, alert: true }
    }

    fn words(&self, text: String, to: Option<i64>) -> Words {
        Words { text, to, topic: self.heard.topic, whom: None, ask: None }
    }

    fn in_chat(&self, text: String, to: Option<i64>) -> Reply {
        Reply::Said { chat: self.heard.chat, words: self.words(text, to) }
    }

    async fn pressed(
        &self,
        query: &str,
        data: &str,
        message: Option<i64>,
    ) -> Result<Reply, NotHeard> {
        let Some((press, token)) = Press::read(data) else {
            return Ok(self.turned_away(query, self.unknown()));
        };
        let store = self.service.store();
        let secret = Purpose::Card.hash(token);
        let found = match store.decision_link(secret).await.map_err(NotHeard)? {
            Some(link) => self.judged(link),
            None => self.in_room(secret).await?,
        };
        let link = match found {
            Ok(link) => link,
            Err(turned_away) => return Ok(self.turned_away(query, turned_away)),
        };
        self.keep_in_mind(&link, message).await;
        let decision = match press {
            Press::Approve => VoteDecision::Approve,
            _ => VoteDecision::Reject,
        };
        if let Some(key) = question_of(press) {
            // Who answers at once answers a message whose number we do not have yet.
            let here = (self.heard.chat, ON_ITS_WAY);
            noted(store.note_prompt(link.id, here, &press.stored()).await);
            let ask = Some(self.say("chat-say-here"));
            let whom = (!self.heard.private).then(|| self.heard.by.clone());
            let words = Words { ask, whom, ..self.words(self.say(key), message) };
            let (query, link) = (query.to_owned(), Box::new(link));
            return Ok(Reply::Asked { query, chat: self.heard.chat, words, link, press });
        }
        let (text, alert) = match self.vote(link, decision, None).await? {
            Ok(text) => (text, false),
            Err(text) => (text, true),
        };
        Ok(Reply::Pressed { query: query.into(), text, alert })
    }

    fn unknown(&self) -> TurnedAway {
        (Unheard::Unknown, self.say("chat-no-button"))
    }

    /// Whether a card is theirs: of this way, and sent to the account that answers.
    fn judged(&self, link: DecisionLink) -> Result<DecisionLink, TurnedAway> {
        let card = link.card.as_ref().ok_or_else(|| self.unknown())?;
        if card.channel != self.channel.id {
            return Err((Unheard::OtherBot, self.say("chat-no-button")));
        }
        if card.account != self.heard.by.id {
            return Err((Unheard::OtherAccount, self.say("chat-not-yours")));
        }
        Ok(link)
    }

    /// Gives an answer; what to say to it, or why it came to nothing.
    async fn vote(
        &self,
        link: DecisionLink,
        decision: VoteDecision,
        comment: Option<String>,
    ) -> Result<Result<String, String>, NotHeard> {
        let (caller, seen, shown) = match self.shown(link).await? {
            Ok(seen) => seen,
            Err(text) => return Ok(Err(text)),
        };
        let id = seen.approval.id;
        let said = [decision.as_str(), comment.as_deref().unwrap_or_default()].join("\0");
        let once = self.once(&format!("chat vote {id}"), &said);
        let answer = Answer {
            decision,
            action_digest: seen.approval.action_digest,
            on_behalf_of: None,
            comment,
            edits: std::collections::BTreeMap::new(),
            answer: None,
            grant: None,
            shown: Some(shown),
        };
        match self.service.vote_once(&caller, id, answer, Some(once)).await {
            Ok((seen, repeated)) => {
                if repeated {
                    self.service.metrics.unheard(Unheard::Repeated);
                }
                Ok(Ok(self.recorded(&seen)))
            }
            Err(error) => self.refused(error).map(Err),
        }
    }

    /// What their card showed, if that is still what there is.
    async fn shown(
        &self,
        link: DecisionLink,
    ) -> Result<Result<(crate::service::Caller, Seen, Shown), String>, NotHeard> {
        let expected = link.card.as_ref().map(|card| card.shown);
        let (caller, id) = crate::service::links::caller_of(link);
        let seen = match self.service.approval(&caller, id).await {
            Ok(seen) => seen,
            Err(error) => return self.refused(error).map(Err),
        };
        let shown = Shown {
            channel: self.channel.settings.kind().into(),
            ..render::shown_of(&seen.approval)
        };
        let open = seen.approval.status_at(seen.now) == Status::Pending;
        if open && expected != Some(shown.digest) {
            self.service.metrics.unheard(Unheard::Stale);
            return Ok(Err(self.say("chat-stale")));
        }
        Ok(Ok((caller, seen, shown)))
    }

    /// The same update is the same request, however often it is told.
    fn once(&self, operation: &str, said: &str) -> Idempotency {
        Idempotency {
            key: format!("{}/{}", self.channel.id, self.heard.update),
            operation: operation.into(),
            fingerprint: *askfirst_proof::text_digest(said).as_bytes(),
        }
    }

    fn recorded(&self, seen: &Seen) -> String {
        let status = seen.approval.status_at(seen.now);
        let status = [("status", Value::Text(status.as_str()))];
        say(self.locale, "chat-recorded", &status)
    }

    /// What to say of a refusal; only what is not known to have been recorded is heard again.
    fn refused(&self, error: ServiceError) -> Result<String, NotHeard> {
        let key = match error {
            ServiceError::Store(error @ (StoreError::Unknown(_) | StoreError::Unavailable(_))) => {
                return Err(NotHeard(error));
            }
            ServiceError::Refused(refusal) => match refusal {
                Refusal::AlreadyDecided { status, .. } => {
                    let status = [("status", Value::Text(status.as_str()))];
                    self.service.metrics.unheard(Unheard::Refused);
                    return Ok(say(self.locale, "chat-ended", &status));
                }
                Refusal::AlreadyVoted { .. } => "chat-voted",
                Refusal::StaleDigest { .. } => "chat-stale",
                Refusal::NotAnApprover { .. }
                | Refusal::OwnerCannotDecide
                | Refusal::AskerCannotDecide => "chat-not-approver",
                Refusal::AssuranceTooLow { .. } | Refusal::NotOffered | Refusal::AnswerMissing => {
                    "chat-on-page"
                }
                Refusal::NotAnsweredYet { .. } | Refusal::EnoughAsked { .. } => "chat-asked-before",
                Refusal::Credential(_) | Refusal::NotFound => "chat-no-button",
                _ => "chat-refused",
            },
            ServiceError::NotFound(_) => "chat-no-button",
            error => {
                warn!(%error, "an answer from a chat came to nothing");
                "chat-refused"
            }
        };
        self.service.metrics.unheard(Unheard::Refused);
        Ok(self.say(key))
    }

    async fn started(&self, code: Option<&str>) -> Result<Reply, NotHeard> {
        if !self.heard.private {
            return self.added();
        }
        let Some(code) = code else {
            let key = match self.is_known().await? {
                true => "chat-hello-again",
                false => "chat-hello",
            };
            return Ok(self.in_chat(self.say(key), None));
        };
        let by = self.heard.by.clone();
        let name = by.name.clone();
        let Heard { chat, username, .. } = self.heard;
        let here = FoundChat { chat: *chat, by: by.id.clone(), username: username.clone() };
        if self.service.find_chat(self.channel, code, here) {
            return Ok(self.in_chat(self.say("chat-discovered"), None));
        }
        match self.service.find_account(self.channel, code, by).await {
            Ok(()) => {
                let name = [("name", Value::Text(&name))];
                Ok(self.in_chat(say(self.locale, "chat-found", &name), None))
            }
            Err(ServiceError::Store(error)) => Err(NotHeard(error)),
            Err(_) => {
                self.service.metrics.unheard(Unheard::Code);
                Ok(self.in_chat(self.say("chat-code-over"), None))
            }
        }
    }

    async fn is_known(&self) -> Result<bool, NotHeard> {
        let known = self.service.store().account(self.channel.id, &self.heard.by.id).await;
        Ok(known.map_err(NotHeard)?.is_some())
    }

    /// Words, as an answer to the message that asked for them.
    async fn wrote(
        &self,
        message: i64,
        text: &str,
        to: Option<&(i64, String)>,
    ) -> Result<Reply, NotHeard> {
        let told = |text: String| Ok(self.in_chat(text, Some(message)));
        let Some((link, press)) = self.prompted(to).await? else {
            // What is said in a group is mostly not said to us.
            return match self.heard.private {
                true => told(self.say("chat-no-question")),
                false => Ok(Reply::Silence),
            };
        };
        if text.chars().count() > LONGEST_COMMENT {
            let most = [("most", Value::Count(LONGEST_COMMENT))];
            return told(say(self.locale, "chat-too-long", &most));
        }
        let decision = match press {
            Press::ApproveSaying => VoteDecision::Approve,
            Press::RejectSaying => VoteDecision::Reject,
            _ => {
                return self
                    .ask_back(link, text)
                    .await
                    .map(|text| self.in_chat(text, Some(message)));
            }
        };
        let (Ok(text) | Err(text)) = self.vote(link, decision, Some(text.to_owned())).await?;
        told(text)
    }

    /// For which card, and what for, they were asked for words by the message that they answer.
    async fn prompted(
        &self,
        to: Option<&(i64, String)>,
    ) -> Result<Option<(DecisionLink, Press)>, NotHeard> {
        let Some((to, says)) = to else { return Ok(None) };
        let store = self.service.store();
        let find = async |message: i64| {
            let at = (self.heard.chat, message);
            let found = store.prompted(self.channel.id, &self.heard.by.id, at).await;
            let found = found.map_err(NotHeard)?;
            Ok(found.and_then(|(link, stored)| Some((link, Press::of_stored(&stored)?))))
        };
        if let Some(found) = find(*to).await? {
            return Ok(Some(found));
        }
        // That it is the one whose number is on its way shows by what it says.
        let asks =
            |press: Press| question_of(press).is_some_and(|key| says.ends_with(&self.say(key)));
        if let Some(found) = find(ON_ITS_WAY).await?.filter(|(_, press)| asks(*press)) {
            return Ok(Some(found));
        }
        // It may have arrived between the two looks.
        find(*to).await
    }

    async fn ask_back(&self, link: DecisionLink, question: &str) -> Result<String, NotHeard> {
        let (caller, seen, _) = match self.shown(link).await? {
            Ok(seen) => seen,
            Err(text) => return Ok(text),
        };
        let id = seen.approval.id;
        let once = self.once(&format!("chat inquire {id}"), question);
        let action_digest = seen.approval.action_digest;
        let asking = Inquiring { action_digest, question: Some(question.to_owned()) };
        match self.service.inquire(&caller, id, asking, Some(once)).await {
            Ok(_) => Ok(self.say("chat-asked-back")),
            Err(error) => self.refused(error),
        }
    }
}

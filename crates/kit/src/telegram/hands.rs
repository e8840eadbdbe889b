//! The hands of a test: who there is, what people do, what goes wrong.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::chat::{Bot, Chat, Kind, Message, Person, Standing};
use super::flood::Limits;
use super::people::Unable;
use super::refusal::Refusal;
use super::world::{Answer, Fault};
use super::{InVain, Telegram};

/// A call that waits, or will. It is released when this is dropped, too.
pub struct Held {
    released: Arc<Notify>,
}

impl Held {
    /// Lets the call go on.
    pub fn release(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.released.notify_one();
    }
}

impl Telegram {
    /// A new bot. It can be called at once.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, as its webhook is served from here.
    #[must_use]
    pub fn bot(&self, username: &str) -> Bot {
        self.shared.add_bot(username)
    }

    /// A new person, with an id beyond 31 bits and without a username.
    #[must_use]
    pub fn person(&self, first_name: &str) -> Person {
        self.shared.world().new_person(first_name)
    }

    /// Adds a person as described, or changes the one with this id.
    pub fn add_person(&self, person: Person) {
        self.shared.world().people.insert(person.id, person);
    }

    /// A new group, supergroup or channel with these bots and people in it. In a channel the bots
    /// are administrators.
    #[must_use]
    pub fn group(&self, kind: Kind, title: &str, bots: &[&Bot], people: &[&Person]) -> Chat {
        let bots: Vec<i64> = bots.iter().map(|bot| bot.id).collect();
        let people: Vec<i64> = people.iter().map(|person| person.id).collect();
        self.shared.world().add_group(kind, title, &bots, &people)
    }

    /// A new topic of a supergroup; returns its `message_thread_id`.
    ///
    /// # Errors
    /// If the chat is no supergroup.
    pub fn topic(&self, chat: Chat, name: &str) -> Result<i64, Unable> {
        self.shared.world().add_topic(chat, name)
    }

    /// Presses Start, or follows a link `t.me/<bot>?start=<payload>`. Unblocks the bot.
    /// Returns the message's id.
    ///
    /// # Errors
    /// If no link can carry the payload.
    pub fn presses_start(
        &self,
        person: &Person,
        bot: &Bot,
        payload: Option<&str>,
    ) -> Result<i64, Unable> {
        self.change(|world| world.presses_start(person.id, bot.id, payload))
    }

    /// Writes into a chat. Returns the message's id.
    ///
    /// # Errors
    /// If they are not in it.
    pub fn writes(&self, person: &Person, chat: Chat, text: &str) -> Result<i64, Unable> {
        self.change(|world| world.writes(person.id, chat, text, None, None))
    }

    /// Writes into a topic. Returns the message's id.
    ///
    /// # Errors
    /// If they are not in the chat.
    pub fn writes_in(
        &self,
        person: &Person,
        chat: Chat,
        thread: i64,
        text: &str,
    ) -> Result<i64, Unable> {
        self.change(|world| world.writes(person.id, chat, text, None, Some(thread)))
    }

    /// Answers a message. Returns the answer's id.
    ///
    /// # Errors
    /// If they are not in the chat, or there is no such message.
    pub fn replies(
        &self,
        person: &Person,
        chat: Chat,
        message: i64,
        text: &str,
    ) -> Result<i64, Unable> {
        self.change(|world| world.writes(person.id, chat, text, Some(message), None))
    }

    /// Taps the button with this text or data. Returns the id of the query, for [`Self::answer`].
    ///
    /// # Errors
    /// If there is no such button, or it opens a page.
    pub fn taps(
        &self,
        person: &Person,
        chat: Chat,
        message: i64,
        button: &str,
    ) -> Result<String, Unable> {
        self.change(|world| world.taps(person.id, chat, message, button))
    }

    /// Taps with data that need not be on any button, under a message that need not be there:
    /// whoever writes a client of their own can. Returns the id of the query.
    ///
    /// # Errors
    /// If there is no such chat.
    pub fn taps_forged(
        &self,
        person: &Person,
        chat: Chat,
        message: i64,
        data: &str,
    ) -> Result<String, Unable> {
        self.change(|world| world.taps_with(person.id, chat, message, data))
    }

    /// What the person saw after a tap.
    ///
    /// # Errors
    /// If the bot does not answer it.
    pub async fn answer(&self, tap: &str) -> Result<Answer, InVain> {
        self.wait_for("the answer to a tap", |world| world.answer(tap).cloned()).await
    }

    /// The chat's next message by a bot after this one (0: the first), once it is there.
    ///
    /// # Errors
    /// If none comes.
    pub async fn card_after(&self, chat: Chat, message: i64) -> Result<Message, InVain> {
        let next = |world: &super::World| world.cards(chat).find(|card| card.id > message).cloned();
        self.wait_for("a message of a bot", next).await
    }

    /// Blocks the bot.
    ///
    /// # Errors
    /// If they never pressed Start.
    pub fn blocks(&self, person: &Person, bot: &Bot) -> Result<(), Unable> {
        self.change(|world| world.blocks(person.id, bot.id))
    }

    /// Unblocks the bot.
    ///
    /// # Errors
    /// If they never pressed Start.
    pub fn unblocks(&self, person: &Person, bot: &Bot) -> Result<(), Unable> {
        self.change(|world| world.unblocks(person.id, bot.id))
    }

    /// Deletes the account: nobody reaches them any more.
    pub fn deactivates(&self, person: &Person) {
        self.shared.world().deactivated.insert(person.id);
    }

    /// Joins a group.
    pub fn joins(&self, person: &Person, chat: Chat) {
        if let Some(room) = self.shared.world().rooms.get_mut(&chat) {
            room.people.insert(person.id);
        }
    }

    /// Adds a bot to a group, again if it was there.
    ///
    /// # Errors
    /// If there is no such chat.
    pub fn adds(&self, person: &Person, bot: &Bot, chat: Chat) -> Result<(), Unable> {
        self.stands(person, bot, chat, Standing::Member)
    }

    /// Throws a bot out of a group.
    ///
    /// # Errors
    /// If there is no such chat.
    pub fn kicks(&self, person: &Person, bot: &Bot, chat: Chat) -> Result<(), Unable> {
        self.stands(person, bot, chat, Standing::Kicked)
    }

    /// Takes a bot the right to write in a group.
    ///
    /// # Errors
    /// If there is no such chat.
    pub fn mutes(&self, person: &Person, bot: &Bot, chat: Chat) -> Result<(), Unable> {
        self.stands(person, bot, chat, Standing::Muted)
    }

    /// Makes a bot an administrator.
    ///
    /// # Errors
    /// If there is no such chat.
    pub fn promotes(&self, person: &Person, bot: &Bot, chat: Chat) -> Result<(), Unable> {
        self.stands(person, bot, chat, Standing::Administrator)
    }

    /// Makes a supergroup of a group; returns the chat that it is from now on.
    ///
    /// # Errors
    /// If it is no group.
    pub fn upgrades(&self, person: &Person, chat: Chat) -> Result<Chat, Unable> {
        self.change(|world| world.upgrade(person.id, chat))
    }

    /// Deletes a message, as people and administrators can.
    pub fn deletes(&self, chat: Chat, message: i64) {
        if let Some(room) = self.shared.world().rooms.get_mut(&chat) {
            room.messages.remove(&message);
        }
        self.shared.changed();
    }

    /// Makes the bot's token worthless, as its owner can.
    pub fn revokes(&self, bot: &Bot) {
        if let Some(account) = self.shared.world().accounts.get_mut(&bot.id) {
            account.revoked = true;
            account.wake.notify_waiters();
        }
    }

    /// Has the bot wait with messages and edits: in one chat, or everywhere.
    pub fn flood(&self, bot: &Bot, chat: Option<Chat>, seconds: u64) {
        self.shared.world().begin_flood(bot.id, chat, Duration::from_secs(seconds));
    }

    /// How much bots may send at a time, from now on.
    pub fn limits(&self, limits: Limits) {
        self.shared.world().floods.limits = limits;
    }

    /// Refuses the next call of a method, whoever makes it.
    pub fn refuse_next(&self, method: &str, refusal: Refusal) {
        self.fault(method, Fault::Refuse(refusal));
    }

    /// Refuses the next call of a method that is about this chat.
    pub fn refuse_next_in(&self, chat: Chat, method: &str, refusal: Refusal) {
        self.fault(&format!("{method} {}", chat.id()), Fault::Refuse(refusal));
    }

    /// Keeps the next call of a method waiting, with nothing done yet, until it is released.
    #[must_use]
    pub fn hold_next(&self, method: &str) -> Held {
        let released = Arc::new(Notify::new());
        self.fault(method, Fault::Hold(Arc::clone(&released)));
        Held { released }
    }

    /// Breaks the connection of the next call of a method before anything was done.
    pub fn lose_next(&self, method: &str) {
        self.fault(method, Fault::Lose);
    }

    /// Does what the next call of a method asks for, and breaks the connection then.
    pub fn lose_answer_of_next(&self, method: &str) {
        self.fault(method, Fault::LoseAnswer);
    }

    /// Lets time pass: floods end, taps get old, webhooks are tried again.
    pub fn pass(&self, time: Duration) {
        let mut world = self.shared.world();
        world.clock.pass(time);
        for account in world.accounts.values() {
            account.wake.notify_waiters();
        }
        drop(world);
        self.shared.changed();
    }

    /// How long a tap can be answered; a minute unless a test says otherwise. Telegram's own
    /// time is not published.
    pub fn taps_live(&self, time: Duration) {
        self.shared.world().taps_live = time;
    }

    /// How many calls are kept, 100,000 unless a test says otherwise; with 0 none are.
    pub fn keep_calls(&self, most: usize) {
        self.shared.world().calls.keep_at_most(most);
    }

    fn stands(
        &self,
        person: &Person,
        bot: &Bot,
        chat: Chat,
        standing: Standing,
    ) -> Result<(), Unable> {
        self.change(|world| world.set_standing(person.id, bot.id, chat, standing))
    }

    fn fault(&self, method: &str, fault: Fault) {
        let mut world = self.shared.world();
        world.faults.entry(method.to_owned()).or_default().push_back(fault);
    }

    fn change<T>(&self, change: impl FnOnce(&mut super::World) -> T) -> T {
        let done = change(&mut self.shared.world());
        self.shared.changed();
        done
    }
}

//! What a key does.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::json;

use super::places;
use super::{Choice, Doing, Effect, Inbox, Open, Pen, view};

/// The longest text that is typed, in characters.
const LONGEST: usize = 2_000;

impl Inbox {
    /// Takes a key.
    pub(crate) fn press(&mut self, key: KeyEvent) -> Vec<Effect> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return vec![Effect::Quit];
        }
        if control {
            return Vec::new();
        }
        if self.help {
            self.help = false;
            return Vec::new();
        }
        match &self.open {
            None => self.in_list(key.code),
            Some(open) => match open.doing.clone() {
                Doing::Reading => self.reading(key.code),
                Doing::Confirming(choice) => self.confirming(choice, key.code),
                Doing::Choosing(at) => self.choosing(at, key.code),
                Doing::Writing(pen, text) => self.writing(pen, text, key.code),
                Doing::Sending(_) => Vec::new(),
            },
        }
    }

    /// Takes what was pasted: as text where text is typed, and as nothing anywhere else, for what
    /// lies in a clipboard is no decision.
    pub(crate) fn paste(&mut self, pasted: &str) {
        if let Some(Open { doing: Doing::Writing(_, text), .. }) = &mut self.open {
            let one_line = pasted.chars().map(|c| if c.is_control() { ' ' } else { c });
            text.extend(one_line.take(LONGEST.saturating_sub(text.chars().count())));
        }
    }

    fn in_list(&mut self, key: KeyCode) -> Vec<Effect> {
        let last = self.items.as_ref().map_or(0, Vec::len).saturating_sub(1);
        let page = usize::from(self.size.1 / 2).max(1);
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return vec![Effect::Quit],
            KeyCode::Char('?') => self.help = true,
            KeyCode::Char('j') | KeyCode::Down => self.selected = (self.selected + 1).min(last),
            KeyCode::Char('k') | KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            KeyCode::PageDown => self.selected = (self.selected + page).min(last),
            KeyCode::PageUp => self.selected = self.selected.saturating_sub(page),
            KeyCode::Home | KeyCode::Char('g') => self.selected = 0,
            KeyCode::End | KeyCode::Char('G') => self.selected = last,
            KeyCode::Enter | KeyCode::Char('l') | KeyCode::Right => return self.open_selected(),
            // Nobody decides what they have not opened.
            KeyCode::Char('a' | 'r' | 'm' | 'c' | 'e') => {
                self.tell(false, "open it first, with Enter");
            }
            _ => {}
        }
        Vec::new()
    }

    fn close(&mut self) -> Vec<Effect> {
        self.open = None;
        vec![Effect::Unfollow]
    }

    fn reading(&mut self, key: KeyCode) -> Vec<Effect> {
        let (rows, room) = view::extent(self);
        let bottom = rows.saturating_sub(room);
        let Some(open) = &mut self.open else { return Vec::new() };
        let page = room.saturating_sub(1).max(1);
        match key {
            KeyCode::Char('q' | 'h' | 'i') | KeyCode::Esc | KeyCode::Left => return self.close(),
            KeyCode::Char('?') => self.help = true,
            KeyCode::Char('j') | KeyCode::Down => open.top = (open.top + 1).min(bottom),
            KeyCode::Char('k') | KeyCode::Up => open.top = open.top.min(bottom).saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => open.top = (open.top + page).min(bottom),
            KeyCode::PageUp | KeyCode::Char('b') => open.top = open.top.saturating_sub(page),
            KeyCode::Home | KeyCode::Char('g') => open.top = 0,
            KeyCode::End | KeyCode::Char('G') => open.top = bottom,
            KeyCode::Char('a') => self.wants_to_approve(),
            KeyCode::Char('r') => open.doing = Doing::Confirming(Choice::Reject),
            KeyCode::Char('m') => open.doing = Doing::Writing(Pen::Question, String::new()),
            KeyCode::Char('c') => {
                open.doing = Doing::Writing(Pen::Comment, open.comment.clone());
            }
            KeyCode::Char('e') => match places::all(&open.item.approval).is_empty() {
                true => self.tell(false, "nothing in this request can be changed or filled in"),
                false => open.doing = Doing::Choosing(0),
            },
            _ => {}
        }
        Vec::new()
    }

    fn wants_to_approve(&mut self) {
        let Some(open) = &mut self.open else { return };
        let approval = &open.item.approval;
        match open.filled.missing(approval) {
            None => open.doing = Doing::Confirming(Choice::Approve),
            Some(missing) => {
                let at = places::all(approval).iter().position(|place| *place == missing);
                let label = missing.label(approval);
                open.doing = Doing::Choosing(at.unwrap_or_default());
                self.tell(
                    false,
                    format!("fill this in first: {}", crate::terminal::visible(&label)),
                );
            }
        }
    }

    /// Only `y` says yes: Enter is pressed too easily.
    fn confirming(&mut self, choice: Choice, key: KeyCode) -> Vec<Effect> {
        match key {
            KeyCode::Char('y' | 'Y') => {
                let vote = self.vote(choice);
                self.notice = None;
                if let Some(open) = &mut self.open {
                    open.doing = Doing::Sending(false);
                }
                return vote.into_iter().collect();
            }
            KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => {
                if let Some(open) = &mut self.open {
                    open.doing = Doing::Reading;
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn choosing(&mut self, at: usize, key: KeyCode) -> Vec<Effect> {
        let Some(open) = &mut self.open else { return Vec::new() };
        let places = places::all(&open.item.approval);
        let last = places.len().saturating_sub(1);
        match key {
            KeyCode::Char('j') | KeyCode::Down => open.doing = Doing::Choosing((at + 1).min(last)),
            KeyCode::Char('k') | KeyCode::Up => {
                open.doing = Doing::Choosing(at.saturating_sub(1));
            }
            KeyCode::Enter => {
                if let Some(place) = places.get(at).cloned() {
                    let text = place.value(&open.item.approval, &open.filled);
                    open.doing = Doing::Writing(Pen::Place(at, place), text);
                }
            }
            KeyCode::Char('q') | KeyCode::Esc => {
                open.doing = Doing::Reading;
                self.notice = None;
            }
            KeyCode::Char('a') => {
                open.doing = Doing::Reading;
                self.wants_to_approve();
            }
            _ => {}
        }
        Vec::new()
    }

    fn writing(&mut self, pen: Pen, mut text: String, key: KeyCode) -> Vec<Effect> {
        let Some(open) = &mut self.open else { return Vec::new() };
        match key {
            KeyCode::Esc => {
                open.doing = match pen {
                    Pen::Place(at, _) => Doing::Choosing(at),
                    Pen::Comment | Pen::Question => Doing::Reading,
                };
                return Vec::new();
            }
            KeyCode::Enter => return self.written(pen, text),
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char(c) if text.chars().count() < LONGEST => text.push(c),
            _ => {}
        }
        open.doing = Doing::Writing(pen, text);
        Vec::new()
    }

    fn written(&mut self, pen: Pen, text: String) -> Vec<Effect> {
        let Some(open) = &mut self.open else { return Vec::new() };
        match pen {
            Pen::Comment => {
                open.comment = text.trim().to_owned();
                open.doing = Doing::Reading;
            }
            Pen::Question if text.trim().is_empty() => {
                self.tell(false, "write what you want to know, or press Esc");
            }
            Pen::Question => {
                open.doing = Doing::Sending(true);
                let digest = open.item.approval.action_digest.to_string();
                let body = json!({
                    "decision": "more_info", "action_digest": digest, "comment": text.trim(),
                });
                return vec![Effect::Vote(open.item.id(), body)];
            }
            Pen::Place(at, place) => {
                let filled = place.fill(&open.item.approval, &mut open.filled, &text);
                let is_change = matches!(place, places::Place::Change(_));
                let shown =
                    filled.and_then(|()| if is_change { open.show_changed() } else { Ok(()) });
                match shown {
                    Ok(()) => {
                        open.doing = Doing::Choosing(at);
                        self.notice = None;
                    }
                    Err(why) => self.tell(false, crate::terminal::visible(&why)),
                }
            }
        }
        Vec::new()
    }
}

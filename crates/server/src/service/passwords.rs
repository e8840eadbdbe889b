//! Passwords: set by their owner, checked slowly and few at once, and not too often. Whoever asks
//! about an address that nobody has waits as long, and hears the same, as with a wrong password.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use askfirst_core::administration::{Change, Denied, PasswordHash};
use askfirst_core::{Assurance, MemberId, Seconds, SessionId, Timestamp};
use askfirst_store::LoginLink;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::signin::SESSION_LIFE;
use super::{Caller, Result, Service, ServiceError, mistake};
use crate::mint::{self, Purpose};

/// The shortest password, in characters.
pub const SHORTEST: usize = 12;
/// The longest, in bytes.
pub const LONGEST: usize = 512;
/// How many are hashed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// In which time attempts are counted.
const WINDOW: Seconds = Seconds(15 * 60);
/// Attempts for one address of a person.
const BY_EMAIL: u32 = 8;
/// Attempts from one place in the network.
const BY_PLACE: u32 = 40;
/// How many counts are kept before those that are over are swept out.
const MOST_COUNTS: usize = 10_000;

/// A password as somebody typed it; wiped when it is done with.
pub struct Typed(Zeroizing<String>);

impl Typed {
    /// As it came.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed(…)")
    }
}

/// What the server keeps for passwords while it runs.
#[derive(Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    attempts: Mutex<HashMap<Trier, Count>>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), attempts: Mutex::default() }
    }
}

/// By what attempts are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Trier {
    /// The address of a person, in lower case.
    Email(String),
    /// A place in the network; of IPv6 the half that names a household.
    Place(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Timestamp,
    tries: u32,
}

impl Passwords {
    /// Counts an attempt; gives how long to wait if there were too many.
    fn count(&self, trier: Trier, now: Timestamp) -> std::result::Result<(), Seconds> {
        let most = match trier {
            Trier::Email(_) => BY_EMAIL,
            Trier::Place(_) => BY_PLACE,
        };
        let mut counts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST_COUNTS {
            counts.retain(|_, count| now < count.since.plus(WINDOW));
        }
        let count = counts.entry(trier).or_insert(Count { since: now, tries: 0 });
        let end = count.since.plus(WINDOW);
        if now >= end {
            *count = Count { since: now, tries: 0 };
        } else if count.tries >= most {
            let left = (end.micros() - now.micros()).div_euclid(1_000_000) + 1;
            return Err(Seconds(u32::try_from(left).unwrap_or(WINDOW.0)));
        }
        count.tries += 1;
        Ok(())
    }

    fn forget(&self, trier: &Trier) {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).remove(trier);
    }

    /// Works on a thread that may be slow, when it is one's turn.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(ServiceError::TooMany { retry_after: Seconds(5), what: "sign-ins" });
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|error| ServiceError::Internal(error.to_string()))
    }

    async fn hash(&self, typed: Typed) -> Result<PasswordHash> {
        let salt = mint::salt()?;
        let hashed = self.work(move || hashed(&typed, &salt)).await?;
        hashed.map_err(|error| ServiceError::Internal(error.to_string()))
    }

    /// Whether it is this password. Without one, it takes as long and it is not.
    async fn fits(&self, typed: &Arc<Typed>, kept: Option<PasswordHash>) -> Result<bool> {
        let typed = Arc::clone(typed);
        self.work(move || {
            let kept = kept.or_else(|| NOBODYS.clone()).ok_or(());
            let kept = kept.as_ref().map(|kept| Phc::new(&kept.0));
            matches!(kept, Ok(Ok(kept)) if
                Argon2::default().verify_password(typed.0.as_bytes(), &kept).is_ok())
        })
        .await
    }
}

/// A hash that no password has, because nobody knows the text; made like all others.
static NOBODYS: LazyLock<Option<PasswordHash>> = LazyLock::new(|| {
    let text = Typed::new(mint::token().ok()?);
    hashed(&text, &mint::salt().ok()?).ok()
});

/// By argon2id with the parameters of OWASP's cheat sheet: 19 MiB, two rounds, one lane.
fn hashed(
    typed: &Typed,
    salt: &[u8],
) -> std::result::Result<PasswordHash, argon2::password_hash::Error> {
    let hash = Argon2::default().hash_password_with_salt(typed.0.as_bytes(), salt)?;
    Ok(PasswordHash(hash.to_string()))
}

/// What is wrong with a new password.
fn unfit(typed: &Typed, email: &str) -> Option<&'static str> {
    let text = typed.0.as_str();
    let mut letters: Vec<char> = text.chars().collect();
    let length = letters.len();
    letters.sort_unstable();
    letters.dedup();
    let lower = text.to_lowercase();
    let email = email.to_lowercase();
    if length < SHORTEST {
        Some("a password has at least 12 characters; several words make a good one")
    } else if text.len() > LONGEST {
        Some("a password has at most 512 bytes")
    } else if letters.len() < 5 || lower.contains(&email) || email.contains(&lower) {
        Some("this password is too easy to guess")
    } else {
        None
    }
}

/// A link that was used up.
pub struct Accepted {
    /// The session's token.
    pub session: String,
    /// Whether it was an invitation, so that they are new here.
    pub invited: bool,
}

impl Service {
    /// Opens a session for who knows the password of an address; gives its token.
    ///
    /// # Errors
    /// [`Denied::WrongPassword`], whatever it is that is wrong; too many attempts.
    pub async fn sign_in(
        &self,
        email: &str,
        password: Typed,
        place: Option<IpAddr>,
    ) -> Result<String> {
        let wrong = || ServiceError::Denied(Denied::WrongPassword);
        let now = self.store.now();
        let person = Trier::Email(email.to_lowercase());
        // Counted before it is looked at, so that many at once are many.
        for trier in place.map(household).map(Trier::Place).into_iter().chain([person.clone()]) {
            self.passwords.count(trier, now).map_err(|retry_after| ServiceError::TooMany {
                retry_after,
                what: "sign-ins with this address or from this place",
            })?;
        }
        if password.0.len() > LONGEST || email.len() > 254 {
            return Err(wrong());
        }
        let password = Arc::new(password);
        let known = self.store.passwords_by_email(email).await?;
        if known.is_empty() {
            self.passwords.fits(&password, None).await?;
            return Err(wrong());
        }
        for kept in known {
            if !self.passwords.fits(&password, Some(kept.hash.clone())).await? {
                continue;
            }
            let session = mint::token()?;
            let change = Change::SignIn {
                member: kept.member,
                password: kept.hash,
                id: SessionId::from_bits(mint::id_bits()),
                secret: Purpose::Session.hash(&session),
                expires_at: self.store.now().plus(SESSION_LIFE),
            };
            self.administer_as_system(kept.workspace, change).await?;
            self.passwords.forget(&person);
            return Ok(session);
        }
        Err(wrong())
    }

    /// Whether this member has a password.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn has_password(&self, caller: &Caller, member: MemberId) -> Result<bool> {
        Ok(self.store.password(caller.place.workspace, member).await?.is_some())
    }

    /// Sets the caller's own password. Who has one must know it. Other sessions end, and this one
    /// is from now on as sure as a factor of one's own makes it.
    ///
    /// # Errors
    /// An unfit password, a wrong one before it, or too many attempts.
    pub async fn set_password(
        &self,
        caller: &Caller,
        current: Typed,
        password: Typed,
    ) -> Result<()> {
        let member = caller.member().ok_or(ServiceError::Denied(Denied::NotYours))?;
        let email = self.viewer(caller).await?.member.person.email;
        if let Some(why) = unfit(&password, &email) {
            return Err(mistake("/password", why));
        }
        let kept = self.store.password(caller.place.workspace, member).await?;
        let before = kept.map(|kept| kept.hash);
        if before.is_some() {
            let person = Trier::Email(email.to_lowercase());
            let counted = self.passwords.count(person.clone(), self.store.now());
            counted.map_err(|retry_after| ServiceError::TooMany {
                retry_after,
                what: "attempts with this address",
            })?;
            if !self.passwords.fits(&Arc::new(current), before.clone()).await? {
                return Err(ServiceError::Denied(Denied::WrongPassword));
            }
            self.passwords.forget(&person);
        }
        let hash = self.passwords.hash(password).await?;
        self.administer(caller, Change::SetPassword { member, hash, before }, None).await?;
        Ok(())
    }

    /// Whether a link invites: somebody else made it, and whom it signs in has no password yet.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn is_invitation(&self, link: &LoginLink) -> Result<bool> {
        let weak = link.assurance < Assurance::Session;
        Ok(weak && self.store.password(link.workspace, link.member).await?.is_none())
    }

    /// Uses a link up, and with an invitation sets the name and a password, if they are given. What is wrong with them is told before the link is used.
    ///
    /// # Errors
    /// An unfit name or password; a link that was used, ran out or never was.
    pub async fn accept(
        &self,
        token: &str,
        name: &str,
        password: Option<Typed>,
    ) -> Result<Accepted> {
        let Some((link, member)) = self.login_link(token).await? else {
            return Err(ServiceError::Denied(Denied::LinkSpent));
        };
        let invites = self.is_invitation(&link).await?;
        let (name, password) = (name.trim(), password.filter(|_| invites));
        if name.chars().count() > 128 || name.chars().any(char::is_control) {
            return Err(mistake("/name", "a name has 1 to 128 printable characters"));
        }
        if let Some(why) = password.as_ref().and_then(|it| unfit(it, &member.person.email)) {
            return Err(mistake("/password", why));
        }
        let session = self.open_session(token).await?;
        if let Some(caller) = self.caller_by_session(&session).await?
            && invites
        {
            if !name.is_empty() && name != member.person.name {
                let (id, name) = (member.id, Some(name.to_owned()));
                let change = Change::UpdateMember { id, name, role: None, enabled: None };
                self.administer(&caller, change, None).await?;
            }
            if let Some(password) = password {
                self.set_password(&caller, Typed::new(String::new()), password).await?;
            }
        }
        Ok(Accepted { session, invited: invites })
    }

    /// Takes somebody else's password away; they are signed out and need a link.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn remove_password(&self, caller: &Caller, member: MemberId) -> Result<()> {
        self.administer(caller, Change::RemovePassword { member }, None).await?;
        Ok(())
    }
}

/// The place that attempts are counted by: of IPv6 the half that names a household.
pub(super) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Typed {
        Typed::new(text.into())
    }

    #[test]
    fn attempts_are_counted_by_person_and_by_household() {
        let passwords = Passwords::default();
        let start = Timestamp::from_seconds(1_893_456_000);
        let email = || Trier::Email("a@b.c".into());
        for _ in 0..BY_EMAIL {
            passwords.count(email(), start).unwrap();
        }
        assert_eq!(passwords.count(email(), start), Err(Seconds(901)));
        assert_eq!(passwords.count(email(), start.plus(Seconds(899))), Err(Seconds(2)));
        assert!(passwords.count(Trier::Email("b@b.c".into()), start).is_ok());
        assert!(passwords.count(email(), start.plus(WINDOW)).is_ok());
        let address = |text: &str| Trier::Place(household(text.parse().unwrap()));
        assert_eq!(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }

    #[test]
    fn unfit_passwords_are_told_why() {
        assert_eq!(unfit(&typed("correct horse battery"), "ana@example.com"), None);
        for bad in ["", "short", "aaaaaaaaaaaaaaaa", "ana@example.com", "xana@example.comx"] {
            assert!(unfit(&typed(bad), "Ana@example.com").is_some(), "{bad}");
        }
        assert!(unfit(&typed(&"abcdefgh".repeat(100)), "a@b.c").is_some());
    }

    #[test]
    fn a_password_is_kept_as_argon2id_and_shown_by_nobody() {
        let kept = hashed(&typed("correct horse battery"), &[7; 16]).unwrap();
        assert!(kept.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.0);
        assert_eq!(format!("{kept:?}"), "PasswordHash(…)");
        assert_eq!(format!("{:?}", typed("secret")), "Typed(…)");
    }

    #[tokio::test]
    async fn a_password_nobody_has_takes_as_long() {
        let passwords = Passwords::default();
        let kept = hashed(&typed("correct horse battery"), &[7; 16]).unwrap();
        let given = Arc::new(typed("wrong horse battery"));
        // Once before, so that what is made once is made.
        passwords.fits(&given, None).await.unwrap();
        let fastest = async |kept: Option<PasswordHash>| {
            let mut fastest = Duration::MAX;
            for _ in 0..3 {
                let start = std::time::Instant::now();
                assert!(!passwords.fits(&given, kept.clone()).await.unwrap());
                fastest = fastest.min(start.elapsed());
            }
            fastest
        };
        let (known, unknown) = (fastest(Some(kept)).await, fastest(None).await);
        assert!(unknown * 3 > known, "{unknown:?} for nobody, {known:?} for somebody");
    }
}

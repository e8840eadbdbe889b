-- Everything that Askfirst keeps. Ids are 16 bytes, times are microseconds since 1970, JSON is
-- text. Every row names its workspace, and its environment where live, test and dev are apart.

PRAGMA application_id = 1095985969; -- "ASk1": this file is Askfirst's

-- One row of what belongs to the file as a whole.
CREATE TABLE meta (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  high_water INTEGER NOT NULL, -- no time recorded here is later; the store's clock starts from it
  revocations INTEGER NOT NULL DEFAULT 0 -- how often a proof token was taken back
) STRICT;
INSERT INTO meta (one, high_water) VALUES (1, 0);

CREATE TABLE workspaces (
  workspace      BLOB NOT NULL PRIMARY KEY,
  name           TEXT NOT NULL,
  environment    TEXT NOT NULL,
  default_policy TEXT NOT NULL,
  floor          TEXT NOT NULL,
  callback_hosts TEXT NOT NULL DEFAULT '[]', -- where askers may have decisions sent, as JSON
  self_service   INTEGER NOT NULL DEFAULT 0, -- whether a stranger made it
  plan           TEXT, -- what its operator lets it have, as JSON; empty: what the server takes
  retention_days INTEGER, -- after the end texts are erased; empty: never
  hold           TEXT, -- why nothing is erased, as JSON, while somebody says so
  created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
  workspace   BLOB NOT NULL REFERENCES workspaces,
  member      BLOB NOT NULL,
  email       TEXT NOT NULL COLLATE NOCASE,
  name        TEXT NOT NULL,
  role        TEXT NOT NULL,
  enabled     INTEGER NOT NULL,
  delegate    BLOB, -- who votes in their place, and from when until when
  delegate_since INTEGER,
  delegate_until INTEGER,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (workspace, member),
  UNIQUE (workspace, email)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_email ON members (email);

-- Passwords, hashed by argon2id (PHC strings).
CREATE TABLE passwords (
  workspace BLOB NOT NULL,
  member    BLOB NOT NULL,
  hash      TEXT NOT NULL,
  set_at    INTEGER NOT NULL,
  PRIMARY KEY (workspace, member),
  FOREIGN KEY (workspace, member) REFERENCES members
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
  workspace  BLOB NOT NULL REFERENCES workspaces,
  group_id   BLOB NOT NULL,
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workspace, group_id),
  UNIQUE (workspace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE group_members (
  workspace BLOB NOT NULL,
  group_id  BLOB NOT NULL,
  member    BLOB NOT NULL,
  PRIMARY KEY (workspace, group_id, member),
  FOREIGN KEY (workspace, group_id) REFERENCES groups ON DELETE CASCADE,
  FOREIGN KEY (workspace, member) REFERENCES members
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
  key          BLOB NOT NULL PRIMARY KEY,
  workspace    BLOB NOT NULL REFERENCES workspaces,
  environment  TEXT NOT NULL,
  dialect      TEXT NOT NULL, -- the API that it speaks
  secret       BLOB NOT NULL UNIQUE, -- SHA-256; the secret itself is nowhere
  hint         TEXT NOT NULL,
  label        TEXT NOT NULL,
  owner        BLOB NOT NULL,
  member       BLOB,
  scopes       TEXT NOT NULL,
  policies     TEXT NOT NULL,
  limits       TEXT NOT NULL, -- as JSON, where they are tighter than those of every key
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  revoked_at   INTEGER,
  last_used_at INTEGER,
  callback_url TEXT, -- where the end of what it asks is sent, unless the ask says
  FOREIGN KEY (workspace, owner) REFERENCES members,
  FOREIGN KEY (workspace, member) REFERENCES members
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_of_workspace ON keys (workspace, key);

CREATE TABLE sessions (
  session    BLOB NOT NULL PRIMARY KEY,
  workspace  BLOB NOT NULL,
  secret     BLOB NOT NULL UNIQUE,
  member     BLOB NOT NULL,
  assurance  TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  closed_at  INTEGER,
  FOREIGN KEY (workspace, member) REFERENCES members
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_member ON sessions (workspace, member);

CREATE TABLE login_links (
  secret     BLOB NOT NULL PRIMARY KEY,
  workspace  BLOB NOT NULL,
  member     BLOB NOT NULL,
  assurance  TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  spent_at   INTEGER,
  FOREIGN KEY (workspace, member) REFERENCES members
) STRICT, WITHOUT ROWID;
CREATE INDEX login_links_of_member ON login_links (workspace, member);

-- Links by which one person decides one approval. They end with it.
CREATE TABLE decision_links (
  link        BLOB NOT NULL PRIMARY KEY,
  secret      BLOB NOT NULL UNIQUE,
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  approval    BLOB NOT NULL,
  member      BLOB NOT NULL,
  assurance   TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  closed_at   INTEGER,
  channel     BLOB, -- of the buttons of a card: by which way it was sent
  account     TEXT, -- and to which account
  approves    INTEGER, -- whether one of them approves
  shown       BLOB, -- SHA-256 of what the card shows
  prompt      INTEGER, -- the message that asked them for words
  prompt_chat INTEGER, -- in which chat
  prompt_for  TEXT, -- and for what
  FOREIGN KEY (workspace, member) REFERENCES members
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_links_of_member ON decision_links (workspace, member);
CREATE INDEX decision_links_prompted ON decision_links (channel, account, prompt)
  WHERE prompt IS NOT NULL;

-- Accounts with chat providers: whose they are.
CREATE TABLE accounts (
  channel     BLOB NOT NULL,
  account     TEXT NOT NULL, -- what the provider knows them by for good
  workspace   BLOB NOT NULL,
  member      BLOB NOT NULL,
  name        TEXT NOT NULL, -- what they called themselves when it was linked
  assurance   TEXT NOT NULL,
  linked_at   INTEGER NOT NULL,
  PRIMARY KEY (channel, account),
  UNIQUE (channel, member),
  FOREIGN KEY (workspace, member) REFERENCES members
) STRICT, WITHOUT ROWID;
CREATE INDEX accounts_of_workspace ON accounts (workspace, member);

-- Cards in groups: what their buttons stand for. Who pressed one is not known before they do.
CREATE TABLE room_cards (
  secret      BLOB NOT NULL PRIMARY KEY,
  notice      BLOB NOT NULL,
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  approval    BLOB NOT NULL,
  channel     BLOB NOT NULL,
  room        BLOB NOT NULL,
  approves    INTEGER NOT NULL, -- whether one of them approves
  shown       BLOB NOT NULL, -- SHA-256 of what the card shows
  expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX room_cards_ended ON room_cards (expires_at);

-- Codes by which people show which account is theirs.
CREATE TABLE account_codes (
  secret      BLOB NOT NULL PRIMARY KEY,
  workspace   BLOB NOT NULL,
  channel     BLOB NOT NULL,
  member      BLOB NOT NULL,
  maker       TEXT NOT NULL, -- the credential that asked for it
  assurance   TEXT NOT NULL, -- what the account will be worth
  expires_at  INTEGER NOT NULL,
  account     TEXT, -- which sent it
  name        TEXT,
  linked      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX account_codes_of_member ON account_codes (channel, member);

-- Where programs of the proof dialect want their questions put. They give nobody a vote.
CREATE TABLE hitl_configs (
  workspace   BLOB NOT NULL REFERENCES workspaces,
  environment TEXT NOT NULL,
  hitl        BLOB NOT NULL, -- 12 bytes
  name        TEXT NOT NULL,
  channels    TEXT NOT NULL, -- JSON
  timeout     INTEGER NOT NULL, -- in seconds
  status      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (workspace, environment, hitl)
) STRICT, WITHOUT ROWID;

-- Votes given in advance. Their terms are JSON; how often each was used is counted beside them.
CREATE TABLE grants (
  grant_id    BLOB NOT NULL PRIMARY KEY,
  workspace   BLOB NOT NULL REFERENCES workspaces,
  environment TEXT NOT NULL,
  approval    BLOB NOT NULL,
  asker       BLOB NOT NULL,
  member      BLOB NOT NULL,
  ends_at     INTEGER NOT NULL,
  uses        INTEGER NOT NULL,
  used        INTEGER NOT NULL,
  ended_at    INTEGER,
  ended_by    TEXT,
  body        TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_of_place ON grants (workspace, environment, grant_id);
CREATE INDEX grants_of_approval ON grants (approval);

-- A removed policy keeps its row, so that its versions are never counted twice.
CREATE TABLE policies (
  workspace  BLOB NOT NULL REFERENCES workspaces,
  name       TEXT NOT NULL,
  policy     BLOB NOT NULL UNIQUE,
  newest     INTEGER NOT NULL,
  removed_at INTEGER,
  PRIMARY KEY (workspace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy_versions (
  workspace  BLOB NOT NULL,
  policy     BLOB NOT NULL REFERENCES policies (policy),
  version    INTEGER NOT NULL,
  digest     BLOB NOT NULL,
  document   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  by         TEXT NOT NULL,
  PRIMARY KEY (policy, version)
) STRICT;

-- What approvals are found and listed by; narrow, so that a filter reads little.
CREATE TABLE approvals (
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  approval    BLOB NOT NULL,
  version     INTEGER NOT NULL,
  status      TEXT NOT NULL,
  silence     TEXT NOT NULL, -- what its policy makes of the deadline
  policy      TEXT NOT NULL,
  agent       TEXT,
  asker       BLOB NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  due_at      INTEGER, -- while pending: when something next happens by itself, a step or the deadline
  erasable_from INTEGER, -- since when its texts have no use; empty while pending or held, and once erased
  snapshot    INTEGER NOT NULL,
  PRIMARY KEY (workspace, environment, approval)
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_erasable ON approvals (workspace, erasable_from)
  WHERE erasable_from IS NOT NULL;
CREATE INDEX approvals_due ON approvals (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX approvals_pending ON approvals (workspace, environment, approval)
  WHERE status = 'pending';

-- How much each key has open and has asked for this month; with an empty key, all of the place.
CREATE TABLE tallies (
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  key         BLOB NOT NULL,
  pending     INTEGER NOT NULL,
  month       INTEGER NOT NULL, -- when it began
  asks        INTEGER NOT NULL,
  PRIMARY KEY (workspace, environment, key)
) STRICT, WITHOUT ROWID;

-- Who has voted on what, to find it by.
CREATE TABLE voters (
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  member      BLOB NOT NULL,
  approval    BLOB NOT NULL,
  PRIMARY KEY (workspace, environment, member, approval)
) STRICT, WITHOUT ROWID;

-- The whole approval as JSON, apart because it is wide.
CREATE TABLE snapshots (
  snapshot    INTEGER PRIMARY KEY,
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  search      TEXT NOT NULL,
  body        TEXT NOT NULL
) STRICT;

-- With row numbers: rows so wide are appended with far less copying than WITHOUT ROWID. The same
-- holds for `audit`.
CREATE TABLE events (
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  approval    BLOB NOT NULL,
  version     INTEGER NOT NULL,
  name        TEXT NOT NULL,
  at          INTEGER NOT NULL,
  detail      TEXT NOT NULL,
  PRIMARY KEY (approval, version)
) STRICT;

-- What people said no to, by the action, so that who is asked again is told.
CREATE TABLE rejected_actions (
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  digest      BLOB NOT NULL,
  approval    BLOB NOT NULL,
  PRIMARY KEY (workspace, environment, digest, approval)
) STRICT, WITHOUT ROWID;

CREATE TABLE proofs (
  approval    BLOB NOT NULL PRIMARY KEY, -- so there is at most one decision
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  statement   BLOB NOT NULL,
  token       TEXT,
  audit_index INTEGER NOT NULL, -- of the entry that recorded this statement
  erased_index INTEGER -- of the entry that recorded that the texts went
) STRICT;

-- Texts that approvers saw, once each, and which approval they belong to.
CREATE TABLE shown_texts (
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  digest      BLOB NOT NULL,
  text        TEXT NOT NULL,
  PRIMARY KEY (workspace, environment, digest)
) STRICT;
CREATE TABLE shown (
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  approval    BLOB NOT NULL,
  digest      BLOB NOT NULL,
  renderer    TEXT NOT NULL,
  channel     TEXT NOT NULL,
  locale      TEXT NOT NULL,
  PRIMARY KEY (approval, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX shown_by_text ON shown (workspace, environment, digest);

-- The tokens that prove decisions to clients of proof.holdings. The row is written with the
-- decision. The token says the comment, so it goes with the texts; its digest stays.
CREATE TABLE proof_tokens (
  number      INTEGER PRIMARY KEY AUTOINCREMENT, -- its slot in the list of what is revoked
  approval    BLOB NOT NULL UNIQUE,
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  token       TEXT,
  digest      BLOB UNIQUE, -- SHA-256 of the token, once it is signed
  expires_at  INTEGER,
  revoked_at  INTEGER,
  reason      TEXT
) STRICT;
CREATE INDEX proof_tokens_revoked ON proof_tokens (number) WHERE revoked_at IS NOT NULL;
CREATE INDEX proof_tokens_by_end ON proof_tokens (revoked_at, number)
  WHERE revoked_at IS NOT NULL;

CREATE TABLE audit (
  workspace BLOB NOT NULL,
  position  INTEGER NOT NULL, -- counted from 1 without gaps
  at        INTEGER NOT NULL,
  actor     TEXT NOT NULL,
  kind      TEXT NOT NULL,
  subject   TEXT NOT NULL,
  detail    TEXT NOT NULL,
  previous  BLOB NOT NULL,
  hash      BLOB NOT NULL,
  PRIMARY KEY (workspace, position)
) STRICT;

-- Requests that must not be carried out twice. `environment` is '-' for administration, which
-- knows none. `ends_at` is empty while the approval is pending.
CREATE TABLE idempotency (
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  credential  BLOB NOT NULL,
  operation   TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  approval    BLOB,
  subject     TEXT,
  ends_at     INTEGER,
  PRIMARY KEY (workspace, environment, credential, operation, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_of_approval ON idempotency (approval) WHERE approval IS NOT NULL;
CREATE INDEX idempotency_by_end ON idempotency (ends_at) WHERE ends_at IS NOT NULL;

-- Work that waits. A claim moves `due_at` to the end of the lease and counts the attempt.
-- AUTOINCREMENT: an id that came back would let a lost lease settle somebody else's row.
CREATE TABLE outbox (
  outbox      INTEGER PRIMARY KEY AUTOINCREMENT,
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  kind        TEXT NOT NULL,
  approval    BLOB NOT NULL,
  attempt     INTEGER NOT NULL DEFAULT 0,
  due_at      INTEGER NOT NULL,
  dead_at     INTEGER,
  why         TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (kind, due_at) WHERE dead_at IS NULL;

-- Where what happens is sent. The secret that it is signed with is sealed.
CREATE TABLE webhooks (
  webhook     BLOB NOT NULL PRIMARY KEY,
  workspace   BLOB NOT NULL REFERENCES workspaces,
  environment TEXT NOT NULL,
  url         TEXT NOT NULL,
  callbacks   INTEGER NOT NULL DEFAULT 0, -- whether it has none, and each approval its own
  dialect     TEXT NOT NULL DEFAULT 'native', -- whose words it is told in, and of whose approvals
  events      TEXT NOT NULL, -- names, as JSON; none: all
  sealed      BLOB NOT NULL,
  older       BLOB, -- the secret before, which signs too until then
  older_until INTEGER,
  created_at  INTEGER NOT NULL,
  state       TEXT NOT NULL DEFAULT 'unconfirmed', -- until it gives a challenge back
  disabled_at INTEGER,
  why         TEXT, -- while it is not active: why not
  failures    INTEGER NOT NULL DEFAULT 0, -- in a row, whatever was sent
  failing_since INTEGER, -- the first of them
  probe_at    INTEGER -- during an outage: when it is tried next, with one delivery
) STRICT, WITHOUT ROWID;
CREATE INDEX webhooks_of_workspace ON webhooks (workspace, webhook);

-- Where an asker has the end of one approval sent.
CREATE TABLE callbacks (
  approval BLOB NOT NULL PRIMARY KEY,
  url      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One event for one receiver. What is sent is made of the event, and stands nowhere else.
-- AUTOINCREMENT: pages of the log go by it.
CREATE TABLE deliveries (
  position    INTEGER PRIMARY KEY AUTOINCREMENT,
  delivery    BLOB NOT NULL UNIQUE,
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  webhook     BLOB NOT NULL,
  approval    BLOB NOT NULL,
  version     INTEGER NOT NULL, -- of the event
  added_at    INTEGER NOT NULL,
  url         TEXT, -- of a callback
  attempt     INTEGER NOT NULL DEFAULT 0,
  earlier     INTEGER NOT NULL DEFAULT 0, -- attempts before it was last asked for once more
  due_at      INTEGER, -- the end of the lease while it is sent; empty behind another of its approval
  delivered   INTEGER NOT NULL DEFAULT 0,
  settled_at  INTEGER,
  why         TEXT, -- of the last attempt: what went wrong, and what was answered
  status      INTEGER,
  answer      TEXT
) STRICT;
CREATE INDEX deliveries_due ON deliveries (webhook, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_waiting ON deliveries (webhook, approval, version)
  WHERE settled_at IS NULL;
CREATE INDEX deliveries_of_webhook ON deliveries (webhook, added_at);
CREATE INDEX deliveries_dead ON deliveries (webhook, settled_at)
  WHERE settled_at IS NOT NULL AND delivered = 0;
CREATE INDEX deliveries_callbacks ON deliveries (approval) WHERE url IS NOT NULL;
CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL;

-- Ways to people: mail. A secret (the mail server's password) is sealed.
CREATE TABLE channels (
  channel     BLOB NOT NULL PRIMARY KEY,
  workspace   BLOB NOT NULL REFERENCES workspaces,
  settings    TEXT NOT NULL, -- JSON
  sealed      BLOB,
  created_at  INTEGER NOT NULL,
  troubled_at INTEGER, -- what went wrong, since something last arrived by it
  why         TEXT,
  failures    INTEGER NOT NULL DEFAULT 0, -- in a row, that were its own, whoever was told
  failing_since INTEGER, -- the first of them
  probe_at    INTEGER, -- while it is down: when it is tried next, with one notice
  quiet_until INTEGER -- the provider wants to be left alone until then
) STRICT, WITHOUT ROWID;
CREATE INDEX channels_of_workspace ON channels (workspace, channel);

-- Ways that were taken away while cards of theirs could still be answered: kept until those say so,
-- and an hour at most. Nobody is asked or heard by them.
CREATE TABLE farewells (
  channel     BLOB NOT NULL PRIMARY KEY,
  workspace   BLOB NOT NULL REFERENCES workspaces,
  settings    TEXT NOT NULL, -- JSON
  sealed      BLOB,
  created_at  INTEGER NOT NULL, -- of the way
  due_at      INTEGER NOT NULL, -- the end of the lease while its cards are changed
  settles_at  INTEGER NOT NULL, -- until then what was being told may still bring a card
  ends_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE farewell_cards (
  channel     BLOB NOT NULL REFERENCES farewells ON DELETE CASCADE,
  reference   TEXT NOT NULL, -- what the way knows it by
  environment TEXT NOT NULL,
  approval    BLOB NOT NULL,
  member      BLOB NOT NULL,
  PRIMARY KEY (channel, reference)
) STRICT, WITHOUT ROWID;

-- Something to tell one person by one way. What is told is made of the approval as it is then, and
-- stands nowhere else.
CREATE TABLE notices (
  position    INTEGER PRIMARY KEY AUTOINCREMENT,
  notice      BLOB NOT NULL UNIQUE,
  workspace   BLOB NOT NULL,
  environment TEXT NOT NULL,
  channel     BLOB NOT NULL,
  approval    BLOB NOT NULL,
  member      BLOB NOT NULL,
  about       TEXT NOT NULL,
  added_at    INTEGER NOT NULL,
  attempt     INTEGER NOT NULL DEFAULT 0,
  earlier     INTEGER NOT NULL DEFAULT 0, -- attempts that do not count towards giving it up
  uncounted   INTEGER NOT NULL DEFAULT 0, -- those of them while the way was down
  due_at      INTEGER, -- the end of the lease while it is told; empty behind another one
  held        INTEGER NOT NULL DEFAULT 0, -- whether somebody tells it now, under that lease
  sent        INTEGER NOT NULL DEFAULT 0,
  reference   TEXT, -- what the way knows it by, once it was sent
  dead        INTEGER NOT NULL DEFAULT 0,
  settled_at  INTEGER,
  why         TEXT, -- what went wrong last, or why it was dropped
  gathered_at INTEGER, -- since when it is kept for a digest; empty where it is told by itself
  digest      BLOB -- the digest that it is told in, once that was made up
) STRICT;
CREATE INDEX notices_due ON notices (channel, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notices_of_approval ON notices (approval, channel, member);
CREATE INDEX notices_of_channel ON notices (channel, added_at);
CREATE INDEX notices_dead ON notices (channel, settled_at)
  WHERE settled_at IS NOT NULL AND dead = 1;
CREATE INDEX notices_waiting ON notices (channel) WHERE settled_at IS NULL;
CREATE INDEX notices_recent ON notices (channel, member, settled_at) WHERE sent = 1;
CREATE INDEX notices_held ON notices (channel, member) WHERE held = 1;
CREATE INDEX notices_gathered ON notices (channel, member, digest)
  WHERE gathered_at IS NOT NULL AND settled_at IS NULL;
CREATE INDEX notices_settled ON notices (settled_at) WHERE settled_at IS NOT NULL;

-- Workspaces whose open approvals are to be looked through for people who can answer them now and
-- could not before.
CREATE TABLE newcomers (
  workspace BLOB NOT NULL,
  due_at    INTEGER NOT NULL,
  after     BLOB, -- the approval that was looked at last
  PRIMARY KEY (workspace, due_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX newcomers_due ON newcomers (due_at);

CREATE TABLE signing_keys (
  kid        TEXT NOT NULL PRIMARY KEY,
  family     TEXT NOT NULL,     -- what it signs
  public_jwk TEXT NOT NULL,
  sealed     BLOB,              -- nothing where the sealing key was lost: it only verifies
  created_at INTEGER NOT NULL,
  signs_from INTEGER NOT NULL   -- published before, so that verifiers know it in time
) STRICT;

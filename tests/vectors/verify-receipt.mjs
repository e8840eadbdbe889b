// How to verify an Askfirst receipt in JavaScript, with jose and canonicalize. Copy what you need.
//
// `verifyReceipt` is the whole of it for a receipt; `verifyBundle` adds the parts of a bundle.
// Both return {exit, claims}: 0 approved and usable, 3 authentic but not approved, 5 no longer
// usable. Whatever is not authentic throws `Refused`.

import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { calculateJwkThumbprint, compactVerify, errors, importJWK } from "jose";

export class Refused extends Error {}

function check(fact, why) {
  if (!fact) throw new Refused(why);
}

/** `keys`: Map of thumbprint to JWK, as `thumbprints` makes it from a key set that you trust. */
export async function verifyReceipt(token, keys, expect) {
  check(typeof token === "string" && token.length <= 65536, "too large");
  const parts = token.split(".");
  check(parts.length === 3, "not three parts");
  const [head, payload] = parts.map(decode);
  const header = strictJson(head);
  check(record({ alg: word("RS256"), kid: text, typ: word("askfirst-receipt+jwt") })(header), "another header");
  check(keys.has(header.kid), "the signer is not trusted");
  const jwk = keys.get(header.kid);
  check(decode(jwk.n).length >= 256, "the key is too short");
  try {
    await compactVerify(token, await importJWK(jwk, "RS256"), { algorithms: ["RS256"] });
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new Refused(error.message);
    throw error;
  }

  const claims = strictJson(payload);
  check(CLAIMS(claims), "the claims are not those of a receipt");
  check(claims.aud && claims.iss.endsWith(`/w/${claims.aud}`), "iss is not of aud");
  const { now, workspace, environment, issuer, approval, action_digest } = expect;
  const expected = { aud: workspace, environment, iss: issuer, approval, action_digest };
  for (const [claim, wanted] of Object.entries(expected)) {
    check(wanted == null || claims[claim] === wanted, `another ${claim}`);
  }
  check(claims.iat <= now + 300, "from the future");
  if (claims.decision !== "approved") {
    check(claims.valid_until === null, "not approved, yet usable");
    check(now < claims.exp, "lapsed");
    return { exit: 3, claims };
  }
  check(claims.valid_until !== null && seconds(claims.valid_until) === claims.exp, "exp differs");
  const carries = (vote) => vote.decision === "approve"
    && vote.action_digest === claims.action_digest && vote.assurance === claims.assurance;
  check(claims.votes.some(carries), "nobody approved this action as surely as stated");
  return { exit: now < claims.exp ? 0 : 5, claims };
}

/** `bundle`: parsed JSON. `trusted`: thumbprints whose keys may be taken from the bundle. */
export async function verifyBundle(bundle, keys, trusted, expect) {
  check(BUNDLE(bundle) && bundle.format === "askfirst-bundle/1", "not a bundle");
  const all = new Map(keys);
  for (const [kid, jwk] of await thumbprints(bundle.jwks)) if (trusted.includes(kid)) all.set(kid, jwk);
  const { exit, claims } = await verifyReceipt(bundle.receipt, all, expect);

  // Where the texts were erased, parts may be missing; what is there must still fit.
  const erased = bundle.erased ?? null;
  const same = (parts, digestOf, named) => {
    check(parts.every((part) => digestOf(part) === part.digest), "a digest does not fit");
    const there = new Set(parts.map((part) => part.digest));
    const wanted = new Set(named.filter((it) => it !== null));
    check([...there].every((it) => wanted.has(it)), "a part is not named");
    check(erased !== null || [...wanted].every((it) => there.has(it)), "a part is missing");
  };
  const { votes } = claims;
  same(bundle.actions, (part) => jsonDigest(part.action),
    [claims.asked_digest, claims.action_digest, ...votes.map((vote) => vote.action_digest)]);
  same(bundle.shown, (part) => digest(part.text), votes.map((vote) => vote.shown_digest));
  const { document, ...policy } = bundle.policy;
  check(canonicalize(policy) === canonicalize(claims.policy), "another policy");
  check(jsonDigest(document) === policy.digest, "the policy was changed");
  const answer = bundle.answer == null ? null : jsonDigest(bundle.answer);
  check((erased && answer === null) || answer === claims.answer_digest, "another answer");
  const { entry } = bundle.audit;
  for (const known of erased ? [bundle.audit, erased] : [bundle.audit]) {
    check(entryHash(known.entry) === known.hash && known.entry.index === known.index, "an audit entry was changed");
  }
  check(!erased || (erased.entry.workspace === claims.aud && erased.entry.subject === claims.approval
    && erased.entry.kind === "approval.erased"), "the erasure is of something else");
  const statement = digest(decode(bundle.receipt.split(".")[1]));
  check(entry.workspace === claims.aud && entry.subject === claims.approval
    && entry.detail.statement_digest === statement, "the audit entry is of something else");
  return { exit, claims };
}

/** The RSA keys of a key set under their RFC 7638 thumbprints, computed and not believed. */
export async function thumbprints(jwks) {
  const rsa = jwks.keys.filter((jwk) => jwk.kty === "RSA");
  return new Map(await Promise.all(rsa.map(async (jwk) => [await calculateJwkThumbprint(jwk), jwk])));
}

export const entryHash = (entry) => jsonDigest({ ...entry, domain: "askfirst-audit/1" });
export const jsonDigest = (value) => digest(canonicalize(value));
export const digest = (data) => `sha256:${createHash("sha256").update(data).digest("hex")}`;

// base64url in its one spelling; Buffer forgives others.
function decode(part) {
  const data = Buffer.from(part, "base64url");
  check(data.toString("base64url") === part, "another spelling in base64url");
  return data;
}

// JSON in its canonical form only, which leaves no room for a key twice or for 1.0 as 1.
function strictJson(data) {
  let text, value;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    value = JSON.parse(text, wellFormed);
  } catch (error) {
    throw new Refused(error.message);
  }
  check(canonicalize(value) === text, "not in canonical form");
  return value;
}

// JSON.parse lets half a surrogate pair pass, and makes infinity of a number beyond the doubles.
function wellFormed(key, value) {
  check(typeof value !== "number" || Number.isFinite(value), "no number");
  check(key.isWellFormed() && (typeof value !== "string" || value.isWellFormed()), "half a character");
  return value;
}

const seconds = (moment) => Date.parse(`${moment.slice(0, 19)}Z`) / 1000;

// The shape of a receipt: every claim, always, and no other.

const text = (value) => typeof value === "string";
const anything = () => true;
const object = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const sha256 = (value) => text(value) && /^sha256:[0-9a-f]{64}$/.test(value) && value.length === 71;
const whole = (value) => Number.isInteger(value) && value >= 0 && value <= 253402300799;
const word = (...words) => (value) => words.includes(value);
const maybe = (shape) => (value) => value === null || shape(value);
const many = (shape) => (value) => Array.isArray(value) && value.every(shape);
const record = (shapes, optional = []) => (value) => object(value)
  && Object.keys(value).every((member) => Object.hasOwn(shapes, member) && shapes[member](value[member]))
  && Object.keys(shapes).every((member) => Object.hasOwn(value, member) || optional.includes(member));
// Date.parse makes the second of March of the thirtieth of February; writing it back tells.
const time = (value) => text(value) && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(value)
  && !Number.isNaN(seconds(value))
  && new Date(seconds(value) * 1000).toISOString().startsWith(value.slice(0, 19));

const ASSURANCE = word("bearer", "key", "link", "chat", "session", "passkey");
const CLAIMS = record({
  iss: text, aud: text, iat: whole, exp: whole, jti: text,
  environment: word("live", "test", "dev"), approval: text,
  decision: word("approved", "rejected", "expired", "cancelled"),
  asked_digest: sha256, action_digest: sha256,
  asker: record({ key: text, owner: maybe(text), label: text }),
  decided_at: time, valid_until: maybe(time), comment: maybe(text), answer_digest: maybe(sha256),
  policy: record({ name: text, version: whole, digest: sha256 }),
  votes: many(record({
    approver: text, on_behalf_of: maybe(text), decision: word("approve", "reject", "more_info"),
    assurance: ASSURANCE, via: text, at: time, action_digest: sha256, shown_digest: maybe(sha256),
  })),
  assurance: maybe(ASSURANCE),
});
const ENTRY = record({
  workspace: text, index: whole, at: text, actor: text, kind: text, subject: text, detail: object, previous: sha256,
});
const BUNDLE = record({
  format: text, receipt: text, actions: many(record({ digest: sha256, action: anything })),
  policy: record({ name: text, version: whole, digest: sha256, document: anything }),
  shown: many(record({ digest: sha256, renderer: text, channel: text, locale: text, text })),
  audit: record({ entry: ENTRY, hash: sha256, index: whole }), answer: anything,
  jwks: record({ keys: many(object) }), erased: maybe(record({ entry: ENTRY, hash: sha256, index: whole })),
}, ["answer", "erased"]);

"""How to verify an Askfirst receipt in Python, with PyJWT and rfc8785. Copy what you need.

`verify_receipt` is the whole of it for a receipt; `verify_bundle` adds the parts of a bundle.
Both return (exit, claims): 0 approved and usable, 3 authentic but not approved, 5 no longer
usable. Whatever is not authentic raises `Refused`.
"""

import base64
import hashlib
import json
import re
from datetime import datetime

import jwt
import rfc8785

TYPE = "askfirst-receipt+jwt"


class Refused(ValueError):
    """Not authentic, or not what was asked about."""


def check(fact, why):
    if not fact:
        raise Refused(why)


def verify_receipt(token, keys, *, now, workspace=None, environment=None, issuer=None,
                   approval=None, action_digest=None):
    """`keys`: {thumbprint: JWK} as `thumbprints` makes it from a key set that you trust."""
    check(isinstance(token, str) and len(token) <= 65536, "too large")
    parts = token.split(".")
    check(len(parts) == 3, "not three parts")
    header, payload, _ = [decode(part) for part in parts]
    header = strict_json(header)
    kid = header.get("kid") if isinstance(header, dict) else None
    check(header == {"alg": "RS256", "kid": kid, "typ": TYPE}, "another header")
    check(isinstance(kid, str) and kid in keys, "the signer is not trusted")
    check(len(decode(keys[kid]["n"])) >= 256, "the key is too short")
    try:
        jwt.api_jws.decode(token, jwt.PyJWK(keys[kid], "RS256"), algorithms=["RS256"])
    except jwt.PyJWTError as error:
        raise Refused(str(error)) from error

    claims = strict_json(payload)
    check(CLAIMS(claims), "the claims are not those of a receipt")
    check(claims["aud"] and claims["iss"].endswith("/w/" + claims["aud"]), "iss is not of aud")
    for claim, wanted in {"aud": workspace, "environment": environment, "iss": issuer,
                          "approval": approval, "action_digest": action_digest}.items():
        check(wanted is None or claims[claim] == wanted, f"another {claim}")
    check(claims["iat"] <= now + 300, "from the future")
    if claims["decision"] != "approved":
        check(claims["valid_until"] is None, "not approved, yet usable")
        check(now < claims["exp"], "lapsed")
        return 3, claims
    check(claims["valid_until"] and seconds(claims["valid_until"]) == claims["exp"], "exp differs")
    check(any(vote["decision"] == "approve" and vote["action_digest"] == claims["action_digest"]
              and vote["assurance"] == claims["assurance"] for vote in claims["votes"]),
          "nobody approved this action as surely as stated")
    return (0 if now < claims["exp"] else 5), claims


def verify_bundle(bundle, keys, trusted=(), **expect):
    """`bundle`: parsed JSON. `trusted`: thumbprints whose keys may be taken from the bundle."""
    check(BUNDLE(bundle) and bundle["format"] == "askfirst-bundle/1", "not a bundle")
    offered = thumbprints(bundle["jwks"])
    keys = keys | {kid: jwk for kid, jwk in offered.items() if kid in trusted}
    exit_code, claims = verify_receipt(bundle["receipt"], keys, **expect)

    # Where the texts were erased, parts may be missing; what is there must still fit.
    erased = bundle.get("erased")

    def same(parts, digest_of, named):
        check(all(digest_of(part) == part["digest"] for part in parts), "a digest does not fit")
        there, named = {part["digest"] for part in parts}, set(named) - {None}
        check(there == named if erased is None else there <= named, "a part is not named")

    votes = claims["votes"]
    same(bundle["actions"], lambda part: json_digest(part["action"]),
         [claims["asked_digest"], claims["action_digest"], *(v["action_digest"] for v in votes)])
    same(bundle["shown"], lambda part: digest(part["text"].encode()),
         [vote["shown_digest"] for vote in votes])
    policy = {member: bundle["policy"][member] for member in ("name", "version", "digest")}
    check(policy == claims["policy"], "another policy")
    check(json_digest(bundle["policy"]["document"]) == policy["digest"], "the policy was changed")
    answer = bundle.get("answer")
    check((erased is not None and answer is None)
          or (None if answer is None else json_digest(answer)) == claims["answer_digest"], "answer")
    audit, entry = bundle["audit"], bundle["audit"]["entry"]
    for known in [audit] if erased is None else [audit, erased]:
        check(entry_hash(known["entry"]) == known["hash"]
              and known["entry"]["index"] == known["index"], "audit changed")
    if erased is not None:
        told = [erased["entry"][member] for member in ("workspace", "subject", "kind")]
        check(told == [claims["aud"], claims["approval"], "approval.erased"], "another erasure")
    statement = digest(decode(bundle["receipt"].split(".")[1]))
    check((entry["workspace"], entry["subject"]) == (claims["aud"], claims["approval"])
          and entry["detail"].get("statement_digest") == statement, "audit of something else")
    return exit_code, claims


def thumbprints(jwks):
    """The RSA keys of a key set under their RFC 7638 thumbprints, computed and not believed."""
    keys = {}
    for jwk in jwks["keys"]:
        if isinstance(jwk, dict) and jwk.get("kty") == "RSA":
            members = {member: jwk[member] for member in ("e", "kty", "n")}
            thumbprint = hashlib.sha256(rfc8785.dumps(members)).digest()
            keys[encode(thumbprint)] = jwk
    return keys


def entry_hash(entry):
    return json_digest(entry | {"domain": "askfirst-audit/1"})


def json_digest(value):
    return digest(rfc8785.dumps(value))


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(part):
    """base64url in its one spelling; the standard library forgives others."""
    check(re.fullmatch("[A-Za-z0-9_-]*", part), "not base64url")
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise Refused(str(error)) from error
    check(encode(data) == part, "another spelling in base64url")
    return data


def strict_json(data):
    """JSON in its canonical form only, which leaves no room for a key twice or for 1.0 as 1."""
    try:
        value = json.loads(data.decode())
        check(rfc8785.dumps(value) == data, "not in canonical form")
    except ValueError as error:
        raise Refused(str(error)) from error
    return value


def seconds(text):
    return int(datetime.fromisoformat(text[:19] + "+00:00").timestamp())


# The shape of a receipt: every claim, always, and no other.


def text(value):
    return isinstance(value, str)


def sha256(value):
    return text(value) and re.fullmatch("sha256:[0-9a-f]{64}", value) is not None


def time(value):
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"
    if not text(value) or not re.fullmatch(pattern, value, re.ASCII):
        return False
    try:
        return seconds(value) is not None
    except ValueError:
        return False


def whole(value):
    return type(value) is int and 0 <= value <= 253402300799


def word(*words):
    return lambda value: text(value) and value in words


def maybe(shape):
    return lambda value: value is None or shape(value)


def many(shape):
    return lambda value: isinstance(value, list) and all(map(shape, value))


def record(optional=(), **shapes):
    def fits(value):
        return (isinstance(value, dict) and value.keys() | set(optional) == shapes.keys()
                and all(shapes[member](it) for member, it in value.items()))
    return fits


def anything(_):
    return True


ASSURANCE = word("bearer", "key", "link", "chat", "session", "passkey")
CLAIMS = record(
    iss=text, aud=text, iat=whole, exp=whole, jti=text,
    environment=word("live", "test", "dev"), approval=text,
    decision=word("approved", "rejected", "expired", "cancelled"),
    asked_digest=sha256, action_digest=sha256,
    asker=record(key=text, owner=maybe(text), label=text),
    decided_at=time, valid_until=maybe(time), comment=maybe(text), answer_digest=maybe(sha256),
    policy=record(name=text, version=whole, digest=sha256),
    votes=many(record(
        approver=text, on_behalf_of=maybe(text), decision=word("approve", "reject", "more_info"),
        assurance=ASSURANCE, via=text, at=time, action_digest=sha256, shown_digest=maybe(sha256))),
    assurance=maybe(ASSURANCE))
ENTRY = record(workspace=text, index=whole, at=text, actor=text, kind=text, subject=text,
               detail=lambda value: isinstance(value, dict), previous=sha256)
BUNDLE = record(
    format=text, receipt=text, actions=many(record(digest=sha256, action=anything)),
    policy=record(name=text, version=whole, digest=sha256, document=anything),
    shown=many(record(digest=sha256, renderer=text, channel=text, locale=text, text=text)),
    audit=record(entry=ENTRY, hash=sha256, index=whole), answer=anything,
    jwks=record(keys=many(lambda value: isinstance(value, dict))),
    erased=maybe(record(entry=ENTRY, hash=sha256, index=whole)), optional=["answer", "erased"])

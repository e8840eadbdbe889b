"""Runs every vector of spec/vectors through PyJWT, rfc8785 and standardwebhooks; see
verify_receipt.py."""

import json
import struct
import sys
from datetime import datetime
from pathlib import Path

import rfc8785
import standardwebhooks.webhooks
from standardwebhooks import Webhook, WebhookVerificationError
from verify_receipt import (Refused, digest, entry_hash, json_digest, thumbprints, verify_bundle,
                            verify_receipt)

VECTORS = Path(__file__).resolve().parents[2] / "spec" / "vectors"


def read(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def judge(vector, jwks):
    """The exit code, as `askfirst verify` would give it. Only `Refused` counts as a refusal:
    any other exception is a bug of the verifier and ends the run."""
    keys = jwks if vector["thumbprints"] is None else {}
    try:
        if vector["bundle"] is None:
            return verify_receipt(vector["token"], keys, **vector["expect"])[0]
        trusted = vector["thumbprints"] or ()
        return verify_bundle(vector["bundle"], keys, trusted, **vector["expect"])[0]
    except Refused:
        return 4


class Clock(datetime):
    """Stands where a test puts it; the library asks it for the time."""
    seconds = 0

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(cls.seconds, tz)


def accepts(secret, body, headers, late=0):
    """Whether a receiver with this secret takes it, so many seconds after it was signed."""
    Clock.seconds = int(headers["webhook-timestamp"]) + late
    try:
        Webhook(secret).verify(body.encode(), headers)
        return True
    except WebhookVerificationError:
        return False


def check_webhooks(expect):
    for vector in read("webhooks.json"):
        name, body, headers = vector["name"], vector["body"], vector["headers"]
        for secret in vector["secrets"]:
            expect(f"webhook: {name}", accepts(secret, body, headers), True)
            expect(f"webhook, late: {name}", accepts(secret, body, headers, 301), False)
            expect(f"webhook, changed: {name}", accepts(secret, body + " ", headers), False)
            other = {**headers, "webhook-id": headers["webhook-id"] + "0"}
            expect(f"webhook, another id: {name}", accepts(secret, body, other), False)
        for secret in vector["strangers"]:
            expect(f"webhook, stranger: {name}", accepts(secret, body, headers), False)


def main():
    standardwebhooks.webhooks.datetime = Clock
    failures, count = [], 0

    def expect(name, found, wanted):
        nonlocal count
        count += 1
        if found != wanted:
            failures.append(f"{name}: {found!r} instead of {wanted!r}")

    jwks = thumbprints(read("jwks.json"))
    for name in ("good.json", "refused.json"):
        for vector in read(name):
            expect(f"{name}: {vector['name']}", judge(vector, jwks), vector["exit"])

    for path in sorted((VECTORS / "jcs").glob("*.json")):
        vector = json.loads(path.read_text(encoding="utf-8"))
        if path.name == "numbers.json":
            for number in vector["numbers"]:
                if number["text"] is not None:
                    (value,) = struct.unpack(">d", bytes.fromhex(number["bits"]))
                    expect(number["bits"], rfc8785.dumps(value).decode(), number["text"])
        else:
            expect(path.name, rfc8785.dumps(json.loads(vector["input"])).decode(), vector["canonical"])

    digests = read("digests.json")
    for vector in digests["json"]:
        expect("canonical", rfc8785.dumps(vector["value"]).decode(), vector["canonical"])
        expect("digest", json_digest(vector["value"]), vector["digest"])
    for vector in digests["text"]:
        expect("text digest", digest(vector["text"].encode()), vector["digest"])
    audit = digests["audit"]
    genesis = {"domain": "askfirst-audit-genesis/1", "workspace": audit["workspace"]}
    expect("genesis", json_digest(genesis), audit["genesis"])
    for vector in audit["entries"]:
        expect("audit entry", entry_hash(vector["entry"]), vector["hash"])

    check_webhooks(expect)

    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"python: {count - len(failures)} of {count} vectors agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

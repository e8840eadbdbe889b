"""Runs every vector of spec/vectors through PyJWT and rfc8785; see verify_receipt.py."""

import json
import struct
import sys
from pathlib import Path

import rfc8785
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


def main():
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

    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"python: {count - len(failures)} of {count} vectors agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

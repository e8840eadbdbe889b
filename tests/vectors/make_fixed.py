"""Writes spec/vectors/fixed.json: tokens that Askfirst's own library cannot or will not make.

PSS, ECDSA and EdDSA substitutes and a 1024-bit key. Their signatures are partly random, so the
file is made once and committed; run this again only if the shape of a receipt changes:
    cargo run -p askfirst-proof --example make-vectors   (so that good.json is new)
    python tests/vectors/make_fixed.py                   (needs the packages of requirements.txt)
    cargo run -p askfirst-proof --example make-vectors   (so that refused.json has the new tokens)
"""

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_der_private_key

VECTORS = Path(__file__).resolve().parents[2] / "spec" / "vectors"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(value) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def token(alg: str, kid: str, payload: str, sign) -> dict:
    header = {"alg": alg, "kid": kid, "typ": "askfirst-receipt+jwt"}
    message = f"{b64(compact(header))}.{payload}"
    return {"token": f"{message}.{b64(sign(message.encode()))}"}


def main() -> None:
    signer = json.loads((VECTORS / "keys" / "test-only-signer.json").read_text())
    key = load_der_private_key(base64.b64decode(signer["pkcs8"]), None)
    kid = json.loads((VECTORS / "jwks.json").read_text())["keys"][0]["kid"]
    good = {it["name"]: it for it in json.loads((VECTORS / "good.json").read_text())}
    plain = good["approved plainly"]["token"].split(".")[1]
    edited = good["approved"]["token"].split(".")[1]

    def pss(message):
        return key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())

    def ecdsa(message):
        der = ec.generate_private_key(ec.SECP256R1()).sign(message, ec.ECDSA(hashes.SHA256()))
        return b"".join(number.to_bytes(32, "big") for number in utils.decode_dss_signature(der))

    weak = rsa.generate_private_key(65537, 1024)
    public = weak.public_key().public_numbers()
    members = {"e": "AQAB", "kty": "RSA", "n": b64(public.n.to_bytes(128, "big"))}
    digest = hashes.Hash(hashes.SHA256())
    digest.update(compact(members))
    weak_kid = b64(digest.finalize())

    def rs256_weak(message):
        return weak.sign(message, padding.PKCS1v15(), hashes.SHA256())

    fixed = {
        "ps256": token("PS256", kid, plain, pss),
        "ps256_as_rs256": token("RS256", kid, plain, pss),
        "es256": token("ES256", kid, plain, ecdsa),
        "eddsa": token("EdDSA", kid, plain, ed25519.Ed25519PrivateKey.generate().sign),
        "rsa1024": token("RS256", weak_kid, edited, rs256_weak)
        | {"jwk": members | {"kid": weak_kid, "alg": "RS256", "use": "sig"}},
    }
    (VECTORS / "fixed.json").write_text(json.dumps(fixed, indent=2) + "\n")


if __name__ == "__main__":
    main()

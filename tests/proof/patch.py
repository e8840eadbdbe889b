"""Makes proof-holdings-sdk 1.2.0 readable to Python below 3.12, and changes nothing else.

It nests quotes of one kind in f-strings, which Python knows since 3.12. In these four files, and
nowhere else, the inner ones become the other kind. A file that is not exactly the published one is
refused."""

import hashlib
import pathlib
import sys
import sysconfig

PUBLISHED = {
    "proofs.py": "8d850cdce5fa6306377d92641c5c3f55d0a64e0aaf4915b815510e77a64b01f0",
    "verification_requests.py": "bdd35b237f20ae104088d7ba02774051bceef8cffb2f59be81bc1f9324a90df6",
    "verifications.py": "279e111797dd40eaeb010d5854479459ee3eb0bde2d520d64f7328a50626cd25",
    "webhook_deliveries.py": "33f9ec4af9e1791679f5130bc5130c9fd45170c00dd036dd27e942f4ba269f2b",
}
INNER, OTHER = 'safe=""', "safe=''"


def patched(line):
    return line.replace(INNER, OTHER) if 'f"' in line else line


if sys.version_info < (3, 12):
    folder = pathlib.Path(sysconfig.get_path("purelib"), "proof_sdk", "resources")
    for name, published in PUBLISHED.items():
        file = folder / name
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != published:
            sys.exit(f"{name} is not the one of proof-holdings-sdk 1.2.0")
        text = "".join(map(patched, data.decode().splitlines(keepends=True)))
        compile(text, name, "exec")
        file.write_bytes(text.encode())

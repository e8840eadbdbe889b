"""Asks a real server everything that spec/openapi.json lets one ask, and much that it does not,
with each kind of key: no answer may be a 5xx, of a status or media type that is not described, or
of another shape than described. Whether a well-formed request makes sense is for other tests.

    fuzz.py BINARY SPEC [EXAMPLES]

The server is a developer's, in a temporary folder, and ends with this. The event stream is left
out, for it does not end.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor

# What a description cannot say (a digest that fits, a policy that somebody can satisfy) makes
# well-formed requests wrong, so that they are accepted is not checked here.
CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "missing_required_header",
        "unsupported_method",
        "ignored_auth",
    ]
)
SEED = "20260101"
# Longer than the whole should take, so that a hang is a failure and not a wait.
LONGEST_SECONDS = 900
# Kinds of key at a time. Each has a server and a process of its own, which together keep about
# one core busy.
AT_ONCE = 2
# What each is tried with: the phases of schemathesis, and the paths. `coverage` sends everything
# malformed; where a key opens nothing, it is refused before anybody reads what else is wrong.
SOUND = ("examples,fuzzing", "^/")
MALFORMED = ("coverage", "^/v1/(approvals|votes|grants|limits)")
KINDS = [
    ("asker", "agent_key", [MALFORMED, SOUND]),
    ("approver", "approver_key", [MALFORMED, SOUND]),
    ("admin", "admin_key", [("examples,coverage,fuzzing", "^/")]),
    ("stranger", None, [SOUND]),
]


class Server:
    """`askfirst dev`, with enough in it that ids lead somewhere."""

    def __init__(self, binary, folder):
        command = [binary, "dev", "--json", "--listen", "127.0.0.1:0", "--data", folder]
        self.log = open(pathlib.Path(folder) / "server.log", "w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.ready = json.loads(self.process.stdout.readline())

    def call(self, who, method, path, body=None):
        request = urllib.request.Request(self.ready["url"] + path, method=method)
        request.add_header("Authorization", "Bearer " + self.ready[who])
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def ask(self, **more):
        action = {"name": "deploy", "title": "Deploy?", "arguments": {"version": "2.1"}}
        return self.call("agent_key", "POST", "/v1/approvals", {"action": action, **more})

    def decided(self):
        asked = self.ask()
        vote = {"decision": "approve", "action_digest": asked["action_digest"]}
        return self.call("approver_key", "POST", f"/v1/approvals/{asked['id']}/vote", vote)

    def is_alive(self):
        with urllib.request.urlopen(self.ready["url"] + "/healthz", timeout=20):
            pass

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.seek(0)
        return self.log.read()


def things(server):
    """Ids of things that are there, by the path that names them."""
    pending, ended = server.ask()["id"], server.decided()["id"]
    member = {"email": "ben@example.com", "name": "Ben", "role": "approver"}
    member = server.call("admin_key", "POST", "/v1/members", member)["id"]
    group = {"name": "sre", "members": [member]}
    group = server.call("admin_key", "POST", "/v1/groups", group)["id"]
    channel = {"kind": "email", "host": "127.0.0.1", "port": 9, "security": "none",
               "from": "askfirst@example.com"}
    channel = server.call("admin_key", "POST", "/v1/channels", channel)["id"]
    key = {"name": "bot", "scopes": ["ask"]}
    key = server.call("admin_key", "POST", "/v1/keys", key)["id"]
    return [
        (r"^/v1/approvals/\{id\}(/vote|/cancel|/look|/reply)?$", "id", pending),
        (r"^/v1/approvals/\{id\}/(proof|consume|outcome|revoke)$", "id", ended),
        (r"^/v1/members/\{id\}", "id", member),
        (r"^/v1/groups/\{id\}", "id", group),
        (r"^/v1/channels/\{id\}", "id", channel),
        (r"^/v1/keys/\{id\}", "id", key),
        (r"^/v1/policies/\{name\}", "name", "default"),
    ]


def configuration(found):
    """For schemathesis: by which ids to ask for things that are there."""
    lines = []
    for path, name, value in found:
        lines += ["[[operations]]", f"include-path-regex = {json.dumps(path)}"]
        lines += [f'parameters = {{ "path.{name}" = {json.dumps(value)} }}', ""]
    return "\n".join(lines)


def fuzz(binary, spec, kind, key, tries, examples):
    """One kind of key on a server of its own, so that what one leaves behind misleads no other."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(binary, folder)
        try:
            key, told = server.ready.get(key), (kind, examples, folder)
            # First things that are there, then those that are not; by then an admin may have
            # taken anything away.
            here = things(server)
            good = all([conforms(server, spec, key, tried, here, *told) for tried in tries])
            good &= conforms(server, spec, key, ("fuzzing", "^/"), [], *told)
            server.is_alive()
        finally:
            log = server.stop()
    panics = [line for line in log.splitlines() if "panic" in line]
    print("\n".join(panics), end="")
    return good and not panics


def conforms(server, spec, key, tried, found, kind, examples, folder):
    phases, paths = tried
    with_ids = pathlib.Path(folder) / "schemathesis.toml"
    with_ids.write_text(configuration(found))
    tool = str(pathlib.Path(sys.executable).with_name("schemathesis"))
    command = [tool, "--config-file", str(with_ids)]
    command += ["run", spec, "--url", server.ready["url"], "--checks", CHECKS, "--seed", SEED]
    command += ["--phases", phases, "--max-examples", str(examples)]
    command += ["--include-path-regex", paths]
    command += ["--exclude-path-regex", "/events$", "--request-timeout", "20", "--no-color"]
    command += ["--warnings", "off", "--generation-database", "none", "--continue-on-failure"]
    if key:
        command += ["--header", f"Authorization: Bearer {key}"]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
    )
    if done.returncode != 0:
        print(done.stdout)
        print(f"with the key of the {kind}: not as described")
        return False
    cases = next((line for line in done.stdout.splitlines() if "generated" in line), "")
    where = "things that are there" if found else "things that are not"
    print(f"with the key of the {kind}, {where}, {phases}: {cases.strip()}")
    return "generated" in cases


def main():
    binary, spec = sys.argv[1:3]
    examples = int(sys.argv[3]) if len(sys.argv) > 3 else 6
    with ThreadPoolExecutor(AT_ONCE) as pool:
        good = list(pool.map(lambda kind: fuzz(binary, spec, *kind, examples), KINDS))
    sys.exit(0 if all(good) else 1)


main()

"""An askfirst server of its own for each test, and what its people do."""

import json
import os
import subprocess
import tempfile
import urllib.request

BINARY = os.environ["ASKFIRST_BIN"]


class Server:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        data = os.path.join(self.folder.name, "data")
        command = [BINARY, "dev", "--json", "--listen", "127.0.0.1:0", "--data", data]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready = json.loads(self.process.stdout.readline())
        self.url, self.admin, self.approver = ready["url"], ready["admin_key"], ready["approver_key"]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.folder.cleanup()

    def call(self, key, method, path, body=None):
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def key(self, **more):
        wish = {"name": "agent", "dialect": "proof", "scopes": ["ask"], **more}
        return self.call(self.admin, "POST", "/v1/keys", wish)["key"]

    def decide(self, decision, comment=None):
        """Somebody answers whatever waits longest."""
        waiting = self.call(self.approver, "GET", "/v1/approvals?status=pending")["data"][-1]
        vote = {"decision": decision, "action_digest": waiting["action_digest"], "comment": comment}
        self.call(self.approver, "POST", f"/v1/approvals/{waiting['id']}/vote", vote)

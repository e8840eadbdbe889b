"""The real server on the kit's Telegram: from the question to what came of it, by taps and words.
All that it calls is judged by aiogram's models of the methods, and all limits that it is held to
are those of python-telegram-bot."""

import json
import os
import subprocess
import tempfile
import time
import unittest
import urllib.request

from telegram.constants import InlineKeyboardButtonLimit, MessageLimit

from check_calls import wrong
from kit import Kit

BINARY = os.environ["ASKFIRST_BIN"]
PATIENCE = 30


class Server:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        command = [BINARY, "dev", "--json", "--listen", "127.0.0.1:0", "--data", self.folder.name + "/data"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.ready = json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.folder.cleanup()

    def call(self, method, path, told=None, key="admin_key"):
        body = None if told is None else json.dumps(told).encode()
        head = {"Authorization": f"Bearer {self.ready[key]}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.ready["url"] + path, body, head, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")


def until(found):
    """What `found` gives, once it gives something."""
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        if got := found():
            return got
        time.sleep(0.02)
    raise AssertionError("waited in vain")


class Story(unittest.TestCase):
    def setUp(self):
        self.kit, self.server = Kit(), Server()
        self.addCleanup(self.kit.stop)
        self.addCleanup(self.server.stop)
        wish = {"kind": "telegram", "token": self.kit.token, "api": self.kit.url}
        channel = self.server.call("POST", "/v1/channels", wish)["id"]
        codes = f"/v1/channels/{channel}/codes"
        made = self.server.call("POST", codes, {})
        self.kit.start(made["code"])
        looked = {"code": made["code"]}
        found = until(lambda: self.server.call("POST", codes + "/look", looked)["found"])
        told = {"code": made["code"], "member": made["member"], "account": found["account"]}
        self.server.call("POST", codes + "/confirm", told)
        self.server.call("POST", f"/v1/channels/{channel}/test", {})

    def ask(self, **more):
        action = {"name": "deploy", "title": "Deploy <b>it</b> & more?", "arguments": {"note": "x" * 50} | more}
        return self.server.call("POST", "/v1/approvals", {"action": action}, "agent_key")

    def card(self, words):
        return until(lambda: next((one for one in self.kit.messages() if words in one["text"]), None))

    def read(self, asked):
        return self.server.call("GET", "/v1/approvals/" + asked["id"], key="agent_key")

    def test_all_that_the_server_calls_is_as_telegram_takes_it(self):
        self.card("It works")
        first = self.ask()
        self.kit.tap(self.card("Deploy <b>it</b>")["id"], "Ask back…")
        prompt = self.card("what you want to know")
        self.kit.reply(prompt["id"], "Why? 🤔 \u202e")
        until(lambda: self.read(first)["inquiries"])
        reply = {"number": 1, "text": "Because"}
        self.server.call("POST", f"/v1/approvals/{first['id']}/reply", reply, "agent_key")
        card = self.card("Because")
        self.kit.tap(card["id"], "Approve")
        until(lambda: self.read(first)["status"] == "approved")
        claim = {"action_digest": first["action_digest"]}
        self.server.call("POST", f"/v1/approvals/{first['id']}/consume", claim, "agent_key")
        outcome = {"status": "failed", "note": "<i>disk full</i> & more"}
        self.server.call("POST", f"/v1/approvals/{first['id']}/outcome", outcome, "agent_key")
        self.card("<i>disk full</i> & more")

        # Longer than a message can be, in characters that count twice.
        second = self.ask(rows=["🙂" * 40] * 200)
        long = self.card("characters are missing")
        self.kit.tap(long["id"], "Reject, and say…")
        prompt = self.card("why not")
        self.kit.reply(prompt["id"], "No.")
        until(lambda: self.read(second)["status"] == "rejected")
        self.card("Rejected: ")

        calls = self.kit.do("calls")
        self.assertEqual(wrong(calls), [])
        self.assertGreater(len(calls), 12)
        for call in calls:
            told = call["parameters"]
            if "text" in told and call["method"] != "answerCallbackQuery":
                self.assertEqual(told["parse_mode"], "HTML")
                self.assertTrue(told["link_preview_options"]["is_disabled"])
            for row in told.get("reply_markup", {}).get("inline_keyboard", []):
                for button in row:
                    data = button.get("callback_data", "x").encode()
                    self.assertTrue(
                        InlineKeyboardButtonLimit.MIN_CALLBACK_DATA
                        <= len(data)
                        <= InlineKeyboardButtonLimit.MAX_CALLBACK_DATA
                    )
        for message in self.kit.messages():
            units = len(message["text"].encode("utf-16-le")) // 2
            self.assertLessEqual(units, MessageLimit.MAX_TEXT_LENGTH)
        # 0: the poll that is open.
        self.assertEqual([call for call in calls if call["status"] not in (0, 200)], [])


if __name__ == "__main__":
    unittest.main()

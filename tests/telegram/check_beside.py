"""The same bot lives in telegram-test-api, a Telegram for tests that is not ours. What both do they do
alike; where they differ is written down here, and a difference that comes or goes is looked at."""

import json
import os
import socket
import subprocess
import unittest
import urllib.error
import urllib.request

from kit import Kit

HERE = os.path.dirname(__file__)
KEYBOARD = {"inline_keyboard": [[{"text": "Approve", "callback_data": "a1"}]]}
TOO_MUCH = {"inline_keyboard": [[{"text": "Approve", "callback_data": "x" * 65}]]}

# What telegram-test-api does otherwise, each time because it checks nothing or leaves things out.
DIFFERENCES = {
    "getMe says that it is a bot": (True, False),
    "getMe names the bot by its id": (True, False),
    "a text of 4097 characters": (400, 200),
    "markup that does not end": (400, 200),
    "callback data of 65 bytes": (400, 200),
    "a person who never pressed Start": (400, 200),
    "the edited message comes back": (True, False),
    "an edit that changes nothing": (400, 200),
    "the tap is answered again": (400, 200),
    "a message is there until it is confirmed": (True, False),
    "a webhook's state": (200, 500),
}


class Another:
    """telegram-test-api, with the kit's words."""

    token = "123456789:" + "A" * 35
    ana = 5_000_000_001

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = ["node", os.path.join(HERE, "another.mjs"), str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.url = f"http://127.0.0.1:{port}"

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def call(self, method, **told):
        try:
            return self.post(f"/bot{self.token}/{method}", told)
        except urllib.error.HTTPError as refused:
            return {"ok": False, "error_code": refused.code}

    post = Kit.post

    def common(self):
        person = {"id": self.ana, "first_name": "Ana", "is_bot": False}
        chat = {"id": self.ana, "first_name": "Ana", "type": "private"}
        return {"from": person, "chat": chat, "botToken": self.token, "date": 1}

    def start(self, payload=None):
        entity = {"type": "bot_command", "offset": 0, "length": 6}
        text = f"/start {payload}" if payload else "/start"
        self.post("/sendCommand", {**self.common(), "text": text, "entities": [entity]})

    def tap(self, message, button):
        common = self.common()
        told = {**common, "message": {**common, "message_id": message}, "data": "a1"}
        self.post("/sendCallback", told)


def life(server):
    """What the bot saw, step by step."""
    seen = {}

    def status(step, method, **told):
        answer = server.call(method, **told)
        seen[step] = 200 if answer["ok"] else answer["error_code"]
        return answer.get("result")

    def send(step, **told):
        return status(step, "sendMessage", **{"chat_id": server.ana, "text": "x", **told})

    me = server.call("getMe")["result"]
    seen["getMe says that it is a bot"] = me.get("is_bot", False)
    seen["getMe names the bot by its id"] = str(me["id"]) == server.token.split(":")[0]
    send("a person who never pressed Start", chat_id=77)
    server.start("code-1")
    (update,) = server.call("getUpdates")["result"]
    seen["Start comes with its payload"] = update["message"]["text"]
    seen["Start comes from Ana"] = update["message"]["from"]["id"] == server.ana
    again = server.call("getUpdates", limit=1)["result"]
    seen["a message is there until it is confirmed"] = again == [update]
    card = send("a card", reply_markup=KEYBOARD)
    seen["the sent message comes back"] = card["text"]
    send("a text of 4097 characters", text="x" * 4097)
    send("callback data of 65 bytes", reply_markup=TOO_MUCH)
    send("markup that does not end", text="<b>x", parse_mode="HTML")
    server.tap(card["message_id"], "Approve")
    tap = server.call("getUpdates", offset=update["update_id"] + 1)["result"][-1]["callback_query"]
    seen["a tap brings its data"] = tap["data"]
    seen["a tap says in which message"] = tap["message"]["message_id"] == card["message_id"]
    status("the tap is answered", "answerCallbackQuery", callback_query_id=str(tap["id"]))
    status("the tap is answered again", "answerCallbackQuery", callback_query_id=str(tap["id"]))
    edit = {"chat_id": server.ana, "message_id": card["message_id"], "text": "Approved"}
    edited = status("an edit", "editMessageText", **edit)
    seen["the edited message comes back"] = bool(edited and edited["text"] == "Approved")
    status("an edit that changes nothing", "editMessageText", **edit)
    status("a webhook's state", "getWebhookInfo")
    status("a message is deleted", "deleteMessage", chat_id=server.ana, message_id=card["message_id"])
    return seen


class Beside(unittest.TestCase):
    def test_the_same_bot_lives_in_both(self):
        seen = []
        for server in [Kit(), Another()]:
            self.addCleanup(server.stop)
            seen.append(life(server))
        ours, theirs = seen
        self.assertEqual(list(ours), list(theirs))
        different = {step: (ours[step], theirs[step]) for step in ours if ours[step] != theirs[step]}
        self.assertEqual(different, DIFFERENCES, json.dumps(seen, indent=1))

"""A Telegram of the kit's for each test, and what its people do."""

import json
import os
import subprocess
import urllib.error
import urllib.request

BINARY = os.environ["ASKFIRST_KIT"]


class Kit:
    def __init__(self):
        command = [BINARY, "telegram", "--allow-http-webhooks"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.bot = self.do("bot", username="deploy_bot")
        self.token = self.bot["token"]
        self.ana = self.do("person", first_name="Ana", username="ana", language_code="pt-br")["id"]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def do(self, verb, **told):
        """Something that people do, or that goes wrong."""
        return self.post(f"/_control/{verb}", told)

    def call(self, method, **told):
        """What a bot's call is answered, whether it was taken or not."""
        try:
            return self.post(f"/bot{self.token}/{method}", told)
        except urllib.error.HTTPError as refused:
            return json.load(refused)

    def post(self, path, told):
        body = json.dumps(told).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    # All in the chat of Ana and the bot.

    def start(self, payload=None):
        return self.do("start", person=self.ana, bot=self.bot["id"], payload=payload)["message"]

    def tap(self, message, button):
        return self.do("tap", person=self.ana, bot=self.bot["id"], chat_id=self.ana, message=message, button=button)["tap"]

    def reply(self, message, text):
        self.do("write", person=self.ana, bot=self.bot["id"], chat_id=self.ana, text=text, reply_to=message)

    def messages(self):
        return self.do("messages", bot=self.bot["id"], chat_id=self.ana)

    def group(self, kind="group", people=()):
        told = {"kind": kind, "title": "Ops", "bots": [self.bot["id"]], "people": [self.ana, *people]}
        return self.do("group", **told)["chat_id"]

    def stand(self, chat, standing):
        self.do("stand", person=self.ana, bot=self.bot["id"], chat_id=chat, standing=standing)

"""Judges what a bot has called, as the kit noted it, by aiogram's models of the methods: every
parameter known and of its type, and every object in it too.

check_calls.py URL reads the calls of a running kit, check_calls.py FILE those that were kept as
JSON. Says what is wrong, and ends with 1 if anything is. On its own it is a test of itself."""

import json
import sys
import unittest
import urllib.request

import aiogram.methods
from pydantic import ValidationError

import judge

METHODS = {
    method.__api_method__: method
    for name in aiogram.methods.__all__
    if hasattr(method := getattr(aiogram.methods, name), "__api_method__")
}
# Objects that may come as text that holds JSON.
OBJECTS = ["reply_markup", "link_preview_options", "reply_parameters", "allowed_updates", "commands", "scope"]


def wrong(calls):
    """What is wrong with these calls, in words."""
    found = []
    for call in calls:
        told = dict(call["parameters"])
        method = METHODS.get(call["method"])
        if method is None:
            found.append(f"call {call['number']}: there is no method {call['method']}")
            continue
        for name in OBJECTS:
            if isinstance(told.get(name), str):
                told[name] = json.loads(told[name])
        try:
            read = method.model_validate(told)
        except ValidationError as error:
            found.append(f"call {call['number']} {call['method']}: {error}")
            continue
        found += [f"call {call['number']} {call['method']}{name} is unknown" for name in judge.unknown(read)]
        if call["description"] and "the kit" in call["description"]:
            found.append(f"call {call['number']} {call['method']}: {call['description']}")
    return found


class Calls(unittest.TestCase):
    def test_good_calls_pass_and_others_do_not(self):
        def call(method, **told):
            return {"number": 1, "method": method, "parameters": told, "description": None}

        button = {"text": "x", "callback_data": "x", "style": "success"}
        keyboard = {"inline_keyboard": [[button]]}
        good = [
            call("sendMessage", chat_id=1, text="x", parse_mode="HTML", reply_markup=keyboard),
            call("sendMessage", chat_id="1", text="x", reply_markup=json.dumps(keyboard)),
            call("getUpdates", offset=5, timeout=50, allowed_updates=["message"]),
        ]
        self.assertEqual(wrong(good), [])
        bad = [
            call("sendMessage", chat_id=1),
            call("sendMessage", chat_id=1, text="x", parsemode="HTML"),
            call("sendMessage", chat_id=1, text="x", reply_markup={"inline_keyboard": [[{**button, "color": "red"}]]}),
            call("sendMesage", chat_id=1, text="x"),
        ]
        self.assertEqual(len(wrong(bad)), len(bad), wrong(bad))


def main(source):
    if source.startswith("http"):
        with urllib.request.urlopen(urllib.request.Request(source + "/_control/calls", b"{}")) as answer:
            calls = json.load(answer)
    else:
        with open(source) as file:
            calls = json.load(file)
    found = wrong(calls)
    print("\n".join(found) or f"{len(calls)} calls, and nothing wrong with them")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""The kit's limits are those that python-telegram-bot has written down: what is at a limit is taken,
what is beyond is not."""

import unittest

from telegram.constants import (
    BotCommandLimit,
    CallbackQueryLimit,
    FloodLimit,
    InlineKeyboardButtonLimit,
    InlineKeyboardMarkupLimit,
    MessageLimit,
    PollingLimit,
    ReplyLimit,
    WebhookLimit,
)

from kit import Kit


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kit = Kit()
        cls.addClassCleanup(cls.kit.stop)
        cls.kit.start()

    def taken(self, method, **told):
        answer = self.kit.call(method, **told)
        self.assertTrue(answer["ok"], answer)
        return answer["result"]

    def refused(self, method, **told):
        answer = self.kit.call(method, **told)
        self.assertFalse(answer["ok"], answer)
        return answer

    def send(self, judge, **told):
        return judge("sendMessage", chat_id=self.kit.ana, **{"text": "x", **told})

    def both(self, most, least, wish):
        """`wish(n)` is what to send with a length of n."""
        self.send(self.taken, **wish(least))
        self.send(self.taken, **wish(most))
        self.send(self.refused, **wish(most + 1))
        if least > 0:
            self.send(self.refused, **wish(least - 1))

    def test_texts(self):
        self.both(MessageLimit.MAX_TEXT_LENGTH, MessageLimit.MIN_TEXT_LENGTH, lambda n: {"text": "x" * n})
        html = {"parse_mode": "HTML"}
        self.both(
            MessageLimit.MAX_TEXT_LENGTH, 1, lambda n: {"text": "<b>" + "&lt;" * n + "</b>", **html}
        )

    def test_entities(self):
        bold = lambda n: {"text": "<b>x</b> " * n, "parse_mode": "HTML"}
        self.send(self.taken, **bold(MessageLimit.MESSAGE_ENTITIES))
        self.assertEqual(self.kit.do("mistakes")["mistakes"], [])
        self.send(self.taken, **bold(MessageLimit.MESSAGE_ENTITIES + 1))
        self.assertEqual(len(self.kit.do("mistakes")["mistakes"]), 1)

    def test_buttons(self):
        def markup(*rows):
            return {"reply_markup": {"inline_keyboard": list(rows)}}

        button = {"text": "x", "callback_data": "x"}
        most, least = InlineKeyboardButtonLimit.MAX_CALLBACK_DATA, InlineKeyboardButtonLimit.MIN_CALLBACK_DATA
        self.both(most, least, lambda n: markup([{"text": "x", "callback_data": "x" * n}]))
        self.send(self.taken, **markup([{"text": "x", "callback_data": "ü" * (most // 2)}]))
        self.send(self.refused, **markup([{"text": "x", "callback_data": "ü" * (most // 2 + 1)}]))
        most = InlineKeyboardMarkupLimit.BUTTONS_PER_ROW
        self.send(self.taken, **markup([button] * most))
        self.send(self.refused, **markup([button] * (most + 1)))
        most = InlineKeyboardMarkupLimit.TOTAL_BUTTON_NUMBER
        self.send(self.taken, **markup(*[[button]] * most))
        self.send(self.refused, **markup(*[[button]] * (most + 1)))

    def test_answers(self):
        card = self.send(self.taken, reply_markup={"inline_keyboard": [[{"text": "x", "callback_data": "x"}]]})
        most = CallbackQueryLimit.ANSWER_CALLBACK_QUERY_TEXT_LENGTH
        tap = self.kit.tap(card["message_id"], "x")
        self.refused("answerCallbackQuery", callback_query_id=tap, text="x" * (most + 1))
        self.taken("answerCallbackQuery", callback_query_id=tap, text="x" * most)

    def test_placeholders(self):
        ask = lambda n: {"reply_markup": {"force_reply": True, "input_field_placeholder": "x" * n}}
        self.both(ReplyLimit.MAX_INPUT_FIELD_PLACEHOLDER, ReplyLimit.MIN_INPUT_FIELD_PLACEHOLDER, ask)

    def test_links(self):
        longest = MessageLimit.DEEP_LINK_LENGTH
        self.kit.start("x" * longest)
        with self.assertRaises(Exception):
            self.kit.start("x" * (longest + 1))

    def test_commands(self):
        def commands(command, about):
            return {"commands": [{"command": "x" * command, "description": "x" * about}]}

        limits = BotCommandLimit
        self.taken("setMyCommands", **commands(limits.MAX_COMMAND, limits.MAX_DESCRIPTION))
        self.taken("setMyCommands", **commands(limits.MIN_COMMAND, limits.MIN_DESCRIPTION))
        self.refused("setMyCommands", **commands(limits.MAX_COMMAND + 1, 1))
        self.refused("setMyCommands", **commands(1, limits.MAX_DESCRIPTION + 1))
        one = commands(1, 1)["commands"]
        self.taken("setMyCommands", commands=one * limits.MAX_COMMAND_NUMBER)
        self.refused("setMyCommands", commands=one * (limits.MAX_COMMAND_NUMBER + 1))

    def test_webhooks(self):
        longest = WebhookLimit.MAX_SECRET_TOKEN_LENGTH
        url = "https://example.org/hook"
        for connections in [WebhookLimit.MIN_CONNECTIONS_LIMIT, WebhookLimit.MAX_CONNECTIONS_LIMIT]:
            self.taken("setWebhook", url=url, secret_token="x" * longest, max_connections=connections)
            self.assertEqual(self.taken("getWebhookInfo")["max_connections"], connections)
        self.refused("setWebhook", url=url, secret_token="x" * (longest + 1))
        self.taken("deleteWebhook")

    def test_polls(self):
        for _ in range(PollingLimit.MAX_LIMIT + 1):
            self.kit.start()
        for limit in [PollingLimit.MIN_LIMIT, PollingLimit.MAX_LIMIT]:
            self.assertEqual(len(self.taken("getUpdates", limit=limit)), limit)
        before = len(self.kit.do("mistakes")["mistakes"])
        self.assertEqual(len(self.taken("getUpdates", limit=PollingLimit.MAX_LIMIT + 1)), PollingLimit.MAX_LIMIT)
        self.assertEqual(len(self.kit.do("mistakes")["mistakes"]), before + 1)


class Floods(unittest.TestCase):
    def setUp(self):
        self.kit = Kit()
        self.addCleanup(self.kit.stop)
        self.kit.start()
        self.kit.do(
            "limit",
            chat_per_second=FloodLimit.MESSAGES_PER_SECOND_PER_CHAT,
            group_per_minute=FloodLimit.MESSAGES_PER_MINUTE_PER_GROUP,
            bot_per_second=FloodLimit.MESSAGES_PER_SECOND,
        )

    def send(self, chat):
        return self.kit.call("sendMessage", chat_id=chat, text="x").get("error_code", 200)

    def test_a_chat_takes_one_message_a_second(self):
        self.assertEqual([self.send(self.kit.ana), self.send(self.kit.ana)], [200, 429])
        self.kit.do("pass", seconds=1)
        self.assertEqual(self.send(self.kit.ana), 200)

    def test_a_group_takes_so_many_a_minute(self):
        group = self.kit.group()
        for _ in range(FloodLimit.MESSAGES_PER_MINUTE_PER_GROUP):
            self.assertEqual(self.send(group), 200)
            self.kit.do("pass", seconds=1)
        self.assertEqual(self.send(group), 429)

    def test_a_bot_sends_so_many_a_second(self):
        groups = [self.kit.group() for _ in range(FloodLimit.MESSAGES_PER_SECOND + 1)]
        self.assertEqual({self.send(group) for group in groups}, {200, 429})

"""Every update that the kit can tell, read by both libraries, field by field."""

import unittest

import judge
from kit import Kit

ALL = ["message", "channel_post", "callback_query", "my_chat_member"]


class Updates(unittest.TestCase):
    def setUp(self):
        self.kit = Kit()
        self.addCleanup(self.kit.stop)

    def told(self):
        return self.kit.call("getUpdates")["result"]

    def test_both_libraries_read_all_there_is_in_every_update(self):
        kit = self.kit
        kit.call("getUpdates", allowed_updates=ALL)
        bot = kit.bot["id"]
        kit.start("code-1")
        keyboard = {"inline_keyboard": [
            [{"text": "Approve", "callback_data": "a1", "style": "success"}],
            [{"text": "Open", "url": "https://example.org/a/1"}],
        ]}
        text = '<b>Deploy</b> <a href="https://example.org">it</a> <pre><code class="language-sh">ls</code></pre>'
        told = {"text": text, "parse_mode": "HTML", "reply_markup": keyboard, "link_preview_options": {"is_disabled": True}}
        card = kit.call("sendMessage", chat_id=kit.ana, **told)["result"]["message_id"]
        kit.tap(card, "Approve")
        kit.call("editMessageText", chat_id=kit.ana, message_id=card, text="Approved", reply_markup=keyboard)
        kit.tap(card, "a1")
        kit.do("forge", person=kit.ana, bot=bot, chat_id=kit.ana, message=card + 70, data="x")
        kit.reply(card, "because")
        kit.do("block", person=kit.ana, bot=bot)
        kit.do("unblock", person=kit.ana, bot=bot)
        big = kit.do("person", first_name="Zoë", last_name="Ωmega", id=(1 << 52) - 1)["id"]
        for kind in ["group", "supergroup", "channel"]:
            chat = kit.group(kind, people=[big])
            sent = kit.call("sendMessage", chat_id=chat, **told)["result"]["message_id"]
            kit.do("tap", person=big, chat_id=chat, message=sent, button="Approve")
            kit.do("write", person=big, chat_id=chat, text="/status@deploy_bot now")
            if kind != "channel":
                kit.do("write", person=big, chat_id=chat, text="no", reply_to=sent)
            for standing in ["muted", "administrator", "kicked", "member", "left", "administrator"]:
                kit.stand(chat, standing)
            if kind == "group":
                kit.do("upgrade", person=kit.ana, chat_id=chat)
            if kind == "supergroup":
                topic = kit.do("topic", chat_id=chat, name="Deploys")["thread"]
                kit.call("sendMessage", chat_id=chat, message_thread_id=topic, text="x", reply_markup=keyboard)
                kit.do("write", person=big, chat_id=chat, text="/help", thread=topic)
        updates = self.told()
        for update in updates:
            self.assertEqual(judge.update(update), [], update)
        kinds = {kind for update in updates for kind in update if kind != "update_id"}
        self.assertEqual(kinds, set(ALL))
        ids = [update["update_id"] for update in updates]
        self.assertEqual(ids, list(range(ids[0], ids[0] + len(ids))))
        self.assertGreater(len(ids), 30)

    def test_the_judges_would_see_something_wrong(self):
        self.kit.start()
        (good,) = self.told()
        self.assertEqual(judge.update(good), [])
        good["message"]["from"]["nickname"] = "Annie"
        self.assertEqual(len(judge.update(good)), 2)

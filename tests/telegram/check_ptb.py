"""A bot written with python-telegram-bot, run by its own application."""

import asyncio
import logging
import os
import unittest

# How long to wait comes as a timedelta in its versions to come.
os.environ["PTB_TIMEDELTA"] = "1"

from telegram import Bot, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, MessageHandler, filters

import judge
from kit import Kit

# It tells of every test that takes a while, which starting the kit does.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)


class PythonTelegramBot(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.kit = Kit()
        self.addCleanup(self.kit.stop)
        self.bot = Bot(self.kit.token, base_url=self.kit.url + "/bot")
        await self.bot.initialize()
        self.addAsyncCleanup(self.bot.shutdown)

    async def test_a_bot_lives_by_long_polls(self):
        seen = asyncio.Queue()
        buttons = [[InlineKeyboardButton("Approve", callback_data="a1"), InlineKeyboardButton("Why", callback_data="w")]]

        async def start(update, context):
            sent = await update.message.reply_html("<b>Deploy?</b>", reply_markup=InlineKeyboardMarkup(buttons))
            await seen.put((context.args, sent.message_id))

        async def tap(update, context):
            query = update.callback_query
            if query.data == "w":
                asked = await query.message.reply_text("Why?", reply_markup=ForceReply(input_field_placeholder="Why?"))
                await seen.put(asked.message_id)
            else:
                await query.edit_message_text("Approved")
                await seen.put(query.from_user.id)
            await query.answer("Seen")

        async def comment(update, context):
            await seen.put((update.message.reply_to_message.message_id, update.message.text))

        application = Application.builder().token(self.kit.token).base_url(self.kit.url + "/bot").build()
        application.add_handler(CommandHandler("start", start))
        application.add_handler(CallbackQueryHandler(tap))
        application.add_handler(MessageHandler(filters.REPLY, comment))
        async with application:
            await application.start()
            await application.updater.start_polling(allowed_updates=["message", "callback_query"])
            self.kit.start("code-1")
            payload, card = await seen.get()
            self.assertEqual(payload, ["code-1"])
            self.kit.tap(card, "Why")
            asked = await seen.get()
            self.kit.reply(asked, "too risky")
            self.assertEqual(await seen.get(), (asked, "too risky"))
            self.kit.tap(card, "Approve")
            self.assertEqual(await seen.get(), self.kit.ana)
            await application.updater.stop()
            await application.stop()
        shown = next(one for one in self.kit.messages() if one["id"] == card)
        self.assertEqual((shown["text"], shown["keyboard"]), ("Approved", []))
        self.assertEqual(self.kit.do("mistakes")["mistakes"], [])

    async def test_refusals_are_what_python_telegram_bot_takes_them_for(self):
        kit, bot = self.kit, self.bot
        with self.assertRaisesRegex(BadRequest, "Chat not found"):
            await bot.send_message(kit.ana, "x")
        kit.start()
        sent = await bot.send_message(kit.ana, "x")
        with self.assertRaisesRegex(BadRequest, "Message is not modified"):
            await bot.edit_message_text("x", kit.ana, sent.message_id)
        kit.do("flood", bot=kit.bot["id"], seconds=17)
        with self.assertRaises(RetryAfter) as flood:
            await bot.send_message(kit.ana, "x")
        self.assertEqual(flood.exception.retry_after.total_seconds(), 17)
        kit.do("pass", seconds=17)
        group = kit.group()
        new = kit.do("upgrade", person=kit.ana, chat_id=group)["chat_id"]
        with self.assertRaises(ChatMigrated) as moved:
            await bot.send_message(group, "x")
        self.assertEqual(moved.exception.new_chat_id, new)
        kit.do("block", person=kit.ana, bot=kit.bot["id"])
        with self.assertRaisesRegex(Forbidden, "bot was blocked by the user"):
            await bot.send_message(kit.ana, "x")
        tap = {"person": kit.ana, "bot": kit.bot["id"], "chat_id": kit.ana, "message": 1, "data": "x"}
        late = kit.do("forge", **tap)["tap"]
        kit.do("pass", seconds=61)
        with self.assertRaisesRegex(BadRequest, "Query is too old and response timeout expired"):
            await bot.answer_callback_query(late)
        await bot.set_webhook("https://example.org/hook")
        with self.assertRaisesRegex(Conflict, "can't use getUpdates method while webhook is active"):
            await bot.get_updates()
        kit.do("lose_answer", method="deleteWebhook")
        with self.assertRaises(NetworkError):
            await bot.delete_webhook()
        self.assertEqual((await bot.get_webhook_info()).url, "")
        kit.do("revoke", bot=kit.bot["id"])
        with self.assertRaises(InvalidToken):
            await bot.get_me()

    async def test_results_hold_nothing_that_it_does_not_know(self):
        self.kit.start()
        group = self.kit.group("supergroup")
        topic = self.kit.do("topic", chat_id=group, name="Deploys")["thread"]
        told = [
            await self.bot.send_message(group, "<i>x</i>", "HTML", message_thread_id=topic),
            await self.bot.get_me(),
            await self.bot.get_chat(group),
            await self.bot.get_webhook_info(),
            await self.bot.get_chat_member(group, self.kit.bot["id"]),
        ]
        for result in told:
            self.assertEqual(list(judge.unknown_to_ptb(result)), [], result)

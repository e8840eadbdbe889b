"""A bot written with aiogram, run by aiogram's own dispatcher, by long polls and by a webhook."""

import asyncio
import logging
import unittest

from aiogram import Bot, Dispatcher, F, types
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.filters import CommandObject, CommandStart
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web

import judge
from kit import Kit

# It tells of every test that takes a while, which starting the kit does, and aiogram of retries.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)
logging.getLogger("aiogram").setLevel(logging.CRITICAL)

APPROVE = types.InlineKeyboardButton(text="Approve", callback_data="a1", style="success")
REJECT = types.InlineKeyboardButton(text="Reject", callback_data="r1", style="danger")
DOCS = types.InlineKeyboardButton(text="Open", url="https://example.org/a/1")
KEYBOARD = types.InlineKeyboardMarkup(inline_keyboard=[[APPROVE, REJECT], [DOCS]])


def dispatcher(bot):
    """A bot that asks about a deploy, takes taps and comments, and tells what it saw."""
    routes = Dispatcher()
    seen = asyncio.Queue()

    @routes.message(CommandStart())
    async def start(message: types.Message, command: CommandObject):
        card = await message.answer("<b>Deploy</b> a &lt; b?", reply_markup=KEYBOARD)
        await seen.put((command.args, card.message_id))

    @routes.callback_query(F.data == "a1")
    async def approve(query: types.CallbackQuery):
        await query.message.edit_text("Approved")
        await query.answer("Approved", show_alert=True)
        await seen.put(query.from_user.id)

    @routes.callback_query(F.data == "r1")
    async def reject(query: types.CallbackQuery):
        ask = types.ForceReply(input_field_placeholder="Why?", selective=True)
        asked = await query.message.answer("Why?", reply_markup=ask)
        await query.answer()
        await seen.put(asked.message_id)

    @routes.message(F.reply_to_message)
    async def comment(message: types.Message):
        await seen.put((message.reply_to_message.message_id, message.text))

    return routes, seen


class Aiogram(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.kit = Kit()
        self.addCleanup(self.kit.stop)
        self.bot = self.client(self.kit.token)

    def client(self, token):
        session = AiohttpSession(api=TelegramAPIServer.from_base(self.kit.url))
        bot = Bot(token, session=session, default=DefaultBotProperties(parse_mode="HTML"))
        self.addAsyncCleanup(session.close)
        return bot

    async def story(self, seen):
        self.kit.start("code-1")
        payload, card = await seen.get()
        self.assertEqual(payload, "code-1")
        tap = self.kit.tap(card, "Reject")
        asked = await seen.get()
        self.kit.reply(asked, "too risky")
        self.assertEqual(await seen.get(), (asked, "too risky"))
        tap = self.kit.tap(card, "Approve")
        self.assertEqual(await seen.get(), self.kit.ana)
        answer = self.kit.do("answer", tap=tap)
        self.assertEqual((answer["text"], answer["alert"]), ("Approved", True))
        shown = next(one for one in self.kit.messages() if one["id"] == card)
        self.assertEqual((shown["text"], shown["keyboard"], shown["edits"]), ("Approved", [], 1))
        self.assertEqual(self.kit.do("mistakes")["mistakes"], [])

    async def test_a_bot_lives_by_long_polls(self):
        routes, seen = dispatcher(self.bot)
        running = asyncio.create_task(routes.start_polling(self.bot, handle_signals=False))
        await self.story(seen)
        await routes.stop_polling()
        await running

    async def test_a_bot_lives_by_a_webhook(self):
        routes, seen = dispatcher(self.bot)
        app = web.Application()
        SimpleRequestHandler(routes, self.bot, secret_token="s3cret").register(app, "/hook")
        runner = web.AppRunner(app)
        await runner.setup()
        self.addAsyncCleanup(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/hook"
        await self.bot.set_webhook(url, secret_token="s3cret", allowed_updates=["message", "callback_query"])
        await self.story(seen)
        info = await self.bot.get_webhook_info()
        self.assertEqual((info.url, info.last_error_message), (url, None))
        self.assertEqual(list(judge.unknown(info)), [])
        await self.bot.set_webhook(url, secret_token="another")
        self.kit.start()
        while (info := await self.bot.get_webhook_info()).last_error_message is None:
            pass
        self.assertEqual(info.last_error_message, "Wrong response from the webhook: 401 Unauthorized")

    async def test_refusals_are_what_aiogram_takes_them_for(self):
        kit, bot = self.kit, self.bot
        with self.assertRaisesRegex(TelegramBadRequest, "chat not found"):
            await bot.send_message(kit.ana, "x")
        kit.start()
        with self.assertRaisesRegex(TelegramBadRequest, "can't parse entities: unsupported start tag \"br\""):
            await bot.send_message(kit.ana, "<br>")
        sent = await bot.send_message(kit.ana, "x")
        with self.assertRaisesRegex(TelegramBadRequest, "message is not modified"):
            await bot.edit_message_text("x", chat_id=kit.ana, message_id=sent.message_id)
        kit.do("flood", bot=kit.bot["id"], chat_id=kit.ana, seconds=17)
        with self.assertRaises(TelegramRetryAfter) as flood:
            await bot.send_message(kit.ana, "x")
        self.assertEqual(flood.exception.retry_after, 17)
        kit.do("pass", seconds=17)
        await bot.send_message(kit.ana, "x")
        group = kit.group()
        new = kit.do("upgrade", person=kit.ana, chat_id=group)["chat_id"]
        with self.assertRaises(TelegramMigrateToChat) as moved:
            await bot.send_message(group, "x")
        self.assertEqual(moved.exception.migrate_to_chat_id, new)
        kit.stand(new, "kicked")
        with self.assertRaisesRegex(TelegramForbiddenError, "bot was kicked from the supergroup chat"):
            await bot.send_message(new, "x")
        kit.do("block", person=kit.ana, bot=kit.bot["id"])
        with self.assertRaisesRegex(TelegramForbiddenError, "bot was blocked by the user"):
            await bot.send_message(kit.ana, "x")
        kit.do("refuse", method="getMe", status=502, description="Bad Gateway")
        with self.assertRaises(TelegramServerError):
            await bot.get_me()
        kit.do("lose", method="getMe")
        with self.assertRaises(TelegramNetworkError):
            await bot.get_me()
        with self.assertRaises(TelegramUnauthorizedError):
            await self.client("123456:" + "A" * 35).get_me()
        with self.assertRaises(TelegramNotFound):
            await self.client("123456:short").get_me()

    async def test_of_two_pollers_the_older_has_a_conflict(self):
        older = asyncio.create_task(self.bot.get_updates(timeout=20))
        while not self.kit.do("calls"):
            await asyncio.sleep(0)
        newer = asyncio.create_task(self.client(self.kit.token).get_updates(timeout=20))
        with self.assertRaisesRegex(TelegramConflictError, "only one bot instance is running"):
            await older
        self.kit.start()
        self.assertEqual(len(await newer), 1)

    async def test_results_hold_nothing_that_aiogram_does_not_know(self):
        self.kit.start()
        group = self.kit.group("supergroup")
        topic = self.kit.do("topic", chat_id=group, name="Deploys")["thread"]
        first = await self.bot.send_message(group, "<i>first</i>", message_thread_id=topic, reply_markup=KEYBOARD)
        reply = types.ReplyParameters(message_id=first.message_id)
        quiet = types.LinkPreviewOptions(is_disabled=True)
        told = [
            first,
            await self.bot.send_message(group, "x", reply_parameters=reply, link_preview_options=quiet),
            await self.bot.edit_message_reply_markup(chat_id=group, message_id=first.message_id),
            await self.bot.get_me(),
            await self.bot.get_chat(group),
            await self.bot.get_chat(self.kit.ana),
            await self.bot.get_webhook_info(),
        ]
        for standing in ["member", "muted", "administrator"]:
            self.kit.stand(group, standing)
            told.append(await self.bot.get_chat_member(group, self.kit.bot["id"]))
        for result in told:
            self.assertEqual(list(judge.unknown(result)), [], result)
        self.assertTrue(await self.bot.set_my_commands([types.BotCommand(command="start", description="Begin")]))
        self.assertTrue(await self.bot.send_chat_action(self.kit.ana, "typing"))
        self.assertTrue(await self.bot.delete_message(group, first.message_id))

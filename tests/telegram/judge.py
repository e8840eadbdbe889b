"""What aiogram and python-telegram-bot make of what went over the wire. Both look away from a field
that they do not know; here that is something wrong."""

from aiogram.types import TelegramObject, Update
from pydantic import BaseModel
from telegram import Bot
from telegram import TelegramObject as PtbObject
from telegram import Update as PtbUpdate

# In the API since 10.3, which aiogram asks for and python-telegram-bot does not know yet.
NEWER = ["can_send_welcome_messages"]
# Never called; python-telegram-bot wants one to hang its objects on.
NOBODY = Bot("1:nobody")


def unknown(value, path=""):
    """The fields that a pydantic model kept without knowing them."""
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            yield f"{path}.{name}"
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, one in enumerate(value):
            yield from unknown(one, f"{path}[{index}]")


def unknown_to_ptb(value, path=""):
    if isinstance(value, PtbObject):
        for name in value.api_kwargs:
            if name not in NEWER:
                yield f"{path}.{name}"
        for name, inner in value._get_attrs().items():
            yield from unknown_to_ptb(inner, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, one in enumerate(value):
            yield from unknown_to_ptb(one, f"{path}[{index}]")


def lost(sent, read, path=""):
    """What was sent and is not there, or not the same, in what was read back."""
    if isinstance(sent, dict) and isinstance(read, dict):
        for name, value in sent.items():
            if name not in read:
                yield f"{path}.{name} is gone"
            else:
                yield from lost(value, read[name], f"{path}.{name}")
    elif isinstance(sent, list) and isinstance(read, (list, tuple)) and len(sent) == len(read):
        for index, (one, other) in enumerate(zip(sent, read)):
            yield from lost(one, other, f"{path}[{index}]")
    elif sent != read:
        yield f"{path} was {sent!r} and is {read!r}"


def update(sent):
    """What is wrong with an update, by either."""
    wrong = []
    read = Update.model_validate(sent)
    wrong += [f"aiogram knows no {name}" for name in unknown(read)]
    again = read.model_dump(mode="json", by_alias=True, fallback=lambda _: None)
    wrong += [f"aiogram: {what}" for what in lost(dated(sent), dated(again))]
    read = PtbUpdate.de_json(sent, NOBODY)
    wrong += [f"python-telegram-bot knows no {name}" for name in unknown_to_ptb(read)]
    wrong += [f"python-telegram-bot: {what}" for what in lost(sent, read.to_dict())]
    return wrong


def dated(value):
    """Without what aiogram makes of dates, and with `from` under that name."""
    if isinstance(value, dict):
        return {
            {"from_user": "from"}.get(name, name): dated(inner)
            for name, inner in value.items()
            if not name.endswith("date")
        }
    return [dated(one) for one in value] if isinstance(value, list) else value


def result(sent, kind: type[TelegramObject]):
    """What aiogram does not know in the result of a call."""
    return list(unknown(kind.model_validate(sent)))

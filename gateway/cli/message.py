"""`sluice message`: what became of one message, told as a story; and canceling it, telling of it again, revealing it.

It is found by its id, the caller's client_id, the carrier's id, or its number, whole or by its last digits. Where
several are found they are listed. A number and a text are shown by `--reveal` alone, which the audit keeps.
"""

import argparse
import json
from typing import Any
from urllib.parse import quote

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway import identifiers
from gateway.cli import tables
from gateway.cli.calls import Caller, CallError
from gateway.cli.messages import list_of
from gateway.cli.tables import Entity
from gateway.cli.timeline_lines import line_of
from gateway.desk.sentences import sentence

NAME = "message"
HELP = "find a message and tell its story; cancel it, tell of it again, reveal it"

_FOUND_AT_MOST = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = "an id, ours, the caller's or the carrier's; a number, or its last 4 to 6 digits"
    parser.add_argument("which", metavar="ID|CLIENT_ID|NUMBER", help=words)
    parser.add_argument("--cancel", action="store_true", help="cancel it, at the carrier where it is there already")
    parser.add_argument("--replay", action="store_true", help="tell its webhook of it again")
    parser.add_argument("--reveal", action="store_true", help="show its number and its text whole; the audit keeps it")
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when it was found and all was done; 1 when not, or when several were found that something was to be done to."""
    return tables.asked(arguments, lambda caller: _run(caller, arguments))


def _run(caller: Caller, arguments: argparse.Namespace) -> int:
    is_to_act = arguments.cancel or arguments.replay or arguments.reveal
    if identifiers.internal(identifiers.MESSAGE, arguments.which) is not None:
        found, looked_back_to = arguments.which, None
    else:
        path = tables.path_of("/admin/messages", q=arguments.which, limit=_FOUND_AT_MOST)
        page = caller.get(path)
        entities, looked_back_to = page["entities"], page.get("looked_back_to")
        if not entities:
            raise CallError(_nothing(arguments.which, looked_back_to))
        if len(entities) > 1:
            if is_to_act:
                raise CallError(f"{len(entities)} messages are found by this. Say which one by its id: msg_...")
            return list_of(entities, looked_back_to if page["next_cursor"] else None, as_json=arguments.json)
        found = entities[0]["id"]
    return _one(caller, found, arguments)


def _one(caller: Caller, message: str, arguments: argparse.Namespace) -> int:
    path = f"/admin/messages/{quote(message, safe='')}"
    did: list[str] = []
    if arguments.cancel:
        answer = caller.post(f"{path}/cancel", {})
        told = answer.get("status") if isinstance(answer, dict) else None
        did.append("It is canceled." if told == "canceled" else "The carrier is asked to cancel it.")
    if arguments.replay:
        told_again = caller.post(f"{path}/replay", {})["replayed"]
        did.append(f"{tables.count_of(told_again, 'event')} of it will be told again.")
    revealed = caller.post(f"{path}/reveal", {}) if arguments.reveal else {}
    story = {**caller.get(path), **{name: value for name, value in revealed.items() if value is not None}}
    if arguments.json:
        print(json.dumps(story))
    else:
        tables.console().print(picture(story, did))
    return 0


def _nothing(which: str, looked_back_to: str | None) -> str:
    if looked_back_to:
        return (
            f"No message is found by {which!r} since {tables.moment(looked_back_to)} UTC. "
            "Further back is looked by `sluice messages --before`, or at once by a whole number or an id."
        )
    return f"No message is found by {which!r}."


def picture(story: Entity, did: list[str]) -> RenderableType:
    """The story for people: what became of it, what it is, what happened."""
    return Group(
        *(Text(line, style="bold") for line in did),
        Text(story.get("summary") or sentence(story), style="bold"),
        Text(),
        _what_it_is(story),
        Text(),
        _timeline(story),
        *_untold(story),
    )


def _what_it_is(story: Entity) -> Table:
    parts = f"{story['segments']} x {story['encoding']}" if story["segments"] > 1 else story["encoding"]
    way = " ".join(part for part in (story["lane"], f"by route {story['route']}" if story["route"] else "") if part)
    return tables.facts(
        [
            ("message", Text(story["id"])),
            ("status", tables.status(story["status"])),
            ("account", Text(story["account"])),
            ("client_id", _or_none(story["client_id"])),
            ("from, to", Text(f"{story['from']} -> {story['to']}")),
            ("text", _or_none(story["text"]) if "text" in story else None),
            ("as", Text(f"{way}, {parts}")),
            ("campaign", _or_none(story["campaign_id"])),
            ("tag", _or_none(story["tag"])),
            ("accepted", Text(f"{tables.moment(story['created_at'])} UTC")),
            ("error", _error(story["error"])),
        ]
    )


def _or_none(words: Any) -> Text | None:
    return Text(str(words)) if words is not None else None


def _error(error: Entity | None) -> Text | None:
    if error is None:
        return None
    said = {name: value for name, value in (error["carrier_code"] or {}).items() if value is not None}
    codes = ", ".join(f"{name} {value}" for name, value in said.items())
    return Text(f"{error['code']} ({error['class']}){': ' + codes if codes else ''}", style="red")


def _timeline(story: Entity) -> Table:
    made = tables.table("at (UTC)", "after >", "what", "")
    for step in story["timeline"]:
        line = line_of(step, story)
        told = Text(line.text)
        if step["what"] == "receipt" and step.get("raw"):
            told.append(f"\n{step['raw']}", style="dim")
        made.add_row(f"{step['at'][11:23]}", line.after, line.label, told)
    return made


def _untold(story: Entity) -> list[RenderableType]:
    """The events of it that no endpoint has taken, by the ids under which they can be told again."""
    made = tables.table("not told yet =", "what", "status", "tries >", "last answer", "next try")
    for event in story.get("events", ()):
        if event["status"] != "delivered":
            made.add_row(
                event["id"],
                event["type"],
                tables.status(event["status"]),
                str(event["attempts"]),
                str(event["last_http_status"] or event["last_error"] or ""),
                tables.until(event["next_try_at"]),
            )
    return [Text(), made] if made.row_count else []

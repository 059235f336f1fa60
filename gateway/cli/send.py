"""`sluice send NUMBER TEXT`: puts one message to a running gateway, and with --watch tells what becomes of it."""

import argparse
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from gateway.cli import calls
from gateway.cli.calls import CALLERS, Caller, CallError, RefusedError
from gateway.cli.timeline_lines import FINAL, Follower, line_of

NAME = "send"
HELP = "send one message through a running gateway"

_LOOK_EVERY_SECONDS = 0.1
_LOOK_SELDOM_SECONDS = 1.0
_SOON_SECONDS = 10.0
_WEBHOOK_WAIT_SECONDS = 2.0
"""How long the webhook of the end is waited for: an account may have none."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", metavar="NUMBER", help="whom to send it to, best with its plus: +34600000001")
    parser.add_argument("text", metavar="TEXT", help="what to send")
    parser.add_argument("--from", dest="sender", metavar="SENDER", help="default: the account's default_sender")
    parser.add_argument("--watch", action="store_true", help="tell what becomes of it, line by line, until its end")
    calls.add_arguments(parser, CALLERS)


def run(arguments: argparse.Namespace) -> int:
    """0 once it is accepted, with --watch once it is delivered; 1 when it was refused or ended otherwise."""
    try:
        caller = calls.caller_for(arguments, CALLERS)
        body = {"to": arguments.number, "text": arguments.text}
        if arguments.sender is not None:
            body["from"] = arguments.sender
        message = caller.post("/v1/sms", body)
        print(
            f"{message['id']}  {message['status']}  {message['from']} -> {message['to']}{_parts(message)}", flush=True
        )
    except CallError as failure:
        print(failure, file=sys.stderr)
        return 1
    if not arguments.watch:
        return 0
    try:
        return _watch(caller, message["id"])
    except CallError as failure:
        print(f"{message['id']} was accepted, but cannot be watched: {_why_unwatched(failure)}", file=sys.stderr)
        return 1


def _why_unwatched(failure: CallError) -> str:
    if isinstance(failure, RefusedError) and failure.status == HTTPStatus.FORBIDDEN:
        return "watching needs a token with the scope `read`."
    return str(failure)


def _parts(message: Mapping[str, Any]) -> str:
    encoding = "GSM 03.38" if message["encoding"] == "gsm7" else "UCS-2"
    return f"  {message['segments']} parts, {encoding}" if message["segments"] > 1 else ""


def _watch(caller: Caller, message_id: str) -> int:
    follower = Follower()
    begun_at = time.monotonic()
    ended_at: float | None = None
    while True:
        message = caller.get(f"/v1/sms/{message_id}")
        for step in follower.news(message):
            after, label, text = line_of(step, message)
            print(f"{after:>9}  {label:<10}  {text}".rstrip(), flush=True)
        now = time.monotonic()
        if message["status"] in FINAL:
            ended_at = ended_at or now
            if _end_is_told(message) or now - ended_at >= _WEBHOOK_WAIT_SECONDS:
                return _tell_end(message)
        time.sleep(_LOOK_EVERY_SECONDS if now - begun_at < _SOON_SECONDS else _LOOK_SELDOM_SECONDS)


def _end_is_told(message: Mapping[str, Any]) -> bool:
    event = f"message.{message['status']}"
    return any(step["what"] == "webhook" and step["type"] == event for step in message["timeline"])


def _tell_end(message: Mapping[str, Any]) -> int:
    error = message["error"]
    reason = f": {error['description']}" if error else ""
    doubled = " (sent again after a doubt: it may have arrived twice)" if message["possible_duplicate"] else ""
    print(f"{message['status']}{reason}{doubled}")
    return 0 if message["status"] == "delivered" else 1

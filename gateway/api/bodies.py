"""Request bodies: their type, their JSON with the place of a fault, and the idempotency key with its fingerprint.

What the fields mean is the rules' matter. Sizes are limited by the app, before a body comes here.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec
from quart import Request

from gateway.api.problem_types import INVALID_IDEMPOTENCY_KEY, INVALID_JSON, UNSUPPORTED_MEDIA_TYPE
from gateway.api.problems import Problem
from gateway.store.interface import IdempotencyKey

LARGE_BODY = 64 * 1024
"""Bytes from which a body's decoding takes a turn of its own."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_SPACED_COLON = re.compile(rb'"[ \t\r\n]++:')
_GONE = object()
UNREAD = object()
"""Stands for no value: null is one."""
_decode = msgspec.json.Decoder().decode


async def read_json(request: Request) -> bytes:
    """The body of a request that says it is JSON. Raises a Problem 415; 413 and 408 come from the app."""
    if request.headers.get("Content-Type") != "application/json":
        if request.mimetype != "application/json":
            raise wrong_type(request, "application/json")
        refuse_other_charsets(request)
    refuse_compressed(request)
    return bytes(await request.get_data(cache=False, as_text=False, parse_form_data=False))


def wrong_type(request: Request, right: str) -> Problem:
    """A 415 of a body that is not of the `right` types."""
    given = f"not {request.mimetype}" if request.mimetype else "which is missing"
    return Problem(UNSUPPORTED_MEDIA_TYPE, f"The Content-Type must be {right}, {given[:80]}.")


def refuse_compressed(request: Request) -> None:
    """Raises a Problem 415."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(UNSUPPORTED_MEDIA_TYPE, "The body must not be compressed.")


def refuse_other_charsets(request: Request) -> None:
    """All but UTF-8. Raises a Problem 415."""
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise Problem(UNSUPPORTED_MEDIA_TYPE, "The body must be in UTF-8.")


def decode(body: bytes) -> Any:
    """The value of a JSON body; a member named twice is a fault. Raises a Problem 400 that gives line and column."""
    value = read_quickly(body)
    return value if value is not UNREAD and is_plain(value, body) else read_slowly(body)


def read_quickly(body: bytes) -> Any:
    """The value, or UNREAD where only `read_slowly` can tell more: where a fault is, or what a lone surrogate is in."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNREAD


def is_plain(value: Any, body: bytes) -> bool:
    """Whether no member can have been named twice in the body of the value.

    Each member has one colon right behind its name's quote: more of them than members that were decoded means a name
    given twice, or a text that looks so.
    """
    try:
        members = _members(value, body)
    except RecursionError:
        # The decoder goes deeper than calls within calls do: `read_slowly` says what it is.
        return False
    # Where there are no other colons at all, none needs to be looked for behind blanks.
    return body.count(b'":') == members and (body.count(b":") == members or _SPACED_COLON.search(body) is None)


def idempotency_key(request: Request, body: bytes) -> IdempotencyKey | None:
    """The key with the digest of the call: method, path and body as they came. Raises a Problem 422."""
    return key_of(request.headers.getlist("Idempotency-Key"), request.method, request.path, body)


def key_of(keys: Sequence[str], method: str, path: str, body: bytes) -> IdempotencyKey | None:
    """`idempotency_key` of the header's values."""
    if not keys:
        return None
    if len(keys) > 1 or _KEY.fullmatch(keys[0]) is None:
        what = "stands in the request more than once" if len(keys) > 1 else f"has {len(keys[0])} characters"
        raise Problem(
            INVALID_IDEMPOTENCY_KEY,
            f"The Idempotency-Key {what}; give it once, with 1 to 255 visible ASCII characters.",
        )
    digest = hashlib.sha256(f"{method} {path}\n".encode())
    digest.update(body)
    return IdempotencyKey(keys[0], digest.digest())


async def bare_key(request: Request) -> IdempotencyKey | None:
    """The key of a call that takes no body; what was sent is part of the digest. Raises a Problem 422."""
    return idempotency_key(request, bytes(await request.get_data(cache=False, as_text=False, parse_form_data=False)))


def _members(value: Any, body: bytes) -> int:
    """Of all objects in the value."""
    objects = value if type(value) is list else [value]
    # As many objects as braces, and no array in them: then nothing lies deeper.
    is_flat = set(map(type, objects)) == {dict} and body.count(b"{") == len(objects)
    if is_flat and body.count(b"[") == (objects is value):
        return sum(map(len, objects))
    return _members_within(value)


def _members_within(value: Any) -> int:
    if isinstance(value, dict):
        count = len(value)
        for inner in value.values():
            if isinstance(inner, dict | list):
                count += _members_within(inner)
        return count
    if isinstance(value, list):
        return sum(map(_members_within, value))
    return 0


def read_slowly(body: bytes) -> Any:
    """The value as `decode` gives it, at twice the time: with the place of a fault, and with lone surrogates."""
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        raise Problem(INVALID_JSON, f"The body is not UTF-8: byte {fault.start} of it cannot be read.") from None
    if not text.strip():
        raise Problem(INVALID_JSON, "The body is empty.")
    try:
        return json.loads(
            text, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant, parse_float=_finite
        )
    except json.JSONDecodeError as fault:
        reason = fault.msg[0].lower() + fault.msg[1:]
        raise Problem(INVALID_JSON, f"Line {fault.lineno}, column {fault.colno}: {reason}.") from None
    except RecursionError:
        raise Problem(INVALID_JSON, "The body is nested too deep.") from None
    except ValueError:
        # Python refuses integers of more than 4,300 digits.
        raise Problem(INVALID_JSON, "The body has a number with too many digits.") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Each first one leaves the dict; the one that is not there any more comes twice. A body may have 300,000.
        twice = next(name for name, _ in pairs if members.pop(name, _GONE) is _GONE)
        raise Problem(INVALID_JSON, f"An object has the member {json.dumps(twice[:40])} twice.")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise Problem(INVALID_JSON, f"{name} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Problem(INVALID_JSON, "The body has a number that is out of range.")
    return number

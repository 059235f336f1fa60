"""Fuzz target: a body is a value or a problem 400; each item of it a message that the store can hold, or faults."""

import json
import re

import msgspec
import phonenumbers

from gateway.api.bodies import decode
from gateway.api.description.examples import EXAMPLES
from gateway.api.problems import Problem
from gateway.rules.checks import Checked, ItemCheck
from gateway.rules.faults import ItemErrors
from gateway.rules.item_fields import FIELDS
from gateway.rules.named_templates import NamedTemplate
from gateway.rules.routing import Router
from gateway.settings import Account, Lane, Route

LONGEST_INPUT = 2048
NOW = 1_795_284_245_123
_WEBHOOK = {"url": "https://shop.example/all", "secrets": ["whsec_" + "QUJD" * 16]}


def _checker() -> ItemCheck:
    return ItemCheck(
        Account.model_validate(
            {
                "name": "shop",
                "senders": ["SHOP", "34600*"],
                "default_sender": "SHOP",
                "default_region": "ES",
                "webhook": _WEBHOOK,
            }
        ),
        lanes={"otp": Lane.model_validate({"name": "otp", "priority": 1, "validity": "5m"})}
        | {"transactional": Lane.model_validate({"name": "transactional", "priority": 2, "validity": "24h"})},
        router=Router([Route.model_validate({"name": "rest", "tiers": ["telco"]})]),
        schedule_ahead=30 * 86_400.0,
        longest_validity=87 * 86_400.0,
        url_refusal=lambda url: None if url.startswith("https://") else "is not https",
        message_tlvs={"rest": [frozenset({"0x1401"})]},
        templates={"code": NamedTemplate("{Hi|Hey} {name}: {code}", {"es": "{code}"}, ("code",), True, {"name": "x"})},
    )


_CHECK = _checker()


def check(body: bytes) -> None:
    try:
        value = decode(body)
    except Problem as problem:
        assert problem.kind.status == 400
        msgspec.json.encode(problem.detail)
        return
    # Python's reader is the more lenient one: what we take, it takes alike.
    assert json.dumps(json.loads(body.decode())) == json.dumps(value)
    for item in value[:50] if isinstance(value, list) else [value]:
        found = _CHECK.check(item, NOW)
        if isinstance(found, Checked):
            _check_storable(found)
        else:
            assert isinstance(found, ItemErrors)
            assert found.fields.keys() == found.codes.keys()
            assert found.fields
            msgspec.json.encode((found.fields, found.codes))


def _check_storable(message: Checked) -> None:
    for value in message:
        if isinstance(value, str):
            assert "\0" not in value
            value.encode()
        elif isinstance(value, int):
            assert -(2**63) <= value < 2**63
    # Germany, Austria and Iran have numbers of four digits behind their calling code; no country has shorter ones.
    assert re.fullmatch(r"\+[1-9][0-9]{5,14}", message.recipient)
    assert phonenumbers.is_possible_number(phonenumbers.parse(message.recipient))
    assert 1 <= message.segments <= 255
    assert (message.scheduled_at or NOW) < message.expires_at


def seeds() -> list[bytes]:
    full = {
        "to": "+34600000001", "text": "Your code is 1234", "from": "SHOP", "client_id": "a-1", "allow_unicode": True,
        "lane": "otp", "schedule": "2026-11-22T18:04:05Z", "validity": "1h", "webhook_url": "https://a.example/",
        "tag": "x", "max_parts": 3, "flash": True, "transliterate": True, "tlvs": {"0x1401": "hex:0501"},
        "template": "code", "variables": {"code": 1}, "spintax": False, "locale": "es-MX",
    }  # fmt: skip
    assert full.keys() == FIELDS
    given = [example.request for example in EXAMPLES.values() if example.request is not None]
    odd = [
        b'{"a":1,"a":2}', b'{"to":1e999}', b"[" * 300, b'{"text":"\\ud800"}', b'{"validity":' + b"9" * 400 + b"}",
        b'\xef\xbb\xbf{"to":"+34600000001"}', b'{"to":"+34600000001","text":"\\u0000"}', b'[{"to" : NaN}]', b"-0.0",
        b'{"schedule":1795284300,"validity":"P1D"}',
        b'{"to":"+492766","text":"Y"}', b'{"to":"+34600000001","text":"Y","tlvs":{"0x1401":"hex:5","x":7}}',
        b'{"to":"+34600000001","text":"Y","max_parts":0,"flash":1}',
        b'{"to":"+34600000001","template":"code","locale":"es","variables":{"code":1.5,"name":null}}',
        b'{"to":"+34600000001","text":"{{x}} {a:b} {c|{d|e}} }}","spintax":true,"variables":{"a":"\\ud800"}}',
    ]  # fmt: skip
    return [json.dumps(value).encode() for value in [full, [full, full], *given]] + odd

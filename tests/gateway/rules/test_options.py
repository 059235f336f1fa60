from typing import Any

import pytest

from gateway.rules.checks import Checked, ItemCheck
from gateway.rules.faults import ItemErrors
from gateway.rules.options import MessageOptions, from_json, to_json
from gateway.rules.routing import Router
from gateway.settings import Account, Lane, Route
from gateway.settings.tlvs import tlv_octets

NOW = 1_795_284_245_123
GOOD: dict[str, Any] = {"to": "+34600000001", "text": "Your code is 1234"}


TAKEN = [frozenset(f"0x14{n:02x}" for n in range(10)) | {"0x000a"}, frozenset({"0x1401", "0x1500"})]
"""The `message_tlvs` of the two carriers of the route."""


def checked(item: Any, **account: Any) -> Checked | ItemErrors:
    settings = {"name": "shop", "senders": ["SHOP"], "default_sender": "SHOP"} | account
    lane = Lane.model_validate({"name": "transactional", "priority": 2, "validity": "24h"})
    check = ItemCheck(
        Account.model_validate(settings),
        lanes={lane.name: lane},
        router=Router([Route.model_validate({"name": "rest", "tiers": ["telco"]})]),
        schedule_ahead=86_400.0,
        longest_validity=86_400.0,
        url_refusal=lambda url: None,
        message_tlvs={"rest": TAKEN},
    )
    return check.check(item, NOW)


def good(item: Any, **account: Any) -> Checked:
    found = checked(item, **account)
    assert isinstance(found, Checked), found
    return found


def wrong(item: Any, **account: Any) -> dict[str, list[str]]:
    """The codes by field."""
    found = checked(item, **account)
    assert isinstance(found, ItemErrors), found
    return found.codes


def asked(**fields: object) -> MessageOptions | None:
    kept = good(GOOD | fields).options
    return None if kept is None else from_json(kept)


def test_a_message_that_asks_for_nothing_keeps_nothing() -> None:
    assert asked() is None
    assert asked(max_parts=255, flash=False, tlvs={}, transliterate=True) is None
    assert asked(max_parts=None, flash=None, tlvs=None, transliterate=None) is None


def test_what_is_asked_of_a_text_is_kept_with_it() -> None:
    kept = asked(max_parts=3, flash=True, tlvs={"0x1401": "1107161500000000016"})
    assert kept == MessageOptions(3, True, {"0x1401": "1107161500000000016"})
    assert from_json(to_json(kept) or "") == kept
    assert kept.names == ["max_parts", "flash", "tlvs"]


def test_a_text_of_more_parts_than_max_parts_is_refused_and_never_cut() -> None:
    """Silent truncation: others keep the first parts and drop the rest."""
    long = GOOD | {"text": "x" * 400}
    assert wrong(long | {"max_parts": 2}) == {"text": ["too_many_segments"]}
    told = checked(long | {"max_parts": 2})
    assert isinstance(told, ItemErrors)
    assert told.fields == {"text": ["is too long: 3 parts, max_parts is 2"]}
    whole = good(long | {"max_parts": 3})
    assert (whole.text, whole.segments) == ("x" * 400, 3)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, "too_small"),
        (-1, "too_small"),
        (256, "too_large"),
        ("3", "wrong_type"),
        (True, "wrong_type"),
        (1.5, "wrong_type"),
    ],
)
def test_max_parts_is_a_whole_number_from_1_to_255(value: object, code: str) -> None:
    assert wrong(GOOD | {"max_parts": value}) == {"max_parts": [code]}


def test_transliterate_goes_before_the_accounts_habit() -> None:
    quoted = {"to": "+34600000001", "text": "“Hi”"}
    assert good(quoted | {"transliterate": True}).text == '"Hi"'
    assert good(quoted | {"transliterate": True}, unicode="allow").text == '"Hi"'
    assert good(quoted, unicode="transliterate").text == '"Hi"'
    assert wrong(quoted | {"transliterate": False}, unicode="transliterate") == {"text": ["needs_unicode"]}
    as_it_is = good(quoted | {"transliterate": False}, unicode="allow")
    assert (as_it_is.text, as_it_is.encoding) == ("“Hi”", "ucs2")


def test_a_text_that_transliteration_cannot_help_goes_whole_as_ucs2_or_not_at_all() -> None:
    both = {"to": "+34600000001", "text": "“Hi” 🙂", "transliterate": True}
    assert wrong(both) == {"text": ["needs_unicode"]}
    allowed = good(both | {"allow_unicode": True})
    assert (allowed.text, allowed.encoding) == ("“Hi” 🙂", "ucs2")


def test_tlvs_are_kept_by_their_tags_in_one_spelling() -> None:
    kept = asked(tlvs={"0X1401": "text", "0xa": "hex:0501"})
    assert kept is not None
    assert kept.tlvs == {"0x1401": "text", "0x000a": "hex:0501"}
    assert [tlv_octets(value) for value in kept.tlvs.values()] == [b"text", b"\x05\x01"]


@pytest.mark.parametrize(
    ("tlvs", "code"),
    [
        ("0x1401", "wrong_type"),
        ({"0x1401": 5}, "wrong_type"),
        ({"1401": "x"}, "not_a_tag"),
        ({"0x": "x"}, "not_a_tag"),
        ({"0x0": "x"}, "not_a_tag"),
        ({"0x+14": "x"}, "not_a_tag"),
        ({"0x11401": "x"}, "not_a_tag"),
        ({"0x\ud800": "x"}, "not_a_tag"),
        ({"0x0424": "x"}, "tag_not_allowed"),
        ({"0x20C": "x"}, "tag_not_allowed"),
        ({"0x1401": "x", "0X1401": "y"}, "given_twice"),
        ({"0x1401": "hex:05x1"}, "not_hexadecimal"),
        ({"0x1401": "a\0b"}, "nul"),
        ({"0x1401": "\ud800"}, "lone_surrogate"),
        ({"0x1401": "x" * 256}, "too_long"),
        ({"0x1401": "ñ" * 128}, "too_long"),
        ({"0x1401": "hex:" + "00" * 256}, "too_long"),
        ({f"0x14{n:02x}": "x" for n in range(11)}, "too_long"),
    ],
)
def test_a_tlv_that_no_carrier_could_take_is_refused(tlvs: object, code: str) -> None:
    assert wrong(GOOD | {"tlvs": tlvs}) == {"tlvs": [code]}


def test_ten_tlvs_of_255_octets_are_taken() -> None:
    kept = asked(tlvs={f"0x14{n:02x}": "hex:" + "00" * 255 for n in range(10)})
    assert kept is not None
    assert len(kept.tlvs) == 10


@pytest.mark.parametrize(
    ("tlvs", "told"),
    [
        (("0x1600",), "0x1600, which no carrier of its route takes:"),
        (("0x1401", "0x1600", "0X1700"), "0x1600, 0x1700, which no carrier of its route takes:"),
        (("0x1402", "0x1500"), "0x1402, 0x1500, which no carrier of its route takes together:"),
    ],
)
def test_tlvs_that_no_carrier_of_the_route_takes_are_refused_by_their_tags(tlvs: tuple[str, ...], told: str) -> None:
    found = checked(GOOD | {"tlvs": dict.fromkeys(tlvs, "secret")})
    assert isinstance(found, ItemErrors)
    assert found.codes == {"tlvs": ["tlv_not_taken"]}
    assert found.fields == {"tlvs": [f"has {told} message_tlvs of a carrier lets a TLV pass"]}


def test_tlvs_that_one_carrier_of_the_route_takes_are_enough() -> None:
    for tags in (("0x1402", "0x1401"), ("0x1401", "0x1500")):
        kept = asked(tlvs=dict.fromkeys(tags, "x"))
        assert kept is not None
        assert tuple(kept.tlvs) == tags


def test_everything_wrong_with_what_is_asked_is_told_at_once() -> None:
    given = GOOD | {"to": "5", "max_parts": 0, "flash": 1, "tlvs": [], "transliterate": "yes"}
    assert wrong(given).keys() == {"to", "max_parts", "flash", "tlvs", "transliterate"}

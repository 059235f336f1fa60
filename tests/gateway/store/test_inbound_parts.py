"""Parts of long inbound messages: kept as they come, told as one message, whatever happens between them."""

import json
import random

import pytest

from gateway.identifiers import Identifiers
from gateway.rules.timestamps import rfc3339
from gateway.store.inbound import parts as inbound_parts
from gateway.store.interface import InboundPart
from gateway.store.policy import CarrierPolicy
from protocol.alphabets import Alphabet
from protocol.writing import TextWay

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LIMIT = 15 * MINUTE
UDH8, UDH16, SAR = 1, 2, 3


def a_part(part, total, text, *, reference=7, kind=UDH8):
    return InboundPart(kind, reference, part, total, text.encode("ascii"), 0, False)


async def came(bench, *parts, **changes):
    """Hand parts over in one commit; whether each was kept, and so may be acknowledged."""
    kept = []
    for part in parts:
        bench.store.inbound(bench.an_inbound(text="", part=part, **changes), kept.append)
    await bench.commit()
    await bench.commit()
    return kept


def stored(bench):
    return bench.sql("SELECT text, parts, complete FROM inbound ORDER BY id")


def told(bench):
    return [json.loads(body)["data"] for (body,) in bench.sql("SELECT body FROM events ORDER BY id")]


def texts_of_parts(bench):
    return [octets for (octets,) in bench.sql("SELECT octets FROM inbound_parts WHERE octets IS NOT NULL")]


def held(bench):
    return bench.sql("SELECT carrier, sets, octets FROM inbound_held ORDER BY carrier")


async def test_parts_become_one_message_with_the_last_of_them(bench):
    assert await came(bench, a_part(1, 3, "one ")) == [True]
    assert await came(bench, a_part(2, 3, "two ")) == [True]
    assert stored(bench) == told(bench) == []
    bench.clock.advance(SECOND)
    assert await came(bench, a_part(3, 3, "three")) == [True]
    assert stored(bench) == [("one two three", 3, 1)]
    (data,) = told(bench)
    assert (data["text"], data["parts"], data["complete"]) == ("one two three", 3, True)
    assert data["received_at"] == rfc3339(bench.clock()), "when the last part came"
    await bench.after(2 * LIMIT)
    assert len(stored(bench)) == len(told(bench)) == 1


async def test_parts_come_in_any_order_in_one_commit_or_in_many(bench):
    for reference in range(20):
        parts = [a_part(part, 5, f"{part}", reference=reference) for part in range(1, 6)]
        random.Random(reference).shuffle(parts)
        for few in (parts,) if reference % 2 else ([part] for part in parts):
            await came(bench, *few)
    assert stored(bench) == [("12345", 5, 1)] * 20
    assert held(bench) == [("telco", 0, 0)]


async def test_a_part_that_comes_again_is_acknowledged_and_changes_nothing(bench):
    """Before the others, with them, and after the message was told: a carrier's answer was lost on its way."""
    parts = a_part(1, 2, "one "), a_part(2, 2, "two")
    assert await came(bench, parts[0], parts[0]) == [True, True]
    assert await came(bench, parts[0]) == [True]
    assert await came(bench, parts[1], parts[1]) == [True, True]
    bench.clock.advance(LIMIT - SECOND)
    assert await came(bench, *parts, *parts) == [True] * 4
    await bench.after(3 * LIMIT)
    assert stored(bench) == [("one two", 2, 1)]
    assert len(told(bench)) == 1


async def test_messages_under_one_reference_that_end_alike_both_have_their_ends(bench):
    for number in "12":
        await came(bench, a_part(1, 2, f"order {number} "))
        await came(bench, a_part(2, 2, "is ready"))
    assert stored(bench) == [("order 1 is ready", 2, 1), ("order 2 is ready", 2, 1)]
    await came(bench, a_part(2, 2, "is ready"), a_part(1, 2, "order 1 "))
    await bench.after(LIMIT)
    assert len(stored(bench)) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"carrier": "other"},
        {"sender": "+34600000009"},
        {"recipient": "+34600999998"},
        {"reference": 8},
        {"kind": UDH16},
        {"kind": SAR},
        {"total": 3},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_parts_of_different_messages_are_never_joined(bench, other):
    of_part = {name: other[name] for name in ("reference", "kind") if name in other}
    of_message = {name: other[name] for name in ("carrier", "sender", "recipient") if name in other}
    await came(bench, a_part(1, 2, "mine"))
    await came(bench, a_part(2, other.get("total", 2), "theirs", **of_part), **of_message)
    assert stored(bench) == []


async def test_parts_that_never_come_are_told_as_a_gap_after_the_limit(bench, caplog):
    await came(bench, a_part(1, 3, "one "), a_part(3, 3, "three"))
    last = bench.clock()
    await bench.after(LIMIT - SECOND)
    assert stored(bench) == []
    await bench.after(SECOND)
    assert stored(bench) == [("one […]three", 3, 0)]
    (data,) = told(bench)
    assert (data["text"], data["parts"], data["complete"]) == ("one […]three", 3, False)
    assert data["received_at"] == rfc3339(last)
    assert "told with parts missing messages=1" in caplog.text
    assert "three" not in caplog.text
    assert held(bench) == [("telco", 0, 0)]


async def test_pain_38_parts_are_read_by_the_alphabet_of_their_carrier_also_after_a_start(open_store):
    latin = CarrierPolicy(HOUR, MINUTE, way=TextWay(alphabet=Alphabet.LATIN1))
    async with open_store(carriers={"telco": latin, "other": CarrierPolicy(HOUR, MINUTE)}) as bench:
        for carrier in ("telco", "other"):
            await came(bench, InboundPart(UDH8, 7, 1, 2, b"ma", 0, False), carrier=carrier)
        async with bench.after_a_crash(carriers={"telco": latin}) as later:
            for carrier in ("telco", "other"):
                await came(later, InboundPart(UDH8, 7, 2, 2, b"\xf1ana", 0, False), carrier=carrier)
            assert stored(later) == [("mañana", 2, 1), ("ma\ufffdana", 2, 1)]


async def test_each_part_gives_the_next_one_its_time(bench):
    for part in range(1, 4):
        await came(bench, a_part(part, 4, f"{part}"))
        await bench.after(LIMIT - SECOND)
    await came(bench, a_part(4, 4, "4"))
    assert stored(bench) == [("1234", 4, 1)]


async def test_a_part_that_comes_after_the_limit_is_told_all_the_same(bench):
    await came(bench, a_part(1, 2, "one"))
    await bench.after(LIMIT)
    await came(bench, a_part(2, 2, "two"))
    await bench.after(LIMIT)
    assert stored(bench) == [("one[…]", 2, 0), ("[…]two", 2, 0)]


async def test_a_handset_that_gives_every_message_the_same_reference_loses_none(bench):
    await came(bench, a_part(1, 2, "a1 "), a_part(2, 2, "a2"))
    await came(bench, a_part(1, 2, "b1 "), a_part(2, 2, "b2"))
    await came(bench, a_part(1, 2, "c1 "))
    await came(bench, a_part(1, 2, "d1 "), a_part(2, 2, "d2"))
    assert stored(bench) == [("a1 a2", 2, 1), ("b1 b2", 2, 1), ("c1 […]", 2, 0), ("d1 d2", 2, 1)]


@pytest.mark.parametrize("crash_after", range(1, 5))
async def test_pain_44_a_crash_between_parts_loses_none_that_was_acknowledged(bench, crash_after):
    parts = [a_part(part, 5, f"{part}") for part in (4, 1, 5, 2, 3)]
    for part in parts[:crash_after]:
        assert await came(bench, part) == [True]
    async with bench.after_a_crash() as later:
        # What was not acknowledged comes again, and what was may too.
        assert await came(later, *parts[crash_after - 1 :]) == [True] * (6 - crash_after)
        assert stored(later) == [("12345", 5, 1)]
        assert len(told(later)) == 1
        async with later.after_a_crash() as last:
            assert await came(last, *parts) == [True] * 5
            assert len(stored(last)) == 1


async def test_parts_left_by_a_crash_are_told_when_their_time_is_over(bench):
    await came(bench, a_part(2, 2, "two"))
    async with bench.after_a_crash() as later:
        await later.after(LIMIT)
        assert stored(later) == [("[…]two", 2, 0)]


async def test_ids_go_on_behind_those_of_parts_after_a_start(bench):
    bench.clock.advance(5 * MINUTE)
    await came(bench, a_part(1, 2, "one"))
    ((newest,),) = bench.sql("SELECT max(id) FROM inbound_sets")
    bench.clock.advance(-5 * MINUTE)
    async with bench.after_a_crash() as later:
        assert Identifiers(later.store.last_id(), later.clock).next() > newest


async def test_endless_first_parts_hold_only_so_many_messages_and_the_oldest_is_told(bench, monkeypatch):
    monkeypatch.setattr(inbound_parts, "MOST_SETS", 10)
    for reference in range(35):
        await came(bench, a_part(1, 2, f"{reference}", reference=reference))
        bench.clock.advance(1)
    assert held(bench)[0][1] == 10
    assert len(texts_of_parts(bench)) == 10
    assert stored(bench) == [(f"{reference}[…]", 2, 0) for reference in range(25)]
    await came(bench, a_part(2, 2, "!", reference=34))
    assert stored(bench)[-1] == ("34!", 2, 1)


async def test_a_carrier_that_sends_endless_parts_leaves_room_for_another(bench, monkeypatch):
    monkeypatch.setattr(inbound_parts, "MOST_SETS", 3)
    await came(bench, a_part(1, 2, "theirs "), carrier="other")
    for reference in range(9):
        await came(bench, a_part(1, 2, "flood", reference=reference))
    await came(bench, a_part(2, 2, "too"), carrier="other")
    assert stored(bench).count(("theirs too", 2, 1)) == 1


async def test_parts_hold_only_so_many_octets(bench, monkeypatch):
    monkeypatch.setattr(inbound_parts, "MOST_OCTETS", 1_000)
    for reference in range(4):
        for part in range(1, 5):
            await came(bench, a_part(part, 255, "x" * 100, reference=reference))
            bench.clock.advance(1)
    ((_, sets, octets),) = held(bench)
    assert octets == sum(map(len, texts_of_parts(bench))) <= 1_000
    assert sets + len(stored(bench)) == 4


async def test_the_texts_of_parts_go_when_their_message_is_told_and_the_rest_soon_after(bench):
    await came(bench, a_part(1, 2, "one"))
    assert texts_of_parts(bench) == [b"one"]
    await came(bench, a_part(2, 2, "two"))
    assert texts_of_parts(bench) == []
    assert bench.sql("SELECT count(*) FROM inbound_parts") == [(2,)]
    await bench.after(LIMIT)
    assert bench.sql("SELECT count(*) FROM inbound_parts") == bench.sql("SELECT count(*) FROM inbound_sets") == [(0,)]


async def test_no_text_of_a_long_inbound_message_is_left_in_the_file_once_it_was_erased(bench):
    bench.take_deliveries()
    await came(bench, a_part(1, 2, "Your code is "), a_part(2, 2, "1234 and no other"))
    await came(bench, a_part(1, 2, "Your code is ", reference=8), account=None)
    await bench.outcome(bench.deliveries[-1])
    for _ in range(4):
        await bench.after(DAY)
        await bench.after(SECOND)
    bench.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert [text for text, _, _ in stored(bench)] == [None, None]
    octets = bench.store.path.read_bytes()
    assert b"Your code is" not in octets
    assert b"and no other" not in octets


async def test_a_set_that_cannot_be_told_is_put_off_and_the_others_are_told(open_store):
    def fussy(facts):
        if "bad" in facts.data["text"]:
            raise ValueError("not this one")
        return json.dumps({"data": facts.data}).encode()

    async with open_store(render=fussy) as bench:
        await came(bench, a_part(1, 2, "bad"), a_part(1, 2, "good", reference=8))
        await bench.after(LIMIT)
        assert stored(bench) == [("good[…]", 2, 0)]
        assert texts_of_parts(bench) == [b"bad"]
        await bench.after(MINUTE)
        assert texts_of_parts(bench) == [b"bad"]


async def test_pain_44_an_inbound_message_that_nobody_is_told_of_is_listed_without_its_text(bench):
    bench.store.inbound(bench.an_inbound(account=None, text="secret"), lambda kept: None)
    bench.store.inbound(bench.an_inbound(account="quiet", text="secret"), lambda kept: None)
    bench.store.inbound(bench.an_inbound(), lambda kept: None)
    await came(bench, a_part(1, 2, "secret"), a_part(2, 2, "secret"), account=None)
    first = await bench.store.untold(limit=2, cursor=None)
    rest = await bench.store.untold(limit=2, cursor=first.next_cursor)
    assert [(row.account, row.parts) for row in [*first.rows, *rest.rows]] == [(None, 2), ("quiet", 1), (None, 1)]
    assert rest.next_cursor is None
    assert "secret" not in str(first) + str(rest)

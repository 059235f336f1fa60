"""A text that only looks like a receipt is one if it names a message of ours by id and addresses; else a message."""

import pytest

from gateway.messages import MessageState
from gateway.metrics import REGISTRY

MINUTE = 60_000
OURS, STRANGER = "34600000001", "34600000666"
INBOUND_NUMBER = "34600999999"


async def guess(bench, carrier_message_id="5F3A", source=OURS, destination="SHOP", stat="DELIVRD"):
    """`source` and `destination` are the PDU's."""
    otherwise = bench.an_inbound(sender=f"+{source}", text=f"id:{carrier_message_id} stat:{stat}")
    await bench.receipt(carrier_message_id, stat, source=source, to=destination, otherwise=otherwise)
    return [row[0] for row in bench.sql("SELECT text FROM inbound")]


@pytest.mark.parametrize(
    ("source", "destination"),
    [(OURS, "SHOP"), ("SHOP", OURS), (OURS, "shop"), (OURS, OURS), ("600000001", "SHOP"), (f"+{OURS}", "SHOP")],
)
async def test_an_unmarked_receipt_with_id_and_addresses_is_believed_swapped_or_not(bench, source, destination):
    message = await bench.sent("5F3A")
    assert await guess(bench, source=source, destination=destination) == []
    assert await bench.state(message) is MessageState.DELIVERED


@pytest.mark.parametrize(
    ("carrier_message_id", "source", "destination"),
    [
        ("5F3A", STRANGER, "SHOP"),
        ("5F3A", STRANGER, INBOUND_NUMBER),
        ("5F3A", OURS, INBOUND_NUMBER),
        ("5F3A", OURS, ""),
        ("5F3B", OURS, "SHOP"),
        ("", OURS, "SHOP"),
    ],
)
async def test_a_handset_that_writes_a_receipt_only_sends_a_message(bench, carrier_message_id, source, destination):
    message = await bench.sent("5F3A")
    texts = await guess(bench, carrier_message_id, source, destination)
    assert texts == [f"id:{carrier_message_id} stat:DELIVRD"]
    assert await bench.state(message) is MessageState.SENT
    assert bench.store.counts()["parked"] == 0
    assert bench.sql("SELECT type FROM events WHERE type = 'message.inbound'") == [("message.inbound",)]


async def test_a_handset_settles_no_doubt(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    await bind.doubt(message)
    assert await guess(bench, "anything") == ["id:anything stat:DELIVRD"]
    assert await bench.state(message) is MessageState.IN_DOUBT


@pytest.mark.parametrize(("is_refused", "kept"), [(False, 1), (True, 0)])
async def test_what_is_no_receipt_is_told_to_be_so_and_kept_unless_it_is_refused(bench, is_refused, kept):
    await bench.sent("5F3A")
    otherwise = bench.an_inbound(account=None, is_refused=is_refused)
    forged = bench.a_receipt("5F3A", source=STRANGER, to="SHOP", otherwise=otherwise)
    ours = bench.a_receipt("5F3A", source=OURS, to="SHOP", otherwise=bench.an_inbound())
    for receipt in (forged, ours):
        await bench.receive(receipt)
    assert (forged.was_inbound, ours.was_inbound) == (True, False)
    assert bench.sql("SELECT count(*) FROM inbound") == [(kept,)]


async def test_what_waited_for_an_answer_and_would_have_been_refused_is_kept_and_listed(bench):
    await bench.accept_one()
    await bench.bind().ask(1)
    otherwise = bench.an_inbound(account=None, is_untold=True, is_refused=True)
    guess = bench.a_receipt("of nobody", source=OURS, to="SHOP", otherwise=otherwise)
    await bench.receive(guess)
    assert not guess.was_inbound, "it may be a receipt still, and is acknowledged"
    before = REGISTRY.get_sample_value("sluice_inbound_untold_total", {"carrier": "telco"}) or 0
    await bench.after(MINUTE * 3)
    assert bench.sql("SELECT account FROM inbound") == [(None,)]
    assert REGISTRY.get_sample_value("sluice_inbound_untold_total", {"carrier": "telco"}) == before + 1


async def test_many_forged_receipts_at_once_end_nothing(bench):
    messages = [await bench.sent(id_) for id_ in ("A1", "A2")]
    for id_ in ("A1", "A2"):
        otherwise = bench.an_inbound(sender=f"+{STRANGER}")
        bench.store.receipt(bench.a_receipt(id_, source=STRANGER, to="SHOP", otherwise=otherwise), lambda kept: None)
    await bench.commit()
    assert [await bench.state(m) for m in messages] == [MessageState.SENT] * 2
    assert bench.sql("SELECT count(*) FROM inbound") == [(2,)]


async def test_a_waiting_text_that_cannot_be_told_is_put_off_and_the_others_are_told(open_store):
    def fussy(facts):
        if facts.data["text"] == "bad":
            raise ValueError("not this one")
        return b"{}"

    async with open_store(render=fussy) as bench:
        await bench.accept_one()
        await bench.bind().ask(1)
        for text in ("bad", "garbled", "good"):
            otherwise = bench.an_inbound(sender=f"+{OURS}", text=text)
            await bench.receipt(text, source=OURS, to="SHOP", otherwise=otherwise)
        assert bench.store.counts()["parked"] == 3
        bench.sql("UPDATE parked SET receipt = x'00' WHERE carrier_message_id = 'garbled'")
        await bench.after(3 * MINUTE)
        assert bench.sql("SELECT text FROM inbound") == [("good",)]
        assert bench.sql("SELECT carrier_message_id, due FROM parked ORDER BY id") == [
            ("bad", bench.clock() + MINUTE),
            ("garbled", bench.clock() + MINUTE),
        ]
        assert bench.store.counts()["parked"] == 2


async def test_an_unmarked_receipt_ahead_of_its_answer_waits_for_it(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    assert await guess(bench) == []
    assert bench.store.counts()["parked"] == 1
    await bind.send(message, "5F3A")
    assert await bench.state(message) is MessageState.DELIVERED
    await bench.after(MINUTE * 3)
    assert bench.sql("SELECT count(*) FROM inbound") == [(0,)]


async def test_what_waited_and_was_no_receipt_is_told_as_a_message(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    await guess(bench, "of nobody")
    await bind.send(message, "5F3A")
    await bench.after(MINUTE * 3)
    assert bench.store.counts()["parked"] == 0
    assert bench.sql("SELECT text FROM inbound") == [("id:of nobody stat:DELIVRD",)]
    assert await bench.state(message) is MessageState.SENT


async def test_what_waited_is_told_after_a_crash_too(bench):
    await bench.accept_one()
    await bench.bind().ask(1)
    await guess(bench, "of nobody")
    async with bench.after_a_crash() as after:
        await after.after(MINUTE * 3)
        assert after.sql("SELECT text FROM inbound") == [("id:of nobody stat:DELIVRD",)]


async def test_a_contradiction_is_kept_not_applied_and_counted(bench):
    def counted():
        return REGISTRY.get_sample_value("sluice_receipts_contradicting_total", {"carrier": "telco"}) or 0

    before = counted()
    await bench.sent("5F3A")
    for stat in ("DELIVRD", "DELIVRD", "ENROUTE", "UNDELIV", "UNDELIV"):
        await bench.receipt("5F3A", stat)
    assert counted() == before + 1

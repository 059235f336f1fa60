"""How carriers spell ids in receipts: learned and then tried first, and no id of one taken for another's."""

import logging
import random
from dataclasses import replace

import pytest

from gateway.messages import MessageState
from gateway.rules.receipt_ids import SETTLED, UNLEARNED
from gateway.rules.tiers import Tierings
from gateway.settings import Route
from gateway.store.interface import Answer, Verdict
from gateway.store.policy import CarrierPolicy
from protocol.references import reference_16

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ROUTES = [Route(name="rest", tiers=["telco"]), Route(name="only-other", tiers=["other"])]
DELIVERED, SENT = MessageState.DELIVERED, MessageState.SENT


def with_telco(**changes):
    """A policy whose telco is otherwise."""
    usual = CarrierPolicy(72 * HOUR, 3 * MINUTE)
    return {"carriers": {"telco": replace(usual, **changes), "other": usual, "backup": usual}}


async def sent_many(bench, ids, to=None, carrier="telco"):
    """Messages for a number each (or all for `to`), answered with these ids in one commit."""
    numbers = [to or f"+346{n:08}" for n in range(len(ids))]
    route = "rest" if carrier == "telco" else "only-other"
    messages = await bench.accept(*(bench.a_message(recipient=number, route=route) for number in numbers))
    bind = bench.bind(f"{carrier}/many", carrier)
    await bind.ask(len(ids))
    await bind.answer(*(bind.an_answer(m, carrier_message_id=i) for m, i in zip(messages, ids, strict=True)))
    bench.store.close_window(bind.name)
    return messages, [number[1:] for number in numbers]


async def told(bench, ids, numbers, carrier="telco", one_by_one=False):
    for told_id, number in zip(ids, numbers, strict=True):
        bench.store.receipt(bench.a_receipt(told_id, to=number, carrier=carrier), lambda kept: None)
        if one_by_one:
            await bench.commit()
    await bench.commit()


def matched(bench):
    return {row[0] for row in bench.sql("SELECT DISTINCT receipt_matched FROM attempts WHERE receipt_id IS NOT NULL")}


NUMBERS = range(0x1000, 0x1000 + SETTLED + 5)
SPELLINGS = {
    "same as in answers": ([f"{n:X}" for n in NUMBERS], [f"{n:X}" for n in NUMBERS]),
    "same as in answers but for zeros or case": ([f"{n:X}" for n in NUMBERS], [f"{n:010x}" for n in NUMBERS]),
    "decimal of our hex": ([f"{n:X}" for n in NUMBERS], [f"{n:010}" for n in NUMBERS]),
    "hex of our decimal": ([str(n) for n in NUMBERS], [f"{n:X}" for n in NUMBERS]),
}


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("words", SPELLINGS)
async def test_auto_learns_a_carriers_ids_from_its_first_receipts_and_says_so_once(bench, words, one_by_one, caplog):
    caplog.set_level(logging.INFO, "sluice.store")
    answers, receipts = SPELLINGS[words]
    messages, numbers = await sent_many(bench, answers)
    assert bench.store.receipt_ids() == {}
    await told(bench, receipts, numbers, one_by_one=one_by_one)
    assert {await bench.state(m) for m in messages} == {DELIVERED}
    assert bench.store.receipt_ids() == {"telco": words}
    lines = [record.getMessage() for record in caplog.records if "learned" in record.getMessage()]
    assert lines == [f'learned the ids of receipts carrier=telco ids="{words}"']


async def test_what_is_learned_of_one_carrier_is_not_believed_of_another(bench):
    answers, receipts = SPELLINGS["decimal of our hex"]
    await told(bench, receipts, (await sent_many(bench, answers))[1])
    message = await bench.sent("999", recipient="+34611111111")
    assert bench.store.receipt_ids() == {"telco": "decimal of our hex"}
    await bench.receipt(str(0x999), to="34611111111", carrier="other")
    assert await bench.state(message) is SENT


async def learned_decimal(bench):
    answers, receipts = SPELLINGS["decimal of our hex"]
    await told(bench, receipts, (await sent_many(bench, answers))[1])


async def test_after_learning_a_number_is_read_in_the_learned_base_although_it_names_another_as_it_stands(bench):
    """Ids of digits alone are both: 16 is our 10, although there is a 16 for the same number as well."""
    await learned_decimal(bench)
    ids = [f"{n:x}" for n in range(10, 40)]
    messages, numbers = await sent_many(bench, ids, to="+34600000077")
    order = list(range(30))
    random.Random(4).shuffle(order)
    for n in order:
        at_n = await bench.state(messages[n])
        assert at_n is SENT
        await bench.receipt(str(n + 10), to=numbers[n])
        assert await bench.state(messages[n]) is DELIVERED
    assert bench.store.counts()["parked"] == 0


async def test_learned_ids_are_found_many_at_a_time(bench):
    await learned_decimal(bench)
    ids = [f"{n:x}" for n in range(0x2000, 0x2032)]
    messages, numbers = await sent_many(bench, ids)
    bench.store.receipt(bench.a_receipt("nobody's", to="34600000000"), lambda kept: None)
    await told(bench, [str(int(i, 16)) for i in ids], numbers)
    assert {await bench.state(m) for m in messages} == {DELIVERED}
    assert matched(bench) == {"converted"}


async def test_ids_that_stop_fitting_are_unlearned_and_learned_anew(bench, caplog):
    await learned_decimal(bench)
    ids = [f"{n:X}" for n in range(0xA000, 0xA000 + SETTLED + UNLEARNED)]
    messages, numbers = await sent_many(bench, ids)
    await told(bench, ids[:UNLEARNED], numbers[:UNLEARNED], one_by_one=True)
    assert bench.store.receipt_ids() == {}
    assert "ids of receipts are not as learned" in caplog.text
    await told(bench, ids[UNLEARNED:], numbers[UNLEARNED:])
    assert {await bench.state(m) for m in messages} == {DELIVERED}
    assert bench.store.receipt_ids() == {"telco": "same as in answers"}


async def test_an_id_as_it_stands_gives_way_to_the_other_base_where_only_that_has_the_destination(bench):
    """Nothing is learned yet: hexadecimal 10 and 16 were answered, and a receipt tells 16 of the number of 10."""
    (first, second), numbers = await sent_many(bench, ["10", "16"])
    await told(bench, ["16"], numbers[:1])
    assert [await bench.state(first), await bench.state(second)] == [DELIVERED, SENT]


async def test_many_at_a_time_a_receipt_for_another_number_does_not_end_what_its_id_names(bench):
    messages, numbers = await sent_many(bench, ["10", "16", "30"])
    await told(bench, ["16", "30"], [numbers[0], numbers[2]])
    assert [await bench.state(m) for m in messages] == [DELIVERED, SENT, DELIVERED]


async def test_an_early_receipt_in_the_other_base_waits_although_its_digits_name_another_message(bench):
    """Before its answer, 16 for the number of 10 is not the 16 that another number has."""
    other = await bench.sent("16", recipient="+34600000088")
    message = await bench.accept_one(recipient="+34600000099")
    bind = bench.bind()
    await bind.ask(1)
    await bench.receipt("16", to="34600000099")
    assert (await bench.state(other), bench.store.counts()["parked"]) == (SENT, 1)
    await bind.send(message, "10")
    assert [await bench.state(m) for m in (message, other)] == [DELIVERED, SENT]


async def test_a_carrier_that_rewrites_numbers_is_still_understood_by_its_ids(bench):
    message = await bench.sent("A7")
    await bench.receipt("A7", to="34699999999")
    assert await bench.state(message) is DELIVERED


async def test_many_at_a_time_a_carrier_that_rewrites_numbers_is_understood_by_its_ids(bench):
    messages, _ = await sent_many(bench, ["A1", "A2", "A3"])
    await told(bench, ["A1", "A2", "A3"], ["34699999991", "34699999992", "34699999993"])
    assert [await bench.state(m) for m in messages] == [DELIVERED] * 3


async def test_a_base_that_is_set_is_tried_first(open_store):
    async with open_store(**with_telco(id_base="decimal")) as bench:
        messages, numbers = await sent_many(bench, ["10", "16"], to="+34600000001")
        await told(bench, ["16"], numbers[:1])
        assert [await bench.state(m) for m in messages] == [DELIVERED, SENT]


@pytest.mark.parametrize("blind", ["", "12345", "SHOP"])
async def test_a_receipt_that_tells_no_number_is_read_in_the_base_that_is_set(open_store, blind):
    """Hexadecimal 10 and 16 were answered: 16 is the first of them, whatever else is called 16."""
    async with open_store(**with_telco(id_base="decimal")) as bench:
        sixteen, ten = await bench.sent("16"), await bench.sent("10")
        await bench.receipt("16", to=blind, source=blind)
        assert [await bench.state(m) for m in (sixteen, ten)] == [SENT, DELIVERED]
        assert matched(bench) == {"converted"}


async def test_a_receipt_that_tells_no_number_is_read_in_the_base_that_was_learned(bench):
    await learned_decimal(bench)
    sixteen, ten = await bench.sent("16"), await bench.sent("10")
    await bench.receipt("16", to="")
    assert [await bench.state(m) for m in (sixteen, ten)] == [SENT, DELIVERED]


async def test_many_at_a_time_receipts_that_tell_no_number_are_read_in_the_base_that_is_set(open_store):
    async with open_store(**with_telco(id_base="decimal")) as bench:
        messages, _ = await sent_many(bench, ["16", "10", "22", "1E"])
        await told(bench, ["16", "22"], ["", ""])
        assert [await bench.state(m) for m in messages] == [DELIVERED, DELIVERED, SENT, SENT]
        await told(bench, ["34", "30"], ["", ""])
        assert [await bench.state(m) for m in messages] == [DELIVERED] * 4


async def test_an_early_receipt_that_tells_no_number_waits_although_its_digits_name_another_message(open_store):
    async with open_store(**with_telco(id_base="decimal")) as bench:
        sixteen = await bench.sent("16")
        message = await bench.accept_one(recipient="+34600000099")
        bind = bench.bind()
        await bind.ask(1)
        await bench.receipt("16", to="")
        assert (await bench.state(sixteen), bench.store.counts()["parked"]) == (SENT, 1)
        await bind.send(message, "10")
        assert [await bench.state(m) for m in (sixteen, message)] == [SENT, DELIVERED]
        assert bench.store.counts()["parked"] == 0


async def test_a_receipt_that_tells_no_number_is_parked_where_two_messages_have_its_number(open_store):
    async with open_store(**with_telco(id_base="decimal")) as bench:
        messages = [await bench.sent(answered) for answered in ("16", "10", "010")]
        await bench.receipt("16", to="")
        assert [await bench.state(m) for m in messages] == [SENT] * 3
        assert bench.store.counts()["parked"] == 1


async def test_a_base_that_is_set_and_proved_wrong_converts_no_receipt_that_tells_no_number(open_store):
    async with open_store(**with_telco(id_base="decimal")) as bench:
        ids = [str(n) for n in range(100, 100 + SETTLED)]
        await told(bench, ids, (await sent_many(bench, ids))[1])
        ten = await bench.sent("10")
        await bench.receipt("16", to="")
        assert (await bench.state(ten), bench.store.counts()["parked"]) == (SENT, 1)


async def test_a_base_that_is_set_wrongly_costs_no_receipt(open_store):
    async with open_store(**with_telco(id_base="decimal")) as bench:
        ids = [str(n) for n in range(100, 130)]
        messages, numbers = await sent_many(bench, ids)
        await told(bench, ids, numbers)
        assert {await bench.state(m) for m in messages} == {DELIVERED}
        assert bench.store.receipt_ids() == {"telco": "same as in answers"}


@pytest.mark.parametrize(
    "message_id", ["812FC7470000001B", "7d0f21aa-5b53-4c1e-9a77-0d3e6f1b2c48", "SAR-7-2", "Z" * 64]
)
async def test_an_id_that_is_no_small_number_is_matched_whole(bench, message_id):
    near = f"{message_id[:-1]}A"
    messages = [await bench.sent(message_id), await bench.sent(near)]
    await bench.receipt(message_id.lower())
    assert [await bench.state(m) for m in messages] == [DELIVERED, SENT]


async def test_big_numbers_that_share_their_last_64_bits_are_not_one(bench):
    messages = [await bench.sent(f"{(n << 64) + 7:X}") for n in (1, 2)]
    await bench.receipt(str((2 << 64) + 7))
    assert [await bench.state(m) for m in messages] == [SENT, DELIVERED]


# --- ids that carriers give again


async def test_an_id_that_ended_long_ago_is_not_the_one_of_a_receipt_today(bench):
    old = await bench.sent("1")
    await bench.receipt("1")
    await bench.after(24 * HOUR + 73 * HOUR)
    await bench.receipt("1", "UNDELIV", to="34600000002")
    assert bench.store.counts()["parked"] == 1
    assert len((await bench.story(old)).receipts) == 1


async def test_of_two_messages_with_one_id_and_number_the_receipts_date_decides(bench):
    """The carrier began anew with its ids, and the first message's receipt is late."""
    first = await bench.sent("1")
    sent_at = bench.clock()
    await bench.after(2 * HOUR)
    second = await bench.sent("1")
    await bench.receipt("1", submitted_at=sent_at - 20 * SECOND)
    assert [await bench.state(m) for m in (first, second)] == [DELIVERED, SENT]


async def test_of_two_messages_with_one_id_and_number_a_date_that_fits_none_decides_nothing(bench):
    first, second = await bench.sent("1"), await bench.sent("1")
    await bench.receipt("1", submitted_at=bench.clock() + 8 * HOUR)
    assert [await bench.state(m) for m in (first, second)] == [SENT, DELIVERED]


# --- user_message_reference


async def one_told_by_reference(bench, carrier_message_id, **changes):
    message = await bench.sent(carrier_message_id, **changes)
    return message, reference_16(message, 1, 1)


async def test_a_receipt_without_a_known_id_is_found_by_its_reference(open_store):
    async with open_store(**with_telco(user_message_reference=True)) as bench:
        message, reference = await one_told_by_reference(bench, "")
        await bench.receipt(None, reference=reference)
        assert await bench.state(message) is DELIVERED
        assert matched(bench) == {"reference"}


async def test_a_reference_is_believed_for_its_destination_alone(open_store):
    async with open_store(**with_telco(user_message_reference=True)) as bench:
        message, reference = await one_told_by_reference(bench, "5F3A")
        await bench.receipt("unheard-of", reference=reference, to="34600000002")
        assert (await bench.state(message), bench.store.counts()["parked"]) == (SENT, 1)
        await bench.receipt("unheard-of", reference=reference)
        assert await bench.state(message) is DELIVERED


async def test_a_reference_that_ended_is_nobodys(open_store):
    async with open_store(**with_telco(user_message_reference=True)) as bench:
        message, reference = await one_told_by_reference(bench, "5F3A")
        await bench.receipt("5F3A")
        await bench.receipt("unheard-of", "UNDELIV", reference=reference)
        assert (await bench.state(message), bench.store.counts()["parked"]) == (DELIVERED, 1)


async def test_a_reference_says_nothing_where_the_carrier_is_not_told_one(bench):
    message, reference = await one_told_by_reference(bench, "5F3A")
    await bench.receipt("unheard-of", reference=reference)
    assert (await bench.state(message), bench.store.counts()["parked"]) == (SENT, 1)
    assert bench.sql("SELECT count(*) FROM attempts WHERE reference IS NOT NULL") == [(0,)]


async def test_a_reference_settles_a_doubt(open_store):
    async with open_store(**with_telco(user_message_reference=True)) as bench:
        messages = await bench.accept(bench.a_message(), bench.a_message())
        bind = bench.bind()
        await bind.ask(2)
        for message in messages:
            await bind.doubt(message)
        await bench.receipt("77", reference=reference_16(messages[1], 1, 1))
        assert [await bench.state(m) for m in messages] == [MessageState.IN_DOUBT, DELIVERED]


# --- two carriers with the same ids


async def test_two_carriers_that_give_the_same_ids_never_get_each_others_receipts(open_store):
    """100,000 messages, half to each; receipts of the two tell different ends, in any order, some before answers."""
    async with open_store(tierings=Tierings(ROUTES), backlog_limit=10**6) as bench:
        rng = random.Random(20_261_122)
        for start in range(0, 50_000, 2_500):
            ids = [f"{start + n:08X}" for n in range(2_500)]
            late = await half(bench, "telco", "DELIVRD", ids, rng) + await half(bench, "other", "UNDELIV", ids, rng)
            rng.shuffle(late)
            await all_kept(bench, late)
        ends = bench.sql(
            "SELECT a.carrier, m.state, a.receipt_state, count(*) FROM attempts a JOIN messages m ON m.id = a.message "
            "GROUP BY 1, 2, 3 ORDER BY 1"
        )
        assert ends == [("other", 11, "UNDELIV", 50_000), ("telco", 10, "DELIVRD", 50_000)]
        assert bench.sql("SELECT count(*) FROM receipts") == [(0,)]
        assert bench.store.counts()["parked"] == 0


async def half(bench, carrier, stat, ids, rng):
    """One carrier's share: every fiftieth receipt comes before its answer, the others are given back."""
    route = "rest" if carrier == "telco" else "only-other"
    numbers = [f"+346{rng.randrange(1000):08}" for _ in ids]
    messages = await bench.accept(*(bench.a_message(route=route, recipient=n) for n in numbers), account="quiet")
    bind = bench.bind(f"{carrier}/1", carrier)
    await bind.ask(len(ids))
    receipts = [bench.a_receipt(i, stat, carrier=carrier, to=n[1:]) for i, n in zip(ids, numbers, strict=True)]
    await all_kept(bench, receipts[::50])
    at = bench.clock()
    answers = [Answer(m, 1, 1, Verdict.SENT, 0, i, at, 40, 0, None, 1) for m, i in zip(messages, ids, strict=True)]
    await bind.answer(*answers)
    bench.store.close_window(bind.name)
    return [receipt for n, receipt in enumerate(receipts) if n % 50]


async def all_kept(bench, receipts):
    kept = []
    for receipt in receipts:
        bench.store.receipt(receipt, kept.append)
    while len(kept) < len(receipts):
        await bench.commit()
    assert all(kept)

"""Which message a receipt is of: by its carrier, by the id in all its spellings, and by the destination."""

from dataclasses import replace

import pytest

from gateway.messages import MessageState

OTHER_NUMBER = "+34600000002"


async def test_a_receipt_may_come_on_any_bind_of_its_carrier(bench):
    message = await bench.sent("1")
    await bench.receipt("1", bind="telco/7")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert story.receipts[0].bind == "telco/7"


async def test_the_same_id_of_another_carrier_is_another_id(bench):
    message = await bench.sent("1")
    await bench.receipt("1", carrier="other")
    assert (await bench.state(message), bench.parked()) == (MessageState.SENT, 1)


@pytest.mark.parametrize("carrier_message_id", [None, "", "unheard-of"])
async def test_an_unknown_or_empty_id_matches_nothing(bench, carrier_message_id):
    message, bind = await bench.claimed()
    await bind.send(message, "")
    await bench.receipt(carrier_message_id)
    assert (await bench.state(message), bench.parked()) == (MessageState.SENT, 1)


async def test_an_id_may_be_spelled_with_zeros_capitals_and_blanks(bench):
    message = await bench.sent("5F3A")
    await bench.receipt(" 00005f3a ")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_an_alternative_id_matches_where_the_first_does_not(bench):
    message = await bench.sent("5F3A")
    await bench.receipt("nothing-of-ours", alt_ids=("5F3A",))
    assert await bench.state(message) is MessageState.DELIVERED


async def test_hex_in_the_answer_and_decimal_in_the_receipt_match_when_the_destination_agrees(bench):
    message = await bench.sent("5F3A")
    await bench.receipt(str(0x5F3A))
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [r.matched for r in story.receipts] == ["converted"]


async def test_decimal_in_the_answer_and_hex_in_the_receipt_match_when_the_destination_agrees(bench):
    message = await bench.sent("24378")
    await bench.receipt("5f3a")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_a_converted_id_for_another_number_is_not_believed(bench):
    message = await bench.sent("5F3A")
    await bench.receipt(str(0x5F3A), to="34600000002")
    assert (await bench.state(message), bench.parked()) == (MessageState.SENT, 1)


async def test_a_converted_id_that_fits_two_messages_is_not_believed(bench):
    as_hexadecimal = await bench.sent(f"{100:x}")
    as_read_in_hexadecimal = await bench.sent(str(int("100", 16)))
    await bench.receipt("100")
    assert await bench.state(as_hexadecimal) is await bench.state(as_read_in_hexadecimal) is MessageState.SENT
    assert bench.parked() == 1


async def test_a_receipt_parked_under_a_converted_id_is_settled_by_the_answer(bench):
    message, bind = await bench.claimed()
    await bench.receipt(str(0x5F3A))
    await bind.send(message, "5F3A")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_with_one_id_for_all_messages_the_destination_decides(bench):
    first = await bench.sent("0")
    second = await bench.sent("0", recipient=OTHER_NUMBER)
    third = await bench.sent("0", recipient="+34600000003")
    await bench.receipt("0", to="34600000002")
    states = [await bench.state(message) for message in (first, second, third)]
    assert states == [MessageState.SENT, MessageState.DELIVERED, MessageState.SENT]


async def test_with_one_id_for_all_messages_a_stranger_is_nobodys(bench):
    messages = [await bench.sent("0"), await bench.sent("0", recipient=OTHER_NUMBER)]
    await bench.receipt("0", to="34699999999")
    assert [await bench.state(m) for m in messages] == [MessageState.SENT] * 2
    assert bench.parked() == 1


async def test_with_one_id_and_one_number_the_newest_unsettled_is_meant(bench):
    first, second = await bench.sent("0"), await bench.sent("0")
    await bench.receipt("0")
    assert [await bench.state(m) for m in (first, second)] == [MessageState.SENT, MessageState.DELIVERED]
    await bench.receipt("0", raw="another")
    assert await bench.state(first) is MessageState.DELIVERED


async def test_one_id_for_all_in_one_commit_is_told_apart_by_the_destination(bench):
    numbers = [f"3460000000{n}" for n in range(6)]
    messages = [await bench.sent("0", recipient=f"+{number}") for number in numbers]
    for number in reversed(numbers):
        bench.store.receipt(bench.a_receipt("0", to=number, raw=f"to {number}"), lambda kept: None)
    await bench.commit()
    assert [await bench.state(m) for m in messages] == [MessageState.DELIVERED] * 6


@pytest.mark.parametrize("which", [0, 1])
async def test_an_id_of_two_messages_is_told_apart_in_one_commit_with_others(bench, which):
    numbers = ["34600000002", "34600000003"]
    twice = [await bench.sent("7", recipient=f"+{number}") for number in numbers]
    once = [await bench.sent(id_) for id_ in ("8", "9")]
    bench.store.receipt(bench.a_receipt("8"), lambda kept: None)
    bench.store.receipt(bench.a_receipt("7", to=numbers[which]), lambda kept: None)
    bench.store.receipt(bench.a_receipt("9"), lambda kept: None)
    await bench.commit()
    assert [await bench.state(m) for m in once] == [MessageState.DELIVERED] * 2
    assert await bench.state(twice[which]) is MessageState.DELIVERED
    assert await bench.state(twice[1 - which]) is MessageState.SENT


async def test_both_ways_of_recording_end_in_the_same_rows(bench):
    """One message alone, and many together."""
    stories = []
    for count in (1, 3):
        messages = await bench.accept(*(bench.a_message() for _ in range(count)))
        bind = bench.bind()
        await bind.ask(count)
        await bind.answer(*(bind.an_answer(m) for m in messages))
        for message in messages:
            receipt = bench.a_receipt(f"{message:x}-1", "UNDELIV", network_error=(3, 1), done_at=bench.clock() - 5)
            bench.store.receipt(receipt, lambda kept: None)
        await bench.commit()
        bench.store.close_window(bind.name)
        story = await bench.story(messages[0])
        ignored = {"id": 0, "message": 0, "submission": 0, "request_id": 0, "raw": "", "carrier_message_id": ""}
        rows = [story.message, *story.attempts, *story.receipts]
        stories.append([row._replace(**{k: v for k, v in ignored.items() if k in row._fields}) for row in rows])
        assert bench.told(messages[0]) == ["message.sent", "message.undelivered"]
    assert stories[0] == stories[1]


async def test_an_id_given_again_after_a_restart_of_the_carrier_means_the_new_message(bench):
    old = await bench.sent("1")
    await bench.receipt("1")
    new = await bench.sent("1", recipient=OTHER_NUMBER)
    await bench.receipt("1", "UNDELIV", to="34600000002")
    assert [await bench.state(m) for m in (old, new)] == [MessageState.DELIVERED, MessageState.UNDELIVERED]


async def test_an_old_id_is_not_believed_for_another_number(bench):
    message = await bench.sent("1")
    await bench.receipt("1")
    await bench.receipt("1", "UNDELIV", to="34600000002")
    assert bench.parked() == 1
    assert len((await bench.story(message)).receipts) == 1


async def test_a_receipt_ahead_of_its_answer_is_not_taken_for_the_old_message_with_its_id(bench):
    old = await bench.sent("1")
    await bench.receipt("1", raw="old")
    new, bind = await bench.claimed()
    await bench.receipt("1", "UNDELIV", raw="new")
    await bind.send(new, "1")
    assert [await bench.state(m) for m in (old, new)] == [MessageState.DELIVERED, MessageState.UNDELIVERED]


@pytest.mark.parametrize("source", [None, "SHOP"])
async def test_addresses_may_be_swapped_or_not(bench, source):
    first = await bench.sent("0")
    await bench.sent("0", recipient=OTHER_NUMBER)
    await bench.receipt("0", source=source)
    assert await bench.state(first) is MessageState.DELIVERED


@pytest.mark.parametrize("to", ["600000001", "0034600000001", "+34600000001"])
async def test_a_destination_may_be_written_nationally_or_with_a_prefix(bench, to):
    first = await bench.sent("0")
    await bench.sent("0", recipient=OTHER_NUMBER)
    await bench.receipt("0", to=to)
    assert await bench.state(first) is MessageState.DELIVERED


async def test_an_id_that_names_one_open_message_is_believed_whatever_the_addresses_say(bench):
    message = await bench.sent("1")
    await bench.receipt("1", to="4711")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_address_alone_never_matches(bench):
    message = await bench.sent("1")
    await bench.receipt("2")
    assert (await bench.state(message), bench.parked()) == (MessageState.SENT, 1)


async def test_a_carrier_whose_receipts_are_decimal_is_not_read_as_hexadecimal(bench):
    carriers = bench.store.policy.carriers
    carriers["telco"] = replace(carriers["telco"], id_base="decimal")
    message = await bench.sent("148344")
    await bench.receipt("24378")
    assert await bench.state(message) is MessageState.SENT
    told = await bench.sent("5F3A")
    assert await bench.state(told) is MessageState.DELIVERED

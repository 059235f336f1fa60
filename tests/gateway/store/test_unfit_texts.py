"""Texts on carriers with ways of their own: given back unsent where they can't be carried, cut alike to the end."""

import json
from dataclasses import replace
from itertools import pairwise

from gateway.messages import MessageState
from gateway.rules.options import MessageOptions, to_json
from gateway.settings import Settings
from gateway.store.interface import IdempotencyKey, Replayed, Verdict
from gateway.store.policy import CarrierPolicy, policy_of
from protocol.alphabets import Alphabet
from protocol.segments import LongMessages
from protocol.writing import TextWay

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
LATIN = TextWay(alphabet=Alphabet.LATIN1)
ASCII = TextWay(alphabet=Alphabet.ASCII)


def ways(**carriers):
    """A change of the policy: how these carriers take texts."""
    given = {"telco": TextWay(), "other": TextWay(), "backup": TextWay(), **carriers}
    return {"carriers": {name: CarrierPolicy(72 * HOUR, 3 * MINUTE, way=way) for name, way in given.items()}}


def taking(**carriers):
    """A change of the policy: which TLVs of messages these carriers take."""
    usual = ways()["carriers"]
    return {"carriers": {n: replace(p, message_tlvs=frozenset(carriers.get(n, ()))) for n, p in usual.items()}}


def reasons(story):
    return [(told["carrier"], told["reason"]) for told in json.loads(story.message.writing)["unfit"]]


async def test_a_text_that_a_carriers_alphabet_lacks_goes_to_another_carrier_of_its_route(open_store):
    async with open_store(**ways(telco=LATIN)) as bench:
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        euro = await bench.accept_one(route="pair", text="ñ€")
        plain = await bench.accept_one(route="pair", text="ñ")
        await telco.ask(2)
        await bench.commit()
        assert telco.messages == [plain]
        assert bench.store.backlog() == 1
        await other.ask(2)
        assert other.messages == [euro]
        assert bench.ready_is_right()
        story = await bench.story(euro)
        assert reasons(story) == [("telco", "its alphabet latin1 lacks the character at position 2")]
        assert story.message.attempts == 1


async def test_a_carrier_that_cannot_carry_a_text_holds_none_back_from_the_tier_below(open_store):
    async with open_store(**ways(telco=LATIN, other=ASCII)) as bench:
        telco, backup = bench.bind("telco/1"), bench.bind("backup/1")
        euro = await bench.accept_one(route="tiered", text="€")
        await telco.ask(1)
        await backup.ask(1)
        await bench.commit()
        assert (telco.messages, backup.messages) == ([], [euro])


async def test_a_text_that_no_carrier_of_its_route_can_carry_fails_and_names_them(open_store):
    async with open_store(**ways(telco=LATIN, other=ASCII)) as bench:
        telco = bench.bind("telco/1")
        bad, good = await bench.accept_one(route="pair", text="a€"), await bench.accept_one(route="pair")
        await telco.ask(2)
        await bench.commit()
        story = await bench.story(bad)
        assert (MessageState(story.message.state), story.message.error) == (MessageState.FAILED, "text_rejected")
        assert [carrier for carrier, _ in reasons(story)] == ["telco", "other"]
        assert (story.attempts, story.message.attempts) == ([], 0)
        assert bench.told(bad) == ["message.failed"]
        assert telco.messages == [good]
        assert bench.ready_is_right()


async def test_texts_that_a_carrier_cannot_carry_never_block_its_queue(open_store):
    """A thousand of them before one that it can: the slot is used at once, and nothing spins."""
    async with open_store(**ways(telco=LATIN)) as bench:
        await bench.accept(*[bench.a_message(route="pair", text="€") for _ in range(1000)])
        good = await bench.accept_one(route="pair", text="ñ")
        telco = bench.bind("telco/1")
        await telco.ask(1)
        for _ in range(6):
            await bench.commit()
        assert telco.messages == [good]
        assert sum(queue.ready for queue in bench.store.queues() if queue.unfit == "telco") == 1000
        commits = []
        bench.store.observe = lambda seconds, rows: commits.append(rows)
        await telco.ask(1)
        await bench.commit()
        assert len(commits) <= 2
        assert bench.ready_is_right()


async def test_long_texts_are_given_back_few_at_a_time_so_that_nobody_else_waits(open_store):
    """Twenty of 9,000 characters: three are more than a transaction looks at, and each carries on where one ended."""
    async with open_store(**ways(telco=LATIN)) as bench:
        await bench.accept(*[bench.a_message(route="pair", text="x" * 9_000 + "€", segments=60) for _ in range(20)])
        good = await bench.accept_one(route="pair", text="ñ")
        given_back = []

        def count(seconds, rows):
            given_back.append(sum(queue.ready for queue in bench.store.queues() if queue.unfit == "telco"))

        bench.store.observe = count
        telco = bench.bind("telco/1")
        await telco.ask(1)
        for _ in range(8):
            await bench.commit()
        assert telco.messages == [good]
        steps = [after - before for before, after in pairwise([0, *given_back])]
        assert (sum(steps), max(steps)) == (20, 3)
        assert bench.ready_is_right()


async def test_many_long_texts_in_one_grant_are_given_back_few_at_a_time_too(open_store):
    async with open_store(**ways(telco=LATIN)) as bench:
        await bench.accept(*[bench.a_message(route="pair", text="x" * 9_000 + "€", segments=60) for _ in range(20)])
        telco = bench.bind("telco/1")
        bench.store.ask("telco/1", 100)
        given_back = []

        def count(seconds, rows):
            given_back.append(sum(queue.ready for queue in bench.store.queues() if queue.unfit == "telco"))

        bench.store.observe = count
        for _ in range(8):
            await bench.commit()
        steps = [after - before for before, after in pairwise([0, *given_back])]
        assert (telco.messages, sum(steps), max(steps)) == ([], 20, 3)


async def test_more_parts_than_a_carrier_takes_are_never_cut_off(open_store):
    async with open_store(**ways(telco=TextWay(max_parts=2))) as bench:
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        (long,) = await bench.accept(bench.a_long_message(3, route="pair"))
        await telco.ask(3)
        await other.ask(3)
        await bench.commit()
        assert (telco.messages, other.messages) == ([], [long])
        assert len(other.claims[0].segments) == 3
        assert reasons(await bench.story(long)) == [("telco", "it would take 3 parts, and its max_parts is 2")]


async def test_the_messages_own_max_parts_holds_where_a_carrier_would_need_more(open_store):
    options = to_json(MessageOptions(max_parts=1))
    async with open_store(**ways(telco=ASCII)) as bench:
        telco = bench.bind("telco/1")
        text = "€" + "x" * 100
        message = await bench.accept_one(route="rest", text=text, allow_unicode=True, options=options)
        await telco.ask(3)
        await bench.commit()
        assert telco.messages == []
        story = await bench.story(message)
        assert story.message.error == "text_rejected"
        assert reasons(story) == [("telco", "it would take 2 parts, and the message's max_parts is 1")]


async def test_what_is_asked_of_a_text_comes_with_its_claim(open_store):
    asked = MessageOptions(flash=True, tlvs={"0x1401": "1201159"})
    async with open_store(**taking(telco=["0x1401"])) as bench:
        message = await bench.accept_one(options=to_json(asked))
        plain = await bench.accept_one()
        telco = bench.bind()
        await telco.ask(2)
        assert {claim.message: claim.options for claim in telco.claims} == {message: asked, plain: None}
        flash = telco.claim_of(message).segments[0].segment
        assert (flash.data_coding, telco.claim_of(plain).segments[0].segment.data_coding) == (0x10, 0)


async def test_a_message_never_goes_by_a_carrier_that_does_not_take_its_tlvs(open_store):
    both = to_json(MessageOptions(tlvs={"0x1401": "secret", "0x1402": "secret"}))
    async with open_store(**taking(telco=["0x1401"], other=["0x1401", "0x1402"])) as bench:
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        picky = await bench.accept_one(route="pair", options=both)
        plain = await bench.accept_one(route="pair")
        await telco.ask(2)
        await bench.commit()
        assert telco.messages == [plain]
        await other.ask(2)
        assert other.messages == [picky]
        assert reasons(await bench.story(picky)) == [("telco", "its message_tlvs lacks 0x1402")]
        assert bench.ready_is_right()


async def test_a_message_whose_tlvs_no_carrier_of_its_route_takes_any_more_fails(open_store):
    options = to_json(MessageOptions(tlvs={"0x1401": "secret"}))
    async with open_store(**taking(telco=["0x1402"])) as bench:
        telco = bench.bind("telco/1")
        message = await bench.accept_one(route="pair", options=options)
        await telco.ask(1)
        await bench.commit()
        story = await bench.story(message)
        assert (telco.messages, story.message.error) == ([], "text_rejected")
        lacks = "its message_tlvs lacks 0x1401"
        assert reasons(story) == [("telco", lacks), ("other", lacks)]
        assert bench.told(message) == ["message.failed"]


def test_the_tlvs_that_a_carrier_takes_are_those_of_its_settings():
    telco = {"hosts": ["localhost:2775"], "system_id": "acme", "password": "secret", "message_tlvs": ["0x140A"]}
    routes = [{"name": "rest", "tiers": ["telco"]}]
    policy = policy_of(Settings.model_validate({"carriers": {"telco": telco}, "routes": routes}))
    assert (policy.tags_of("telco"), policy.tags_of("gone")) == ({"0x140a"}, set())


async def test_a_carrier_that_takes_the_tlv_by_now_is_tried_again(open_store):
    options = to_json(MessageOptions(tlvs={"0x1401": "secret"}))
    async with open_store(**taking(other=["0x1401"])) as bench:
        message = await bench.accept_one(route="pair", options=options)
        await bench.bind("telco/1").ask(1)
        await bench.commit()
        assert [queue.unfit for queue in bench.store.queues() if queue.ready] == ["telco"]
    async with open_store(**taking(telco=["0x1401"])) as bench:
        telco = bench.bind("telco/1")
        await telco.ask(1)
        assert telco.messages == [message]


async def test_a_text_becomes_ucs2_where_the_carrier_that_has_its_alphabet_does_not_take_its_tlvs(open_store):
    options = to_json(MessageOptions(tlvs={"0x1401": "secret"}))
    policy = taking(telco=["0x1401"])["carriers"]
    latin = policy | {"telco": replace(policy["telco"], way=LATIN)}
    async with open_store(carriers=latin) as bench:
        message = await bench.accept_one(route="pair", text="€", allow_unicode=True, options=options)
        telco = bench.bind("telco/1")
        await telco.ask(1)
        assert telco.messages == [message]
        assert telco.claims[0].segments[0].segment.data_coding == 8


async def test_options_and_client_ids_are_kept_together(bench):
    asked = to_json(MessageOptions(flash=True))
    first, second = await bench.accept(bench.a_message(options=asked, client_id="a"), bench.a_message(client_id="b"))
    again = await bench.store.accept(bench.a_submission(bench.a_message(options=asked, client_id="a")))
    assert again.conflicts == {0: first}
    assert [(await bench.story(m)).message.options for m in (first, second)] == [asked, None]


async def test_the_segments_told_are_those_that_were_sent_and_the_first_answer_stays(open_store):
    async with open_store(**ways(telco=TextWay(long_messages=LongMessages.PAYLOAD))) as bench:
        key = IdempotencyKey("k", b"f")
        message = bench.a_long_message(3)
        await bench.store.accept(bench.a_submission(message, key=key))
        telco = bench.bind()
        await telco.ask(3)
        assert len(telco.claims[0].segments) == 1
        await telco.send(message.id)
        assert await bench.state(message.id) is MessageState.SENT
        assert (await bench.story(message.id)).message.segments == 1
        again = await bench.store.accept(bench.a_submission(message, key=key))
        assert isinstance(again, Replayed)
        assert [row.segments for row in again.messages] == [3]


async def test_parts_that_another_carrier_wanted_are_not_waited_for(open_store):
    """Cut in three and put off by the first, cut in one by the second: it is sent when that one is."""
    async with open_store(**ways(other=TextWay(long_messages=LongMessages.PAYLOAD))) as bench:
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        (message,) = await bench.accept(bench.a_long_message(3, route="pair"))
        await telco.ask(3)
        await telco.answer(*[telco.an_answer(message, Verdict.RETRY, part=part) for part in (1, 2, 3)])
        await bench.after(5 * SECOND)
        await other.ask(1)
        await other.send(message)
        assert await bench.state(message) is MessageState.SENT
        await bench.receipt(f"{message:x}-1", carrier="other")
        assert await bench.state(message) is MessageState.DELIVERED


async def test_the_rest_of_a_long_message_is_cut_as_its_first_parts_whatever_the_settings_say_by_then(open_store):
    """A retry, after a crash or a reload between the parts: the phone could not join parts that were cut otherwise."""
    text = "ñ" * 458
    async with open_store(**ways(telco=replace(LATIN, long_messages=LongMessages.UDH16))) as bench:
        message = await bench.accept_one(text=text, segments=3)
        telco = bench.bind()
        await telco.ask(9)
        cut = [s.segment for s in telco.claim_of(message).segments]
        await telco.answer(telco.an_answer(message, part=1))
        assert len(cut) == 4
        first, *rest = [part.part for part in cut]
        await telco.answer(*[telco.an_answer(message, Verdict.POSTPONED, part=part) for part in rest])
        assert first == 1
    async with open_store(**ways()) as bench:
        await bench.after(5 * SECOND)
        telco = bench.bind()
        await telco.ask(9)
        again = [s.segment for s in telco.claim_of(message).segments]
        assert again == cut[1:]
        for part in rest:
            await telco.send(message, part=part)
        assert await bench.state(message) is MessageState.SENT


async def test_the_usual_cut_is_kept_to_as_well(open_store):
    async with open_store() as bench:
        (message,) = await bench.accept(bench.a_long_message(3))
        telco = bench.bind()
        await telco.ask(3)
        cut = [s.segment for s in telco.claim_of(message).segments]
        await telco.send(message, part=1)
        await telco.answer(*[telco.an_answer(message, Verdict.POSTPONED, part=part) for part in (2, 3)])
    async with open_store(**ways(telco=TextWay(long_messages=LongMessages.UDH16, max_parts=1))) as bench:
        await bench.after(5 * SECOND)
        telco = bench.bind()
        await telco.ask(3)
        assert [s.segment for s in telco.claim_of(message).segments] == cut[1:]


async def test_parts_that_cannot_be_cut_as_the_first_fail_the_message_instead_of_garbling_it(open_store):
    async with open_store() as bench:
        (message,) = await bench.accept(bench.a_long_message(3))
        telco = bench.bind()
        await telco.ask(3)
        await telco.send(message, part=1)
        await telco.answer(*[telco.an_answer(message, Verdict.POSTPONED, part=part) for part in (2, 3)])
    bench.sql("UPDATE messages SET text = text || text WHERE id = ?", message)
    async with open_store() as bench:
        await bench.after(5 * SECOND)
        telco = bench.bind()
        await telco.ask(3)
        await bench.commit()
        assert telco.claims == []
        story = await bench.story(message)
        assert (MessageState(story.message.state), story.message.error) == (MessageState.FAILED, "text_rejected")
        assert bench.ready_is_right()


async def test_a_retry_keeps_away_from_the_carrier_that_cannot_carry_the_text(open_store):
    async with open_store(**ways(telco=LATIN)) as bench:
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        euro = await bench.accept_one(route="pair", text="€")
        await telco.ask(1)
        await other.ask(1)
        await bench.commit()
        await other.answer(other.an_answer(euro, Verdict.RETRY))
        await bench.after(5 * SECOND)
        assert telco.messages == []
        await other.ask(1)
        assert other.messages == [euro, euro]


async def test_a_carrier_that_takes_texts_otherwise_by_now_is_tried_again(open_store):
    async with open_store(**ways(telco=LATIN)) as bench:
        euro = await bench.accept_one(route="pair", text="€")
        telco = bench.bind("telco/1")
        await telco.ask(1)
        await bench.commit()
        assert [queue.unfit for queue in bench.store.queues() if queue.ready] == ["telco"]
    async with open_store(**ways()) as bench:
        telco = bench.bind("telco/1")
        await telco.ask(1)
        assert telco.messages == [euro]
        assert bench.ready_is_right()


async def test_a_text_given_back_waits_for_its_carrier_until_its_validity_ends(open_store):
    async with open_store(**ways(telco=LATIN)) as bench:
        euro = await bench.accept_one(route="pair", text="€", expires_at=bench.clock() + MINUTE)
        telco = bench.bind("telco/1")
        await telco.ask(1)
        await bench.after(2 * MINUTE)
        assert await bench.state(euro) is MessageState.EXPIRED


async def test_a_text_that_gsm_carries_becomes_ucs2_only_where_allowed_and_no_carrier_has_an_alphabet_for_it(
    open_store,
):
    """Up to three times the segments: another carrier's alphabet comes first."""
    async with open_store(**ways(telco=LATIN, other=ASCII)) as bench:
        allowed = await bench.accept_one(text="€", allow_unicode=True)
        refused = await bench.accept_one(text="€")
        elsewhere = await bench.accept_one(text="€", allow_unicode=True, route="tiered")
        telco, other, backup = bench.bind("telco/1"), bench.bind("other/1"), bench.bind("backup/1")
        await telco.ask(3)
        await other.ask(1)
        await backup.ask(1)
        await bench.commit()
        assert (telco.messages, other.messages, backup.messages) == ([allowed], [], [elsewhere])
        assert [b.claims[0].segments[0].segment.data_coding for b in (telco, backup)] == [8, 0]
        assert await bench.state(refused) is MessageState.FAILED


async def test_the_rest_of_a_text_that_had_to_become_ucs2_is_ucs2_too(open_store):
    async with open_store(**ways(telco=ASCII)) as bench:
        message = await bench.accept_one(text="€" * 100, segments=2, allow_unicode=True)
        telco = bench.bind()
        await telco.ask(2)
        cut = [s.segment for s in telco.claim_of(message).segments]
        assert [segment.data_coding for segment in cut] == [8, 8]
        await telco.answer(telco.an_answer(message, part=1), telco.an_answer(message, Verdict.POSTPONED, part=2))
        await bench.after(5 * SECOND)
        await telco.ask(2)
        assert [s.segment for s in telco.claim_of(message).segments] == cut[1:]


async def test_long_texts_of_one_request_have_references_of_16_bits_apart(open_store):
    async with open_store(**ways(telco=TextWay(long_messages=LongMessages.UDH16))) as bench:
        await bench.accept(*[bench.a_long_message(2) for _ in range(300)])
        telco = bench.bind()
        for _ in range(10):
            await telco.ask(100)
        references = {claim.segments[0].segment.short_message[3:5] for claim in telco.claims}
        assert (len(telco.claims), len(references)) == (300, 300)


async def test_the_usual_message_is_claimed_by_as_many_statements_as_ever(bench):
    """Nothing of all this may cost the message that asks for nothing."""
    await bench.accept(*[bench.a_message() for _ in range(20)])
    seen = []
    telco = bench.bind()
    connection = bench.store._writer._connection
    await bench.commit()
    await connection.call(lambda c: c.set_trace_callback(seen.append))
    await telco.ask(20)
    assert len(telco.claims) == 20
    about_messages = [s for s in seen if "messages" in s and "SELECT due" not in s]
    assert len(about_messages) == 2, about_messages

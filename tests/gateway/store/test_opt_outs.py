"""Opt-outs: kept before the handset's message is acknowledged, and nobody who opted out is written to."""

import json
from dataclasses import replace

import pytest
from played_campaigns import PlayedCampaign, some_recipients

from gateway.identifiers import CAMPAIGN, MESSAGE, public
from gateway.messages import ErrorCode, MessageState
from gateway.rules.checks import Checked
from gateway.rules.keywords import Keywords
from gateway.rules.numbers import Numbers
from gateway.settings import InDoubt
from gateway.settings.opt_outs import OptOuts
from gateway.settings.types import BareDigits, NumberCheck
from gateway.store.by import by_account
from gateway.store.consents.interface import ConsentKind, NewConsent, Suppression
from gateway.store.interface import Accepted, IdempotencyKey, InboundPart, Replayed, Verdict
from gateway.store.policy import LanePolicy

BY = by_account("shop", None)
MINUTE = 60_000
DAY = 24 * 60 * MINUTE
HANDSET = "+34600000001"
NUMBER = "+34600999999"
KEY = IdempotencyKey("order-1", b"fingerprint")
AGREED = NewConsent(HANDSET, "", 1, "form", None)


async def says(bench, text="STOP", **changes):
    """A handset writes; whether its carrier may be told that it was kept, and the message as the store left it."""
    inbound = bench.an_inbound(text=text, **changes)
    kept = []
    bench.store.inbound(inbound, kept.append)
    await bench.commit()
    assert kept == [True]
    return inbound


def opted_out(bench):
    return bench.sql("SELECT account, recipient, sender, source, keyword FROM opt_outs ORDER BY 1, 2, 3")


def a_reply(account, number, handset, kind, now):
    return Checked(
        "rest", "transactional", handset, number, f"{kind.value} heard", "gsm7", 1, "ES", now + DAY, None, None, None,
        None, False,
    )  # fmt: skip


def lanes(bench_policy, **changes):
    return {**bench_policy.lanes, "transactional": replace(bench_policy.lanes["transactional"], **changes)}


STRICT = LanePolicy(2, InDoubt.RESEND, MINUTE, DAY, needs_opt_in=True)
DEAF = LanePolicy(2, InDoubt.RESEND, MINUTE, DAY, minds_opt_outs=False)


async def test_an_opt_out_is_on_disk_before_the_message_is_acknowledged(bench):
    inbound = await says(bench)
    async with bench.after_a_crash() as after:
        assert opted_out(after) == [("shop", HANDSET, "", "inbound", "STOP")]
        outcome = await after.store.accept(after.a_submission(after.a_message()))
        assert outcome.suppressed == {0: Suppression.OPTED_OUT}
    assert inbound.account == "shop"


@pytest.mark.parametrize("text", ["stop", " Stop. ", "«¡STÓP!»", "Stop all", "unsubscribe", "CANCEL", "End", "quit\n"])
async def test_a_keyword_is_heard_whatever_its_case_accents_and_punctuation(bench, text):
    await says(bench, text)
    assert len(opted_out(bench)) == 1


@pytest.mark.parametrize("text", ["stop it", "Please stop", "", "!", "stopped", "id:1 stat:DELIVRD err:000"])
async def test_a_keyword_within_a_text_is_none(bench, text):
    await says(bench, text)
    assert opted_out(bench) == []


async def test_words_of_the_settings_are_heard_too(open_store):
    async with open_store(keywords=Keywords(OptOuts(stop=["BAJA", "ARRÊT"], start=["ALTA"]))) as bench:
        await says(bench, "arret")
        assert opted_out(bench)[0][-1] == "ARRÊT"
        await says(bench, "alta!")
        assert opted_out(bench) == []


async def test_a_long_message_is_heard_when_all_of_it_is_there(bench):
    for part, octets in ((2, b"\x05\x00\x03\x07\x02\x02OP"), (1, b"\x05\x00\x03\x07\x02\x01ST")):
        assert opted_out(bench) == []
        await says(bench, "", part=InboundPart(0, 7, part, 2, octets, 0, True))
    assert opted_out(bench) == [("shop", HANDSET, "", "inbound", "STOP")]


async def test_start_undoes_it_for_the_account_that_is_written_to_alone(bench):
    await says(bench)
    await says(bench, account="mall", recipient="+34600888888")
    await says(bench, "START")
    assert opted_out(bench) == [("mall", HANDSET, "", "inbound", "STOP")]
    assert (await bench.store.accept(bench.a_submission(bench.a_message()))).suppressed == {}


async def test_where_the_scope_is_the_sender_only_messages_from_that_number_stop(open_store):
    async with open_store() as bench:
        accounts = {**bench.policy.accounts, "shop": replace(bench.policy.accounts["shop"], opts_out_of_sender=True)}
    async with open_store(accounts=accounts) as bench:
        await says(bench)
        assert opted_out(bench) == [("shop", HANDSET, NUMBER[1:], "inbound", "STOP")]
        messages = [bench.a_message(sender=sender) for sender in ("SHOP", NUMBER, NUMBER[1:])]
        outcome = await bench.store.accept(bench.a_submission(*messages))
        assert outcome.suppressed == {1: Suppression.OPTED_OUT, 2: Suppression.OPTED_OUT}


async def test_what_waits_for_somebody_who_opts_out_ends_opted_out_when_its_turn_comes(bench):
    waiting, other = await bench.accept(bench.a_message(), bench.a_message(recipient="+34600000002"))
    scheduled = await bench.accept_one(scheduled_at=bench.clock() + MINUTE)
    await says(bench)
    bind = bench.bind()
    assert [claim.message for claim in await bind.ask(10)] == [other]
    await bench.after(MINUTE)
    for message in (waiting, scheduled):
        row = (await bench.story(message)).message
        assert (row.state, row.error) == (MessageState.OPTED_OUT, ErrorCode.OPTED_OUT)
        assert bench.told(message) == ["message.opted_out"]
    assert bench.ready_is_right()


async def test_a_retry_is_not_made_for_somebody_who_opted_out_meanwhile(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    await bind.answer(bind.an_answer(message, Verdict.RETRY), room=1)
    await says(bench)
    await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.OPTED_OUT
    assert len(bind.claims) == 1


async def test_what_a_doubt_would_send_again_may_have_arrived_before_the_opt_out(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    await bind.doubt(message)
    await says(bench)
    await bench.store.settle_doubt(message, "resend", by=BY)
    await bind.ask(1)
    assert await bench.state(message) is MessageState.UNKNOWN


async def test_a_long_message_that_a_carrier_has_parts_of_goes_on(bench):
    (message,) = await bench.accept(bench.a_long_message(2))
    bind = bench.bind()
    await bind.ask(2)
    await bind.send(message, part=1)
    await bind.release(message, [2])
    await says(bench)
    await bind.ask(5)
    assert bind.messages == [message, message]


async def test_hundreds_of_opted_out_messages_do_not_keep_a_slot_from_the_rest(bench):
    await bench.accept(*(bench.a_message() for _ in range(450)))
    last = await bench.accept_one(recipient="+34600000002")
    await says(bench)
    bind = bench.bind()
    await bind.ask(1)
    for _ in range(5):
        await bench.commit()
    assert bind.messages == [last]
    assert bench.ready_is_right()


async def test_a_lane_may_ignore_opt_outs(open_store):
    async with open_store(lanes={"transactional": DEAF, "promotional": STRICT}) as bench:
        await says(bench)
        outcome = await bench.store.accept(bench.a_submission(bench.a_message(), bench.a_message(lane="promotional")))
        assert outcome.suppressed == {1: Suppression.OPTED_OUT}
        assert len(await bench.bind().ask(5)) == 1


async def test_a_lane_may_require_an_opt_in(open_store):
    async with open_store(lanes={"transactional": STRICT}) as bench:
        submission = bench.a_submission(bench.a_message(), bench.a_message(recipient="+34600000002"))
        assert (await bench.store.accept(submission)).suppressed == dict.fromkeys((0, 1), Suppression.NOT_OPTED_IN)
        assert await bench.store.put_consent(ConsentKind.OPT_IN, "shop", AGREED, by=by_account("shop", 1))
        assert (await bench.store.accept(submission)).suppressed == {1: Suppression.NOT_OPTED_IN}
        await bench.store.delete_consent(ConsentKind.OPT_IN, "shop", HANDSET, None, by=by_account("shop", 1))
        assert await bench.bind().ask(5) == [], "it was withdrawn before its turn"
        assert await bench.state(submission.messages[0].id) is MessageState.OPTED_OUT


async def test_each_item_is_refused_for_itself_and_a_repeat_is_told_the_same(bench):
    await says(bench)
    in_use = await bench.accept_one(client_id="a", recipient="+34600000009")
    messages = [
        bench.a_message(),
        bench.a_message(recipient="+34600000002"),
        bench.a_message(recipient="+34600000003", client_id="a"),
    ]
    submission = bench.a_submission(*messages, key=KEY)
    outcome = await bench.store.accept(submission)
    assert (outcome.suppressed, outcome.conflicts) == ({0: Suppression.OPTED_OUT}, {2: in_use})
    await says(bench, "START")
    again = await bench.store.accept(bench.a_submission(*messages, key=KEY))
    assert isinstance(again, Replayed)
    assert (again.suppressed, again.conflicts) == ({0: Suppression.OPTED_OUT}, {2: in_use})
    assert [row.id for row in again.messages] == [messages[1].id]


async def test_a_repeat_of_what_was_sent_before_the_opt_out_names_the_first(bench):
    first = await bench.accept_one(client_id="order-1")
    await says(bench)
    new = bench.a_message(client_id="order-2")
    outcome = await bench.store.accept(bench.a_submission(bench.a_message(client_id="order-1"), new))
    assert (outcome.conflicts, outcome.suppressed) == ({0: first}, {1: Suppression.OPTED_OUT})
    assert bench.sql("SELECT id FROM messages") == [(first,)]


async def test_a_single_message_that_was_refused_may_be_sent_once_the_opt_out_is_undone(bench):
    await says(bench)
    message = bench.a_message()
    assert (await bench.store.accept(bench.a_submission(message, key=KEY))).suppressed
    await says(bench, "START")
    outcome = await bench.store.accept(bench.a_submission(message, key=KEY))
    assert isinstance(outcome, Accepted)
    assert not outcome.suppressed


async def test_the_event_names_the_last_message_and_saying_stop_again_tells_nothing(bench):
    bench.take_deliveries()
    message = await bench.sent(client_id="order-1")
    inbound = await says(bench, " stop! ")
    await says(bench)
    (event,) = [body for body in bench.bodies() if body["type"] == "recipient.opt_out"]
    assert (event["status"], event["client_id"]) == ("opt_out", "order-1")
    data = event["data"]
    assert data.pop("inbound_id").startswith("inb_")
    assert data == {
        "number": HANDSET, "sender": NUMBER, "scope": "account", "keyword": "STOP", "campaign_id": None,
    }  # fmt: skip
    assert bench.sql("SELECT message, inbound FROM opt_outs") == [(message, inbound.id)]
    assert bench.types(bench.deliveries).count("message.inbound") == 2, "what was written is told each time"


async def test_an_account_without_a_webhook_is_heeded_all_the_same(bench):
    inbound = await says(bench, account="quiet", is_untold=True, is_refused=True)
    assert not inbound.is_refused
    assert opted_out(bench)[0][0] == "quiet"


async def test_a_number_of_several_accounts_is_that_of_the_last_who_wrote_from_it(bench):
    first = await bench.accept_one(account="shop", sender=NUMBER[1:])
    second = await bench.accept_one(account="mall", sender=NUMBER)
    await bench.accept_one(account="quiet", sender="+34600777777")
    bind = bench.bind()
    await bind.ask(3)
    later = await bench.accept_one(account="shop", sender=NUMBER)
    bench.store.close_window(bind.name)
    inbound = await says(bench, account=None, sender=HANDSET[1:], is_untold=True, is_refused=True)
    assert (inbound.account, inbound.is_untold, inbound.is_refused) == ("mall", False, False)
    assert opted_out(bench) == [("mall", HANDSET, "", "inbound", "STOP")]
    assert {first, second, later} <= {row[0] for row in bench.sql("SELECT id FROM messages")}


async def test_what_nobody_wrote_before_stays_nobodys(bench):
    inbound = await says(bench, account=None, is_untold=True)
    assert (inbound.account, inbound.is_untold) == (None, True)
    assert opted_out(bench) == []
    refused = await says(bench, account=None, is_untold=True, is_refused=True)
    assert refused.is_refused
    assert bench.sql("SELECT count(*) FROM inbound") == [(1,)]


async def test_a_name_or_nothing_as_sender_opts_nobody_out(bench):
    for sender in ("BANK", "", "٣٤٦٠"):
        await says(bench, sender=sender)
    assert opted_out(bench) == []


@pytest.mark.parametrize(
    ("region", "written", "number"),
    [
        ("DE", "4915112345678", "+4915112345678"),
        ("DE", "015112345678", "+4915112345678"),
        ("DE", "15112345678", "+4915112345678"),
        ("ES", "447911123456", "+447911123456"),
        ("ES", "600000001", "+34600000001"),
        ("US", "4795551234", "+14795551234"),
        ("US", "14795551234", "+14795551234"),
    ],
)
async def test_a_handset_is_known_without_its_plus_though_nobody_wrote_to_it_lately(
    open_store, region, written, number
):
    async with open_store() as bench:
        shop = replace(bench.policy.accounts["shop"], numbers=Numbers(NumberCheck.SHAPE, BareDigits.REFUSE, region))
        accounts = {**bench.policy.accounts, "shop": shop}
    async with open_store(accounts=accounts) as bench:
        await says(bench, sender=written)
        assert [row[1] for row in opted_out(bench)] == [number]


async def test_a_reply_is_filed_once_with_the_message_it_answers_and_sent_despite_the_opt_out(open_store):
    async with open_store(reply=a_reply) as bench:
        waiting = await bench.accept_one()
        inbound = await says(bench)
        async with bench.after_a_crash(reply=a_reply) as after:
            await says(after)
            (claim,) = await after.bind().ask(5)
            assert (claim.message, claim.sender, claim.recipient) == (inbound.id, NUMBER, HANDSET)
            assert claim.segments[0].segment.short_message == b"stop heard"
            assert await after.state(waiting) is MessageState.OPTED_OUT


async def test_an_opt_out_is_kept_and_acknowledged_though_its_answer_fails(open_store):
    def broken(*_):
        raise ValueError("no such text")

    async with open_store(reply=broken) as bench:
        waiting = await bench.accept_one()
        await says(bench)
        async with bench.after_a_crash() as after:
            assert opted_out(after) == [("shop", HANDSET, "", "inbound", "STOP")]
            assert await after.bind().ask(5) == []
            assert await after.state(waiting) is MessageState.OPTED_OUT


async def test_a_handset_is_answered_a_keyword_once_a_minute(open_store):
    async with open_store(reply=a_reply) as bench:
        for _ in range(3):
            await says(bench, "HELP")
            await says(bench)
            await says(bench, "START")
        texts = "SELECT text FROM messages ORDER BY id"
        assert bench.sql(texts) == [("help heard",), ("stop heard",), ("start heard",)]
        bench.clock.advance(MINUTE)
        await says(bench, "info")
        assert len(bench.sql(texts)) == 4
        assert len(bench.sql("SELECT * FROM keyword_replies")) == 3


async def test_start_of_who_never_opted_out_is_not_answered(open_store):
    async with open_store(reply=a_reply) as bench:
        await says(bench, "START")
        assert bench.sql("SELECT count(*) FROM messages") == [(0,)]


async def test_help_is_answered_to_who_opted_out_and_where_a_lane_requires_an_opt_in(open_store):
    async with open_store(reply=a_reply, lanes={"transactional": STRICT}) as bench:
        await says(bench)
        await says(bench, "HELP")
        claims = await bench.bind().ask(5)
        assert [c.segments[0].segment.short_message for c in claims] == [b"stop heard", b"help heard"]


async def test_opt_outs_are_kept_listed_and_deleted_by_hand_and_each_time_audited(bench):
    store, kind = bench.store, ConsentKind.OPT_OUT
    assert await store.put_consent(kind, "shop", AGREED._replace(evidence="form 7"), by=by_account("shop", 1))
    assert await store.put_consent(kind, "shop", AGREED._replace(sender="SHOP"), by=by_account("shop", 2)) is not None
    assert not await store.put_consent(kind, "shop", AGREED, by=by_account("shop", 3))
    others = [AGREED._replace(recipient=f"+3460000000{n}") for n in range(1, 5)]
    assert await store.add_consents(kind, "shop", others, by=by_account("shop", 4)) == 3
    assert await store.add_consents(kind, "shop", others, by=by_account("shop", 4)) == 0
    page = await store.consents(kind, "shop", ("", ""), 2)
    assert [(row.recipient, row.sender) for row in page] == [(HANDSET, ""), (HANDSET, "SHOP")]
    page = await store.consents(kind, "shop", (HANDSET, "SHOP"), 10)
    assert [row.recipient for row in page] == ["+34600000002", "+34600000003", "+34600000004"]
    assert [row.sender for row in await store.consents_of(kind, "shop", HANDSET)] == ["", "SHOP"]
    assert await store.consents(kind, "mall", ("", ""), 10) == []
    assert not await store.delete_consent(kind, "mall", HANDSET, None, by=by_account("mall", 5))
    assert await store.delete_consent(kind, "shop", HANDSET, "SHOP", by=by_account("shop", 6))
    assert await store.delete_consent(kind, "shop", HANDSET, None, by=by_account("shop", 7))
    done = [row.what for row in (await store.audit(limit=50, cursor=None)).rows]
    assert done == ["delete_opt_out"] * 2 + ["import_opt_outs"] + ["put_opt_out"] * 3
    assert HANDSET not in json.dumps(bench.sql("SELECT * FROM audit"))


async def test_the_sender_of_an_opt_out_is_the_same_with_and_without_its_plus(bench):
    await bench.store.put_consent(
        ConsentKind.OPT_OUT, "shop", AGREED._replace(sender=NUMBER[1:]), by=by_account("shop", 1)
    )
    messages = [bench.a_message(sender=NUMBER), bench.a_message(sender=NUMBER[1:]), bench.a_message()]
    outcome = await bench.store.accept(bench.a_submission(*messages))
    assert set(outcome.suppressed) == {0, 1}


async def test_recipients_of_a_campaign_who_opted_out_are_left_out_and_counted(bench):
    await says(bench, sender="+34699999999")
    campaign = PlayedCampaign(bench)
    await campaign.open()
    recipients = some_recipients(0, 3)
    kept = await campaign.add([recipients[0]._replace(recipient="+34699999999"), *recipients[1:]])
    assert (kept.accepted, kept.opted_out) == (2, 1)
    row = await campaign.seal()
    assert (row.received, row.accepted, row.opted_out) == (3, 2, 1)


async def test_who_opts_out_after_a_campaign_wrote_is_counted_for_its_variant_and_told_with_it(bench):
    bench.take_deliveries()
    campaign = await PlayedCampaign(bench).load(2)
    await campaign.expand(variant="Hi")
    bind = bench.bind()
    await bind.ask(1)
    await bind.send(bind.messages[0])
    number = bind.claims[0].recipient
    for _ in range(2):
        await says(bench, sender=number)
    (event,) = [body for body in bench.bodies() if body["type"] == "recipient.opt_out"]
    assert event["data"]["campaign_id"] == public(CAMPAIGN, campaign.id)
    assert event["message_id"] == public(MESSAGE, bind.messages[0])
    row = await bench.store.campaign("shop", campaign.id)
    assert row.opt_outs == {"Hi": 1}


async def test_a_message_of_a_campaign_whose_recipient_opts_out_before_its_turn_is_counted_opted_out(bench):
    campaign = await PlayedCampaign(bench).load(2)
    await campaign.expand()
    (number,) = bench.sql("SELECT recipient FROM messages ORDER BY id LIMIT 1")[0]
    await says(bench, sender=number)
    assert len(await bench.bind().ask(2)) == 1
    row = await bench.store.campaign("shop", campaign.id)
    assert row.counts == {(None, "opted_out"): 1, (None, "queued"): 1}


async def test_an_account_without_opt_outs_never_looks_for_any_and_one_with_them_once_a_grant(bench):
    await says(bench, account="mall")
    asked = []
    await bench.store._writer._connection.call(lambda c: c.set_trace_callback(asked.append))

    async def looks(account):
        asked.clear()
        await bench.accept(*(bench.a_message(recipient=f"+3460001000{n}") for n in range(5)), account=account)
        bind = bench.bind()
        assert len(await bind.ask(5)) == 5
        bench.store.close_window(bind.name)
        return sum("opt_outs" in statement or "opt_ins" in statement for statement in asked)

    assert (await looks("shop"), await looks("mall")) == (0, 2)

"""Every statement that the store executes finds its rows by an index, so that none gets slower as tables grow.

The statements are recorded while a day in the store's life is played: in the writer, in the readers and at a start.
"""

import re
import sqlite3
from dataclasses import replace

import pytest
from held_stores import restored
from played_campaigns import PlayedCampaign

from gateway.identifiers import Identifiers
from gateway.messages import MessageState, Status
from gateway.rules.checks import Checked
from gateway.rules.routing import Router
from gateway.rules.tiers import Tierings
from gateway.settings import InDoubt, Route
from gateway.settings.alerts import OperatorEvent
from gateway.store import ended_binds, recovery
from gateway.store.by import by_account, by_operator
from gateway.store.campaigns.interface import RecipientErrors
from gateway.store.connection import Tx, migrate
from gateway.store.consents.interface import ConsentKind, NewConsent
from gateway.store.endpoints import Endpoints
from gateway.store.enquiry import EnquiryAnswer
from gateway.store.held_carriers.interface import HoldKind
from gateway.store.held_queue.interface import HeldFilters, HeldOrder, HeldWhat
from gateway.store.interface import IdempotencyKey, InboundPart, Verdict
from gateway.store.lines.interface import LineKeys, LinesIn
from gateway.store.lists.interface import EventFilter, InboundFilter, MessageFilter
from gateway.store.mirrors import Mirrors
from gateway.store.policy import CarrierPolicy, LanePolicy
from gateway.store.queues import Queues
from gateway.store.reconciliation.interface import BEGIN, Period
from gateway.store.templates.interface import TemplateRow

BY = by_account("shop", None)
MINUTE = 60_000
DAY = 24 * 60 * MINUTE
TINY = ("endpoints", "queues", "templates", "alarms", "carrier_holds", "claims_in_hand", "holds", "held_orders",
        "held_campaigns", "held_events")  # fmt: skip
"""Read whole at start and by operators: as many rows as the settings make, as there is amiss, as windows hold, or as a
restore holds."""
PARTIAL = (
    "attempts_submitting",
    "messages_in_doubt",
    "parked_due",
    "deliveries_under_way",
    "deliveries_due",
    "events_pending",
    "events_blocked",
    "inbound_sets_due",
    "campaigns_unsettled",
    "campaigns_with_recipients",
)
"""Walked whole where all that they hold is wanted, at a start or after a fault: only what is claimed, in doubt, parked,
under way, still to be told or of a quarter of an hour; campaigns that are not over, or whose recipients are erased."""
FEW_TO_SORT = ("m.client_id =", "UNION")
"""A handful of rows is put in order: those of one client_id; the parked receipts for one number."""


async def play(bench):
    """Something of everything."""
    await enquiries(bench)
    await opt_outs(bench)
    bench.take_deliveries()
    store = bench.store
    await store.file_lines(LinesIn(bench.a_submission(bench.a_message()), [1], LineKeys("s", {1: b"d" * 16}, {})))
    await store.accept(bench.a_submission(bench.a_message(client_id="a"), key=IdempotencyKey("k", b"f")))
    await store.accept(bench.a_submission(bench.a_message(client_id="a"), key=IdempotencyKey("k", b"f")))
    await store.accept(bench.a_submission(bench.a_message(client_id="a"), account="curious"))
    await bench.store.accept(bench.a_submission(bench.a_message(client_id="a")))
    await bench.accept(bench.a_message(webhook_url="https://one.example/x"), bench.a_message(), account="mall")
    scheduled = await bench.accept_one(scheduled_at=bench.clock() + MINUTE, expires_at=bench.clock() + 2 * MINUTE)
    await store.cancel("shop", await bench.accept_one(scheduled_at=bench.clock() + DAY), by_account("shop", 1))
    codes = [bench.a_message(lane="otp", client_id=name) for name in ("otp-1", "otp-2")]
    await store.accept(bench.a_submission(*codes))
    await many_at_once(bench)
    await one_by_one(bench)
    await bench.after(MINUTE)
    await bench.after(MINUTE)
    await look(bench, scheduled)
    await webhooks(bench)
    await alarms(bench)
    await campaigns(bench)
    await lists(bench, scheduled)
    await reload(bench)
    await bench.after(5 * DAY)
    for _ in range(30):
        await bench.after(4 * DAY)


async def reload(bench):
    """Other settings, by which a route is gone and there is another for some of what waits in it."""
    before = bench.store.policy
    await bench.accept(bench.a_message(route="rest"), bench.a_message(route="rest", country="FR"))
    spain = [Route.model_validate({"name": "spain", "match": {"country": ["ES"]}, "tiers": ["telco"]})]
    await bench.store.reconfigure(replace(before, tierings=Tierings(spain), router=Router(spain)), "rest: removed")
    await bench.commit()
    await bench.store.reload_refused("wrong")
    await bench.store.reconfigure(before, "rest: added")
    bench.store.carrier_gone("telco")
    await bench.commit()


async def many_at_once(bench):
    """The ordinary way, in one commit each."""
    numbers = [f"+3461000000{n}" for n in range(4)]
    messages = await bench.accept(*(bench.a_message(recipient=number) for number in numbers))
    bind = bench.bind()
    await bind.ask(20)
    await bind.answer(*(bind.an_answer(m, carrier_message_id=f"many{m}") for m in messages))
    for message, number in zip(messages, numbers, strict=True):
        bench.store.receipt(bench.a_receipt(f"many{message}", to=number[1:]), lambda kept: None)
    await bench.commit()
    bench.store.close_window(bind.name)


async def one_by_one(bench):
    """What is not ordinary."""
    bind = bench.bind("telco/2")
    messages = await bench.accept(*(bench.a_message(route="pair") for _ in range(5)), bench.a_long_message(3))
    throttled, retried, refused, released, doubtful, long = messages
    await bind.ask(20)
    await bind.answer(bind.an_answer(throttled, Verdict.POSTPONED))
    await bind.answer(bind.an_answer(retried, Verdict.RETRY))
    await bind.answer(bind.an_answer(refused, Verdict.REFUSED))
    await bind.release(released)
    await bench.receipt("before-the-answer")
    await bench.receipt("before-the-answer")
    await bench.receipt("ffff", to="34600000001")
    await bind.doubt(doubtful)
    await bind.send(long, "before-the-answer", part=1)
    await bind.send(long, "same", part=2)
    await bind.send(long, "same", part=3)
    for _ in range(2):
        await bench.receipt("same")
    await bench.receipt("nobody")
    await bench.receipt("same", "ENROUTE", may_quote=True)
    await bench.receipt("65535")
    await bench.receipt(None)
    held = await bench.accept_one(lane="promotional", recipient="+34600000007")
    again = await bench.accept_one(recipient="+34600000007")
    await bind.ask(5)
    await bind.doubt(held)
    await bench.receipt("for-a-doubt", to="34600000007")
    await bind.doubt(again)
    await bench.store.settle_doubt(again, "sent", by=BY)
    await bench.store.settle_doubt(held, "resend", by=BY)
    bench.store.inbound(bench.an_inbound(), lambda kept: None)
    for reference, part in ((1, 1), (1, 2), (2, 1)):
        parts = InboundPart(1, reference, part, 2, b"\5\0\3%c\2%cx" % (reference, part), 0, True)
        bench.store.inbound(bench.an_inbound(part=parts), lambda kept: None)
    await bench.commit()


async def enquiries(bench):
    """A cancel after the sending, and what is asked before a message is given up."""
    canceled, silent = await bench.sent("asked1"), await bench.sent("asked2")
    await bench.store.cancel("shop", canceled, by_account("shop", 1))
    await ask_all(bench)
    await bench.receipt("asked1", "DELETED")
    await bench.store.message("shop", canceled)
    await bench.after(4 * DAY)
    await ask_all(bench)
    await bench.store.message("shop", silent)
    await bench.sent("asked3")
    await bench.after(4 * DAY)
    await bench.after(DAY)


async def held(bench, recorded):
    """What a restored backup held: looked at, told of by a receipt, released and ended."""
    await bench.accept(bench.a_message(recipient="+34600000077"))
    await bench.accept(bench.a_message(), account="mall")
    await PlayedCampaign(bench).load(3)
    async with restored(bench, carriers=bench.policy.carriers, lanes=bench.policy.lanes) as after:
        for connection in (after.store._writer._connection, *after.store._readers):
            await connection.call(lambda c: c.set_trace_callback(recorded.add))
        await after.store.held()
        await after.receipt("of the lost store", to="34600000077")
        await after.store.backup_taken("b", by=by_account("shop", 1))
        some = HeldFilters("shop", state=MessageState.RETRYING), HeldFilters("shop", what=HeldWhat.EVENTS)
        for filters in (HeldFilters(), HeldFilters("shop", "otp", "rest"), *some, HeldFilters("mall")):
            await after.store.held_messages(filters, limit=5, cursor=1)
        for what, filters in ((HeldOrder.END, some[0]), (HeldOrder.END, some[1]), (HeldOrder.RELEASE, HeldFilters())):
            await after.store.order_held(what, filters, by=by_account("shop", 1))
            for _ in range(20):
                await after.after(100)


async def ask_all(bench):
    for enquiry in (await bench.store.enquiries("telco", 5)).now:
        told = bench.a_receipt(enquiry.carrier_message_id, "ENROUTE")
        said = EnquiryAnswer(enquiry.name, enquiry.kind, "telco/1", bench.clock(), 40, 0, 1, told)
        await bench.store.enquired(said)


async def campaigns(bench):
    """One that is begun again, runs, is paused, resumed and canceled; one that ends; what is looked up of them."""
    await PlayedCampaign(bench).open("c")
    campaign = await PlayedCampaign(bench, webhook_url="https://one.example/x").load(30, key="c")
    short = await PlayedCampaign(bench).load(3, scheduled_at=bench.clock() + MINUTE)
    bench.store.tell_expansions(lambda campaign: None)
    failed = PlayedCampaign(bench)
    await failed.open()
    await failed.add([], [RecipientErrors(0, b"{}")])
    await bench.store.fail_campaign(failed.id, "gone")
    await campaign.expand(20, variant="Hi")
    await campaign.pause()
    await campaign.resume()
    bind = bench.bind("telco/3")
    await bind.ask(4)
    for message in bind.messages:
        await bind.send(message, f"c{message}")
    await campaign.cancel()
    await bench.after(MINUTE)
    await short.expand()
    store = bench.store
    await store.campaigns("shop", statuses=[], limit=5, cursor=None)
    await store.campaigns("shop", statuses=["running", "paused"], limit=5, cursor=None)
    await store.campaign_errors("shop", failed.id, limit=5, cursor=None)
    await store.campaign_of_key("shop", "c")
    store.close_window(bind.name)


async def opt_outs(bench):
    """Keywords with their answers, what is put, imported, listed and deleted by hand, and who is looked for in vain."""
    store = bench.store
    await bench.sent(recipient="+34600000011")
    waiting = await bench.accept_one(recipient="+34600000011")
    for account, sender in (("shop", "+34600000011"), ("shop", "600000012"), (None, "34600000013")):
        for text in ("STOP", "STOP", "HELP"):
            store.inbound(bench.an_inbound(text=text, account=account, sender=sender), lambda kept: None)
            await bench.commit()
    consent = NewConsent("+34600000014", "", 1, "api", None)
    for kind in ConsentKind:
        for _ in range(2):
            await store.put_consent(kind, "shop", consent, by=by_account("shop", 1))
            await store.add_consents(kind, "shop", [consent, consent._replace(sender="SHOP")], by=by_account("shop", 1))
        await store.consents_of(kind, "shop", "+34600000014")
        await store.consents(kind, "shop", ("", ""), 5)
        await store.delete_consent(kind, "shop", "+34600000014", "SHOP", by=by_account("shop", 1))
        await store.delete_consent(kind, "shop", "+34600000014", None, by=by_account("shop", 1))
    await store.accept(bench.a_submission(bench.a_message(recipient="+34600000011", lane="strict")))
    bind = bench.bind("telco/4")
    await bind.ask(3)
    assert await bench.state(waiting) is MessageState.OPTED_OUT
    store.inbound(bench.an_inbound(text="START", sender="+34600000011"), lambda kept: None)
    await bench.commit()
    store.close_window(bind.name)


def a_reply(account, number, handset, kind, now):
    usual = (handset, number, "heard", "gsm7", 1, "ES", now + DAY, None, None, None, None, False)
    return Checked("rest", "transactional", *usual)


async def look(bench, message):
    store = bench.store
    await store.message("shop", message)
    await store.endpoints("shop")
    await store.endpoints(None)
    await store.doubts(limit=5, cursor=None)
    await store.doubts_count()
    await store.left(receipts=True)
    await store.hold_carrier("telco", HoldKind.PAUSE, None, by=by_operator(1))
    await store.carrier_holds()
    await store.resume_carrier("telco", by=by_operator(1))
    await store.campaigns(None, statuses=["running"], limit=5, cursor=None)
    await store.account_of_event(1)
    await store.replay_of_endpoint(1, None, None, True, by=by_operator(1))
    for statuses in (None, ["failed"], ["pending"]):
        await store.events(None, EventFilter(statuses=statuses), limit=5, cursor=None)
    await store.events(None, EventFilter(message=message), limit=5, cursor=None)
    await store.parked(limit=5, cursor=None)
    await store.untold(limit=5, cursor=None)
    await store.first_answer("shop", IdempotencyKey("k", b"f"))
    await handed(bench)
    for _ in range(2):
        await store.put_template(TemplateRow("shop", "a", "{}", 1, 1), most=5, request_id=1)
    await store.all_templates()
    await store.delete_template("shop", "a", request_id=1)


async def handed(bench):
    """What a carrier was handed: in hand, late and as usual."""
    await bench.accept_one()
    bind = bench.bind("telco/7")
    await bind.ask(1)
    assert await bench.store.was_handed_any("telco")
    mark = BEGIN
    while mark is not None:
        page = await bench.store.handed(Period("telco", bench.clock() - DAY, bench.clock() + DAY), mark)
        mark = page.next
    bench.store.close_window(bind.name)


async def lists(bench, message):
    """Messages, what came in and events: by each filter alone, by each way to walk with all others, and by none."""
    store = bench.store
    others = {"sender": "34600", "statuses": [Status.QUEUED, Status.SENT], "lane": "otp", "tag": "t", "after": 1}
    own = {"client_id": "a", "recipient": "+34600000001", "campaign": message, "submission": message}
    filters = [{}, others, *({name: value} for name, value in {**own, **others}.items())]
    filters += [{**others, name: value} for name, value in own.items()]
    filters += [{"campaign": campaign, **others} for (campaign,) in bench.sql("SELECT id FROM campaigns")]
    for given in filters:
        await store.messages("shop", MessageFilter(**given), limit=5, cursor=None)
    await searches(bench, message, [{}, *filters[1:]])
    for inbound in (InboundFilter(), InboundFilter("34600000001", "SHOP", 1, bench.clock())):
        await store.inbound_messages("shop", inbound, limit=5, cursor=None)
    for statuses in (["pending"], ["failed"], ["delivered"], None):
        for given in ({}, {"types": ["message.sent"], "after": 1}, {"message": message}, {"message": 1}):
            await store.events("shop", EventFilter(statuses, **given), limit=5, cursor=None)


async def searches(bench, message, filters):
    """Over all accounts: by each filter, by ids of ours, of callers and of carriers, by the end of a number."""
    store = bench.store
    filters = [*filters, {"ends_with": "0001"}, {"carrier": "telco", "lane": "otp"}, {"ids": [message, 1]}]
    for given in filters:
        await store.search(None, MessageFilter(**given), carrier_id=None, limit=5, cursor=None)
    for account in (None, "shop"):
        for carrier_id in ("many1", "65535", " "):
            given = MessageFilter(client_id="a") if account else MessageFilter()
            await store.search(account, given, carrier_id=carrier_id, limit=5, cursor=None)
    await store.audit(limit=5, cursor=None, who="anna", what="cancel")
    await store.audit_of(message)
    await store.is_quoted(message)
    await store.held_since(message)
    await store.replay_message(message, by=by_account("shop", 1))
    await store.reveal(message, by=by_account("", 1))


async def webhooks(bench):
    for http_status in (200, 500, 410):
        for delivery in list(bench.deliveries):
            await bench.outcome(delivery, http_status)
    await bench.store.enable_endpoint("shop", by=BY)
    await bench.store.add_test_event("shop", by=BY)
    for delivery in list(bench.deliveries):
        await bench.outcome(delivery, 500, retry_at=None)
    await bench.store.replay("shop", None, None, None, failed_only=True, by=BY)
    await bench.store.replay("shop", None, None, None, failed_only=False, by=BY)
    ids = [row[0] for row in bench.sql("SELECT id FROM events LIMIT 3")]
    await bench.store.replay("shop", ids, None, None, failed_only=False, by=BY)
    await bench.commit()
    for delivery in list(bench.deliveries):
        await bench.outcome(delivery, 200)
    for event in bench.sql("SELECT DISTINCT message FROM events WHERE message IS NOT NULL LIMIT 3"):
        await bench.store.message(None, event[0])


async def alarms(bench):
    for raised in (True, True, False):
        await bench.store.alarm(OperatorEvent.CARRIER_DOWN, "telco", bench.clock(), {}, raised=raised)
    await bench.store.tell_operator(OperatorEvent.CONFIG_RELOADED, "configuration", {})
    await bench.store.alarms()
    await bench.store.endpoint_health(1)


@pytest.fixture
async def statements(open_store):
    """All that was executed."""
    recorded: set[str] = set()
    asking = CarrierPolicy(3 * DAY, 3 * MINUTE, query_sm=True, cancel_sm=True)
    carriers = {"telco": asking, "other": CarrierPolicy(3 * DAY, 3 * MINUTE)}
    lanes = {
        "otp": LanePolicy(1, InDoubt.HOLD, MINUTE, 0, duplicate_window_ms=MINUTE),
        "transactional": LanePolicy(2, InDoubt.RESEND, MINUTE, DAY),
        "promotional": LanePolicy(3, InDoubt.HOLD, MINUTE, DAY),
    }
    async with open_store(carriers=carriers, reply=a_reply, lanes=lanes) as bench:
        for connection in (bench.store._writer._connection, *bench.store._readers):
            await connection.call(lambda c: c.set_trace_callback(recorded.add))
        await play(bench)
        await held(bench, recorded)
        bench.store._writer.mirrors.stale = True
        await bench.commit()
        policy, path = bench.policy, bench.store.path
    connection = sqlite3.connect(path, isolation_level=None, factory=Tx)
    connection.set_trace_callback(recorded.add)
    mirrors = Mirrors(policy, Queues(policy), Endpoints(policy), Identifiers(), lambda facts: b"")
    recovery.recover(connection, mirrors, 1)
    connection.close()
    return {" ".join(sql.split()) for sql in recorded}


def plan_of(connection, sql):
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()]


def faults_of(sql, steps):
    """What of a plan gets slower as tables grow."""
    found = []
    for step in steps:
        scan = re.match(r"SCAN (?:\d+ CONSTANT ROWS|\d+-ROW VALUES|(\w+)|CONSTANT ROW|\(subquery)", step)
        if scan and scan[1] and "VIRTUAL TABLE" not in step and not step.startswith("SCAN k "):
            table = next((t for t in re.findall(rf"(\w+) {scan[1]}\b", sql) if t not in ("FROM", "JOIN")), scan[1])
            index = re.search(r"INDEX (\w+)", step)
            by_id = "ORDER BY" in sql and "LIMIT" in sql and "USING" not in step
            is_fine = table in TINY or (index and index[1] in PARTIAL) or by_id
            if not is_fine:
                found.append(step)
        if "TEMP B-TREE" in step and not any(few in sql for few in FEW_TO_SORT):
            found.append(step)
    return found


async def test_no_statement_scans_a_table_or_sorts_many_rows(statements, tmp_path):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    looked_at = [sql for sql in statements if re.match(r"SELECT|UPDATE|DELETE|INSERT|WITH", sql)]
    kinds = {re.sub(r"'(?:[^']|'')*'|x'[0-9a-f]*'|\b\d+\b|NULL", "?", sql)[:90] for sql in looked_at}
    assert len(kinds) > 60, "the play must reach the store's statements"
    faults = {}
    for sql in looked_at:
        steps = plan_of(connection, sql)
        if wrong := faults_of(sql, steps):
            faults[re.sub(r"'(?:[^']|'')*'", "'…'", sql)[:200]] = wrong
    connection.close()
    assert faults == {}


def test_a_scan_would_be_found():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    for sql in (
        "SELECT id FROM messages WHERE sender = 'SHOP'",
        "SELECT m.id FROM messages m JOIN attempts a ON a.message = m.id WHERE a.bind = 'x'",
        "SELECT id FROM messages WHERE state = 4 ORDER BY recipient",
        "DELETE FROM events WHERE delivery = 1",
    ):
        assert faults_of(sql, plan_of(connection, sql)), sql
    connection.close()


def test_a_start_finds_what_was_claimed_by_an_index_that_holds_nothing_else():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    assert any("attempts_submitting" in step for step in plan_of(connection, ended_binds._CLAIMED))
    connection.close()

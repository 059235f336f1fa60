"""Other settings for a store that runs: what is under way ends as before, and what has no route is filed anew."""

import sqlite3
from dataclasses import replace
from typing import Any

import pytest
import trio

from gateway.messages import ErrorCode, MessageState
from gateway.rules.routing import Router
from gateway.rules.tiers import Tierings
from gateway.settings import DEFAULT_EVENTS, AccountLimits, InDoubt, Route
from gateway.settings.routes import Strategy
from gateway.store import refile, transaction
from gateway.store.interface import LimitReached, StoreBusy, StoreFull, Verdict
from gateway.store.policy import EndpointPolicy, LanePolicy

SECOND = 1_000
MINUTE = 60 * SECOND


def routes(*given: tuple[str, dict[str, Any], list[Any]]) -> dict[str, Any]:
    """Changes of a policy: these routes, by name, match and tiers."""
    made = [Route.model_validate({"name": name, "match": match, "tiers": tiers}) for name, match, tiers in given]
    return {"tierings": Tierings(made), "router": Router(made)}


async def reload(bench: Any, told: str = "", **changes: Any) -> None:
    await bench.store.reconfigure(replace(bench.store.policy, **changes), told)


async def test_messages_of_a_vanished_route_go_by_another_or_fail_with_no_route(open_store):
    async with open_store() as bench:
        other = bench.bind("other/1")
        spanish = await bench.accept_one(route="rest")
        french = await bench.accept_one(route="rest", country="FR", recipient="+33612345678")
        await reload(bench, **routes(("spain", {"country": ["ES"]}, ["other"])))
        await bench.commit()
        assert [claim.message for claim in await other.ask(5)] == [spanish]
        story = await bench.story(french)
        assert (story.message.state, story.message.error) == (MessageState.FAILED, ErrorCode.NO_ROUTE)
        assert bench.store.backlog() == 0
        assert bench.ready_is_right()


async def test_what_waits_for_a_retry_is_filed_anew_once_it_is_ready(open_store):
    async with open_store() as bench:
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        message = await bench.accept_one(route="rest")
        await telco.ask(1)
        await telco.answer(telco.an_answer(message, Verdict.RETRY))
        await reload(bench, **routes(("new", {}, ["other"])))
        other_asked = await other.ask(1)
        assert other_asked == []
        await bench.after(10 * SECOND)
        await bench.commit()
        assert other.messages == [message]


async def test_refiling_goes_in_slices(open_store):
    async with open_store() as bench:
        await bench.accept(*(bench.a_message(route="rest") for _ in range(refile.SLICE + 50)))
        seen: list[int] = []
        bench.store.observe = lambda seconds, rows: seen.append(
            sum(row.ready for row in bench.store.queues() if row.route == "new")
        )
        await reload(bench, **routes(("new", {}, ["other"])))
        while seen[-1] < refile.SLICE + 50:
            await bench.commit()
        assert refile.SLICE in seen
        assert bench.ready_is_right()


async def test_a_route_that_stays_keeps_its_messages(open_store):
    async with open_store() as bench:
        message = await bench.accept_one(route="rest")
        await reload(bench, **routes(("rest", {}, ["other"])))
        other = bench.bind("other/1")
        assert [claim.message for claim in await other.ask(1)] == [message]


async def test_a_message_begun_by_a_carrier_that_leaves_goes_on_there_and_ends_once_it_is_gone(open_store):
    async with open_store() as bench:
        telco = bench.bind("telco/1")
        (message,) = await bench.accept(bench.a_long_message(route="rest"))
        await telco.ask(2)
        await telco.answer(telco.an_answer(message, part=1), telco.an_answer(message, Verdict.POSTPONED, part=2))
        carriers = {name: one for name, one in bench.store.policy.carriers.items() if name != "telco"}
        await reload(bench, carriers=carriers, **routes(("rest", {}, ["other"])))
        await bench.after(10 * SECOND)
        assert (await bench.story(message)).message.state == MessageState.QUEUED, "it may still go there"
        bench.store.carrier_gone("telco")
        await bench.commit()
        await bench.commit()
        story = await bench.story(message)
        assert (story.message.state, story.message.error) == (MessageState.FAILED, ErrorCode.NO_ROUTE)


@pytest.mark.parametrize(("lane", "end"), [("otp", MessageState.UNKNOWN), ("transactional", MessageState.SUBMITTING)])
async def test_a_removed_carriers_doubts_follow_the_lane(open_store, lane, end):
    async with open_store() as bench:
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        message = await bench.accept_one(route="rest", lane=lane)
        await telco.ask(1)
        carriers = {name: one for name, one in bench.store.policy.carriers.items() if name != "telco"}
        await reload(bench, carriers=carriers, **routes(("rest", {}, ["other"])))
        await telco.doubt(message)
        bench.store.close_window("telco/1")
        bench.store.carrier_gone("telco")
        other_claims = await other.ask(1)
        assert other_claims == []
        await bench.after(2 * MINUTE)
        await bench.commit()
        assert (await bench.story(message)).message.state == end


async def test_receipts_of_a_carrier_that_has_gone_are_waited_for_as_before(open_store):
    async with open_store() as bench:
        message = await bench.sent("abc")
        carriers = {name: one for name, one in bench.store.policy.carriers.items() if name != "telco"}
        await reload(bench, carriers=carriers)
        assert bench.store.policy.departed == {"telco"}
        await bench.receipt("abc")
        assert (await bench.story(message)).message.state == MessageState.DELIVERED


async def test_a_lane_that_has_gone_is_known_for_what_was_accepted_in_it(open_store):
    async with open_store() as bench:
        telco = bench.bind("telco/1")
        message = await bench.accept_one(lane="otp")
        await reload(bench, lanes={"transactional": bench.store.policy.lanes["transactional"]})
        await telco.ask(1)
        await telco.doubt(message)
        await bench.after(2 * MINUTE)
        assert (await bench.story(message)).message.state == MessageState.UNKNOWN, "held, as its lane said"


async def test_events_go_to_the_url_of_the_new_settings(open_store):
    async with open_store() as bench:
        accounts = dict(bench.store.policy.accounts)
        bench.take_deliveries()
        await reload(
            bench,
            accounts={**accounts, "shop": EndpointPolicy("https://new.example/sms", 1, frozenset(DEFAULT_EVENTS))},
        )
        await bench.sent()
        await bench.commit()
        assert {delivery.url for delivery in bench.deliveries} == {"https://new.example/sms"}


async def test_a_removed_accounts_messages_still_end_and_nobody_is_told(open_store):
    async with open_store() as bench:
        telco = bench.bind("telco/1")
        message = await bench.accept_one()
        bench.take_deliveries()
        await reload(bench, accounts={})
        assert [claim.message for claim in await telco.ask(1)] == [message]
        await telco.send(message, "abc")
        await bench.receipt("abc")
        assert (await bench.story(message)).message.state == MessageState.DELIVERED
        assert bench.deliveries == []
        (endpoint,) = await bench.store.endpoints("shop")
        assert (endpoint.enabled, endpoint.disabled_reason) == (False, "no webhook is configured")


async def test_all_else_has_the_settings_before_it_is_given_what_they_let_the_store_give(open_store):
    async with open_store() as bench:
        accounts = bench.store.policy.accounts
        await bench.sent()
        await reload(bench, accounts={})
        handed_out: list[bool] = []
        is_swapped = False

        def swap() -> None:
            nonlocal is_swapped
            is_swapped = True

        bench.store.take_deliveries(lambda deliveries: handed_out.append(is_swapped))
        await bench.commit()
        assert handed_out == []
        await bench.store.reconfigure(replace(bench.store.policy, accounts=accounts), "it is back", swap)
        await bench.commit()
        assert handed_out[:1] == [True], "what waited for the account goes out at once"


async def test_other_limits_hold_from_the_next_message_on(open_store):
    async with open_store() as bench:
        await bench.accept_one()
        await reload(bench, limits={"shop": AccountLimits(messages_per_day=1)})
        refused = await bench.store.accept(bench.a_submission(bench.a_message()))
        assert isinstance(refused, LimitReached)


async def test_what_changed_is_written_down_and_so_is_what_was_refused(open_store):
    async with open_store() as bench:
        await reload(bench, told="carriers.telco.window: 10 -> 20")
        await bench.store.reload_refused("it is wrong")
        rows = (await bench.store.audit(limit=10, cursor=None)).rows
        told = sorted((row.what, row.outcome) for row in rows)
        assert told == [("reload", "carriers.telco.window: 10 -> 20"), ("reload", "refused: it is wrong")]


async def test_a_lanes_policy_of_the_new_settings_settles_doubts(open_store):
    async with open_store() as bench:
        telco = bench.bind("telco/1")
        message = await bench.accept_one(lane="otp")
        await telco.ask(1)
        await telco.doubt(message)
        lanes = dict(bench.store.policy.lanes)
        resend = replace(lanes["otp"], in_doubt=lanes["transactional"].in_doubt)
        await reload(bench, lanes={**lanes, "otp": resend})
        await bench.after(2 * MINUTE)
        assert (await bench.story(message)).message.state == MessageState.QUEUED


async def test_queues_without_a_route_are_filed_anew_at_a_start(open_store):
    async with open_store() as bench:
        message = await bench.accept_one(route="rest")
        async with bench.after_a_crash(**routes(("new", {}, ["other"]))) as next_bench:
            other = next_bench.bind("other/1")
            await next_bench.commit()
            assert [claim.message for claim in await other.ask(1)] == [message]


async def test_a_route_by_network_takes_what_a_table_knows_to_be_of_it(open_store):
    async with open_store() as bench:
        message = await bench.accept_one(route="rest")
        given = routes(("yoigo", {"mccmnc": ["21404"]}, ["other"]), ("orange", {"mccmnc": ["21403"]}, ["backup"]))
        await reload(bench, **given, network_of={"+34600000001": "21403"}.get)
        backup = bench.bind("backup/1")
        await bench.commit()
        assert [claim.message for claim in await backup.ask(1)] == [message]


async def test_how_good_carriers_are_is_known_on_after_other_settings(open_store):
    async with open_store() as bench:
        made = [Route(name="rest", tiers=[["telco", "other"]], strategy=Strategy.QUALITY)]
        await reload(bench, tierings=Tierings(made))
        first = bench.store.policy.tierings.of("rest/ES")
        bench.store.policy.tierings.rank({"rest/ES": {"telco": 0.1, "other": 0.9}})
        await reload(bench, tierings=Tierings(made))
        (tier,) = bench.store.policy.tierings.of("rest/ES").tiers
        assert dict(zip(tier.carriers, tier.weights, strict=True)) == {"telco": 0.1, "other": 0.9}
        assert first.tiers[0].weights != tier.weights


async def test_ids_of_a_carrier_are_learned_anew_under_another_base(open_store):
    async with open_store() as bench:
        await bench.sent("1a")
        await bench.receipt("26")
        assert bench.store.receipt_ids() or bench.store.policy.carriers["telco"].id_base == "auto"
        telco = replace(bench.store.policy.carriers["telco"], id_base="hex")
        await reload(bench, carriers={**bench.store.policy.carriers, "telco": telco})
        assert "telco" not in bench.store.receipt_ids()


async def test_a_store_that_is_full_takes_no_other_settings(open_store):
    async with open_store() as bench:
        before = bench.store.policy
        bench.store.stop()
        with pytest.raises(StoreBusy):
            await reload(bench, backlog_limit=5)
        assert bench.store.policy is before


# --- a route that was renamed, whatever its messages are at


def renamed(*tiers):
    return routes(("renamed", {}, list(tiers or ["telco"])))


async def test_what_is_scheduled_goes_by_the_renamed_route_when_its_time_has_come(open_store):
    async with open_store() as bench:
        message = await bench.accept_one(route="rest", scheduled_at=bench.clock() + MINUTE)
        await reload(bench, **renamed())
        await bench.after(MINUTE)
        telco = bench.bind("telco/1")
        assert [claim.message for claim in await telco.ask(1)] == [message]


async def test_a_doubt_is_resent_by_the_renamed_route_once_and_says_so(open_store):
    async with open_store() as bench:
        telco = bench.bind("telco/1")
        message = await bench.accept_one(route="rest")
        await telco.ask(1)
        await reload(bench, **renamed())
        await telco.doubt(message)
        await bench.after(2 * MINUTE)
        assert [claim.message for claim in await telco.ask(2)] == [message]
        assert (await bench.story(message)).message.possible_duplicate


async def test_a_long_message_that_is_begun_goes_on_by_its_carrier_whatever_the_route_is_called(open_store):
    async with open_store() as bench:
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        (message,) = await bench.accept(bench.a_long_message(route="rest"))
        await telco.ask(2)
        await telco.answer(telco.an_answer(message, part=1), telco.an_answer(message, Verdict.POSTPONED, part=2))
        await reload(bench, **renamed("other"))
        await bench.after(10 * SECOND)
        assert (await other.ask(2), [claim.message for claim in await telco.ask(2)]) == ([], [message])


async def test_what_went_elsewhere_is_not_given_to_its_first_carrier_by_the_renamed_route(open_store):
    lanes = {"transactional": LanePolicy(2, InDoubt.RESEND, MINUTE, 0, retry_undelivered=True)}
    async with open_store(lanes=lanes) as bench:
        message = await bench.sent("a1", route="pair")
        await bench.receipt("a1", "UNDELIV", error="unmapped", err="0B1")
        assert await bench.state(message) is MessageState.QUEUED
        await reload(bench, **renamed(["telco", "other"]))
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        assert (await telco.ask(1), [claim.message for claim in await other.ask(1)]) == ([], [message])


@pytest.mark.parametrize("branch", ["rest", "rest/ES", "rest/ES+34600"])
@pytest.mark.parametrize("strategy", list(Strategy))
async def test_what_waits_under_any_branch_stays_where_its_route_changes_its_strategy(open_store, branch, strategy):
    async with open_store() as bench:
        message = await bench.accept_one(route=branch)
        given = {"tiers": [["telco", "other"]], "strategy": strategy}
        if strategy is Strategy.CHEAPEST:
            given["prices"] = {name: {"*": 1} for name in ("telco", "other")}
        route = Route.model_validate({"name": "rest", **given})
        await reload(bench, tierings=Tierings([route]), router=Router([route]))
        await bench.commit()
        ((kept,),) = bench.sql("SELECT route FROM queues q JOIN messages m ON m.queue = q.id WHERE m.id = ?", message)
        assert kept == branch
        telco = bench.bind("telco/1")
        assert [claim.message for claim in await telco.ask(1)] == [message]
        assert bench.ready_is_right()


async def test_a_reload_that_finds_the_disk_full_costs_what_was_told_beside_it_no_event(open_store, monkeypatch):
    async with open_store() as bench:
        message = await bench.sent("1")
        full = [2]
        change = transaction._change

        def change_and_find_it_full(work, batch, own):
            done = change(work, batch, own)
            if batch.by_hand and full[0]:
                full[0] -= 1
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            return done

        monkeypatch.setattr(transaction, "_change", change_and_find_it_full)
        wants_less = EndpointPolicy(bench.store.policy.accounts["shop"].url, 1, frozenset({"message.failed"}))

        async def refused():
            with pytest.raises(StoreFull):
                await reload(bench, accounts={**bench.store.policy.accounts, "shop": wants_less})

        kept: list[bool] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused)
            await trio.lowlevel.checkpoint()
            bench.store.receipt(bench.a_receipt("1"), kept.append)
        await bench.commit()
        assert (kept, full) == ([True], [0])
        assert bench.told(message) == ["message.sent", "message.delivered"]

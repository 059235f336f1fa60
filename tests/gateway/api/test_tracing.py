"""The operators' trace of a carrier: who may, what is asked, what comes, and what the audit keeps of it."""

from contextlib import ExitStack
from typing import Any, cast

import pytest
import trio
from prometheus_client import CollectorRegistry
from quart import g

from gateway.api.operators import create_operator_app
from gateway.api.problems import Problem
from gateway.api.tracing import MOST_TRACES, Tracing
from gateway.carriers.trace import Tap, Wire
from gateway.desk.operators import Operator
from gateway.flows.explain import Explainer, all_able
from gateway.flows.number_facts import NumberFacts
from gateway.identifiers import Identifiers
from gateway.settings.types import Role
from gateway.store.by import By
from gateway.store.interface import Store, StoreBusy
from protocol.codec import encode
from protocol.pdus import SubmitSm

NUMBER = "34600123987"
SUBMIT = encode(SubmitSm(source_addr="SHOP", destination_addr=NUMBER, short_message=b"Your code is 4711", sequence=7))


class ABind:
    name = "telco/1"
    unread = b""

    def __init__(self) -> None:
        self._tap: Tap | None = None
        self.tapped = trio.Event()

    @property
    def tap(self) -> Tap | None:
        return self._tap

    @tap.setter
    def tap(self, tap: Tap | None) -> None:
        self._tap = tap
        if tap is not None:
            self.tapped.set()


@pytest.fixture
def wire(house: Any) -> Wire:
    wire = Wire("telco")
    ids, explainer = Identifiers(), Explainer(house.settings, NumberFacts(house.settings.lookup), all_able)
    house.operator_app = create_operator_app(
        house.settings,
        house.store,
        ids,
        house.carriers,
        CollectorRegistry(),
        {"telco": wire},
        explainer=explainer,
        desks=house.desks,
    )
    return wire


async def traced(house: Any, wire: Wire, query: str) -> bytes:
    """One submit_sm passes while a trace of a second runs."""
    bind, answers = ABind(), []

    async def ask() -> None:
        answer = await house.operator().get(f"/admin/carriers/telco/trace?seconds=1{query}")
        assert answer.status_code == 200
        answers.append(await answer.get_data())

    with wire.connected(bind):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await bind.tapped.wait()
            assert bind.tap is not None
            bind.tap(True, SUBMIT)
    assert wire.watchers == 0
    (octets,) = answers
    return bytes(octets)


async def test_pdus_come_as_lines_without_number_and_text(house: Any, wire: Wire) -> None:
    first, second = (await traced(house, wire, "")).decode().splitlines()
    assert first.endswith(" trace of telco; numbers and texts redacted")
    assert " telco/1 -> submit_sm sequence=7 " in second
    assert NUMBER not in second
    assert (await house.store.audit(limit=10, cursor=None)).rows == []


async def test_who_had_numbers_and_texts_shown_is_in_the_audit(house: Any, wire: Wire) -> None:
    first, second = (await traced(house, wire, "&show=true")).decode().splitlines()
    assert first.endswith(" trace of telco; numbers and texts shown")
    assert NUMBER in second
    (row,) = (await house.store.audit(limit=10, cursor=None)).rows
    assert (row.who, row.what, row.outcome) == ("operator", "trace_shown", "telco")
    assert row.request_id is not None


async def test_pdus_come_as_a_capture_file(house: Any, wire: Wire) -> None:
    octets = await traced(house, wire, "&format=pcap")
    assert octets[:4] == bytes.fromhex("4d3cb2a1")
    assert b"xxxxxxxx987\0" in octets


@pytest.mark.parametrize("token", [None, "shop"])
async def test_a_trace_takes_operators_tokens_alone(house: Any, wire: Wire, token: str | None) -> None:
    assert (await house.operator(token).get("/admin/carriers/telco/trace")).status_code == 401


async def test_a_carrier_that_is_not_there_is_told_with_those_that_are(house: Any, wire: Wire) -> None:
    answer = await house.operator().get("/admin/carriers/telko/trace")
    assert answer.status_code == 404
    assert "there are telco." in (await answer.get_json())["detail"]


@pytest.mark.parametrize("query", ["format=json", "show=yes", "seconds=0", "seconds=1e3", "seconds=99999999", "x=1"])
async def test_a_trace_that_can_not_be_meant_is_refused(house: Any, wire: Wire, query: str) -> None:
    answer = await house.operator().get(f"/admin/carriers/telco/trace?{query}")
    assert answer.status_code == 422
    assert list((await answer.get_json())["fields"]) == [query.partition("=")[0]]


async def test_so_many_traces_run_at_a_time_and_no_more(house: Any, wire: Wire) -> None:
    answers = []

    async def ask() -> None:
        answer = await house.operator().get("/admin/carriers/telco/trace?seconds=1&show=true")
        answers.append((answer.status_code, (await answer.get_data()).decode()))

    async with trio.open_nursery() as nursery:
        for _ in range(MOST_TRACES + 1):
            nursery.start_soon(ask)
    assert sorted(status for status, _ in answers) == [200] * MOST_TRACES + [503]
    (refusal,) = [body for status, body in answers if status == 503]
    assert "too_many_connections" in refusal
    # Those that ended left their places.
    await ask()
    assert answers[-1][0] == 200


async def test_a_trace_whose_body_nobody_reads_has_a_place_for_as_long_as_it_is_there(house: Any, wire: Wire) -> None:
    calls = Tracing(house.store, {"telco": wire})
    async with house.operator_app.test_request_context("/admin/carriers/telco/trace"):
        held = [await calls.trace("telco") for _ in range(MOST_TRACES)]
        with pytest.raises(Problem):
            await calls.trace("telco")
        del held[0]
        held.append(await calls.trace("telco"))
        async with held[0].response:
            pass
        held.append(await calls.trace("telco"))
        with pytest.raises(Problem):
            await calls.trace("telco")


async def test_a_trace_that_the_audit_cannot_tell_of_leaves_its_place(house: Any, wire: Wire) -> None:
    class Deaf:
        async def trace_shown(self, carrier: str, *, by: By | None = None) -> None:
            raise StoreBusy

    calls = Tracing(cast(Store, Deaf()), {"telco": wire})
    async with house.operator_app.test_request_context("/admin/carriers/telco/trace?show=true"):
        g.request_id = 1
        g.operator = Operator("anna", Role.OPERATOR, "")
        for _ in range(MOST_TRACES + 1):
            with pytest.raises(StoreBusy):
                await calls.trace("telco")


async def test_a_trace_file_takes_no_place(house: Any, wire: Wire) -> None:
    with ExitStack() as files:
        for _ in range(MOST_TRACES):
            files.enter_context(wire.watched())
        answer = await house.operator().get("/admin/carriers/telco/trace?seconds=1")
        assert answer.status_code == 200

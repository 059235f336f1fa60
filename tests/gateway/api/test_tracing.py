"""The operators' trace of a carrier: who may, what is asked, what comes, and what the audit keeps of it."""

from typing import Any

import pytest
import trio
from prometheus_client import CollectorRegistry

from gateway.api.operators import create_operator_app
from gateway.api.tracing import MOST_TRACES
from gateway.carriers.trace import Tap, Wire
from gateway.identifiers import Identifiers
from protocol.codec import encode
from protocol.pdus import SubmitSm

NUMBER = "34600123987"
SUBMIT = encode(SubmitSm(source_addr="SHOP", destination_addr=NUMBER, short_message=b"Your code is 4711", sequence=7))


class ABind:
    name = "telco/1"
    tap: Tap | None = None
    unread = b""


@pytest.fixture
def wire(house: Any) -> Wire:
    wire = Wire("telco")
    ids = Identifiers()
    house.operator_app = create_operator_app(
        house.settings, house.store, ids, house.carriers, CollectorRegistry(), {"telco": wire}
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
            while bind.tap is None:  # noqa: ASYNC110 - it is set by the call, which tells nobody
                await trio.sleep(0.01)
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
    watches = [wire.watched() for _ in range(MOST_TRACES)]
    for watch in watches:
        watch.__enter__()
    answer = await house.operator().get("/admin/carriers/telco/trace")
    assert (answer.status_code, (await answer.get_json())["code"]) == (503, "too_many_connections")

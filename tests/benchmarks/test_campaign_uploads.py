"""What taking a campaign in costs a recipient, and how long it holds the loop: what an OTP of that moment waits.

A hold is the CPU time of one step of one task, from one checkpoint to the next: while it lasts nobody else is served.
"""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import trio
from benchmarks_support import machine, percentiles
from holds import watched
from houses import House, a_configuration, house_of

RECIPIENTS = 100_000
TEXT = "Hi {first_name}, your 20% discount code is {code}. Use it by May 31. Reply STOP to opt out."
LATER = "2027-12-01T00:00:00Z"


def recipients() -> list[dict[str, str]]:
    return [{"phone": f"+346{n:08}", "first_name": f"Name {n}", "code": f"CODE{n}"} for n in range(RECIPIENTS)]


def a_json() -> tuple[str, bytes, str]:
    body = {"campaign_name": "May", "message": TEXT, "schedule": LATER, "recipients": recipients()}
    return "", json.dumps(body).encode(), "application/json"


def a_csv() -> tuple[str, bytes, str]:
    lines = [",".join(one.values()) for one in recipients()]
    query = urlencode({"campaign_name": "May", "message": TEXT, "schedule": LATER})
    return f"?{query}", "\n".join(["phone,first_name,code", *lines]).encode(), "text/csv"


def an_ndjson() -> tuple[str, bytes, str]:
    lines = map(json.dumps, [{"campaign_name": "May", "message": TEXT, "schedule": LATER}, *recipients()])
    return "", "\n".join(lines).encode(), "application/x-ndjson"


def an_upload_of_faults() -> tuple[str, bytes, str]:
    body = {"campaign_name": "May", "message": TEXT, "recipients": [{"phone": "12"}] * RECIPIENTS}
    return "", json.dumps(body).encode(), "application/json"


async def post(house: House, query: str, octets: bytes, kind: str) -> None:
    """In pieces as a connection reads them."""
    client = house.app.test_client()
    headers = {"Content-Type": kind, "Authorization": "Bearer shop"}
    async with client.request(f"/v1/campaigns/sms{query}", method="POST", headers=headers) as connection:
        for at in range(0, len(octets), 65536):
            await connection.send(octets[at : at + 65536])
        await connection.send_complete()
    assert (await connection.as_response()).status_code == 202


async def codes(house: House, waits: list[float], over: trio.Event) -> None:
    """OTPs, one after the other, until the upload is over."""
    client = house.client()
    while not over.is_set():
        began = time.perf_counter()
        answer = await client.post("/v1/sms", json={"to": f"+347{len(waits):08}", "text": "1234", "lane": "otp"})
        waits.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 201
        await trio.sleep(0.02)


@pytest.mark.benchmark
@pytest.mark.parametrize("upload", [a_json, a_csv, an_ndjson, an_upload_of_faults])
async def test_taking_in_a_hundred_thousand_recipients(tmp_path: Path, report: Any, upload: Any) -> None:
    query, octets, kind = upload()
    waits: list[float] = []
    async with house_of(a_configuration(), tmp_path) as house:
        over = trio.Event()
        began, cpu = time.perf_counter(), time.process_time()
        with watched() as holds:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(codes, house, waits, over)
                await post(house, query, octets, kind)
                over.set()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    report(
        f"{RECIPIENTS:,} recipients, {upload.__name__}",
        machine=machine(),
        mb=f"{len(octets) / 1e6:.1f}",
        seconds=f"{seconds:.1f}",
        cpu_us_each=f"{cpu / RECIPIENTS * 1e6:.0f}",
        longest_hold_ms=f"{holds.longest * 1000:.1f}",
        **percentiles("otp_", waits),
    )

"""A scheduled message goes out at its time: not before, whatever its offset, and over a restart; the clock is moved."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from houses import House, house_of

from gateway.rules.timestamps import parse_rfc3339
from gateway.store.interface import Claim

Build = Callable[..., dict[str, Any]]
DAY = 86_400_000
WRITTEN = "2027-05-24T09:00:00-05:00"
AT = "2027-05-24T14:00:00.000Z"


class Clock:
    """Wall-clock milliseconds that move when the test says so."""

    def __init__(self, at: str) -> None:
        self.now = at_ms(at)

    def __call__(self) -> int:
        return self.now


class Stage:
    """A house whose bind has room, and the clock that it lives by."""

    def __init__(self, house: House, clock: Clock) -> None:
        self.house = house
        self.clock = clock
        self.claims: list[Claim] = []
        house.store.open_window("telco/1", "telco", self.claims.extend)
        house.store.ask("telco/1", 10)

    async def reaches(self, at_ms: int) -> None:
        """It is then, and the store has seen to what became due."""
        self.clock.now = at_ms
        for _ in range(2):
            await self.house.store.keep_alive()

    async def post(self, **message: Any) -> Any:
        given = {"to": "+34600000001", "text": "Your code is 1234", **message}
        return await self.house.client().post("/v1/sms", json=given)

    async def scheduled(self, schedule: str, **message: Any) -> dict[str, Any]:
        answer = await self.post(schedule=schedule, **message)
        assert answer.status_code == 201, await answer.get_data()
        body: dict[str, Any] = await answer.get_json()
        assert body["status"] == "scheduled"
        return body

    async def shown(self, message: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = await (await self.house.client().get(f"/v1/sms/{message['id']}")).get_json()
        return body


@pytest.fixture
def stage_at(configuration: dict[str, Any], tmp_path: Path) -> Callable[[Clock], Any]:
    """Opens the house; again on the same store where it is called again."""
    configuration["limits"] = {"schedule_ahead": "400d"}

    @asynccontextmanager
    async def opened(clock: Clock) -> AsyncIterator[Stage]:
        async with house_of(configuration, tmp_path, clock) as house:
            yield Stage(house, clock)

    return opened


def at_ms(text: str) -> int:
    found = parse_rfc3339(text)
    assert found is not None
    return found


async def test_a_message_fires_at_its_time_and_not_before(stage_at: Any) -> None:
    async with stage_at(Clock("2026-11-21T12:00:00Z")) as stage:
        message = await stage.scheduled(WRITTEN)
        assert message["schedule"] == AT
        await stage.reaches(at_ms(AT) - 1)
        assert (await stage.shown(message))["status"] == "scheduled"
        assert stage.claims == []
        await stage.reaches(at_ms(AT))
        (claim,) = stage.claims
        assert claim.recipient == message["to"]
        shown = await stage.shown(message)
        assert shown["status"] == "queued"
        steps = [(step["what"], step["at"]) for step in shown["timeline"]]
        created_at = message["created_at"]
        assert steps == [("accepted", created_at), ("scheduled", created_at), ("queued", AT), ("submit", AT)]


@pytest.mark.parametrize("late_ms", [0, 3 * 3_600_000])
async def test_a_message_fires_over_a_restart(stage_at: Any, late_ms: int) -> None:
    """Also one whose time came while the gateway was down: within its validity it goes out at once."""
    clock = Clock("2026-11-21T12:00:00Z")
    async with stage_at(clock) as stage:
        message = await stage.scheduled(WRITTEN)
    clock.now = at_ms(AT) - 1 + late_ms
    async with stage_at(clock) as stage:
        await stage.reaches(clock.now)
        assert len(stage.claims) == (1 if late_ms else 0)
        await stage.reaches(at_ms(AT) + late_ms)
        assert len(stage.claims) == 1
        assert (await stage.shown(message))["status"] == "queued"


@pytest.mark.parametrize(
    ("zone", "before", "after", "apart_s"),
    [
        ("America/New_York", "2027-03-14T01:59:59-05:00", "2027-03-14T03:00:00-04:00", 1),
        ("America/New_York", "2026-11-30T09:00:00-05:00", "2027-05-24T09:00:00-04:00", 174 * 86_400 + 82_800),
        ("Europe/Madrid", "2027-03-28T01:59:59+01:00", "2027-03-28T03:00:00+02:00", 1),
        ("Europe/Madrid", "2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00", 3_600),
        ("Asia/Kolkata", "2027-01-01T05:29:59+05:30", "2027-01-01T05:30:00+05:30", 1),
        ("Australia/Lord_Howe", "2027-04-04T01:59:59+11:00", "2027-04-04T01:30:00+10:30", 1),
    ],
)
async def test_schedules_on_both_sides_of_a_clock_change_fire_at_their_own_moments(
    stage_at: Any, zone: str, before: str, after: str, apart_s: int
) -> None:
    for written in (before, after):
        local = datetime.fromisoformat(written).astimezone(UTC).astimezone(ZoneInfo(zone))
        assert local.isoformat() == written, "it is what clocks there show at that moment"
    assert at_ms(after) - at_ms(before) == apart_s * 1000
    async with stage_at(Clock("2026-11-21T12:00:00Z")) as stage:
        first = await stage.scheduled(before, validity=60)
        second = await stage.scheduled(after, validity=60, to="+34600000002")
        claimed = []
        for moment in (at_ms(before) - 1, at_ms(before), at_ms(after) - 1, at_ms(after)):
            await stage.reaches(moment)
            claimed.append([claim.recipient for claim in stage.claims])
        both = [first["to"], second["to"]]
        assert claimed == [[], both[:1], both[:1], both]


async def test_a_message_is_canceled_until_it_fires(stage_at: Any) -> None:
    async with stage_at(Clock("2026-11-21T12:00:00Z")) as stage:
        canceled, fired = await stage.scheduled(WRITTEN), await stage.scheduled(WRITTEN)
        await stage.reaches(at_ms(AT) - 1)
        answer = await stage.house.client().post(f"/v1/sms/{canceled['id']}/cancel")
        assert (answer.status_code, (await answer.get_json())["status"]) == (200, "canceled")
        await stage.reaches(at_ms(AT))
        assert len(stage.claims) == 1
        answer = await stage.house.client().post(f"/v1/sms/{fired['id']}/cancel")
        assert (answer.status_code, (await answer.get_json())["code"]) == (409, "already_sent")
        steps = (await stage.shown(canceled))["timeline"]
        assert [step["what"] for step in steps] == ["accepted", "scheduled", "canceled"]
        assert steps[-1]["reason"] == "The message was canceled."


async def test_the_validity_counts_from_the_schedule(stage_at: Any) -> None:
    async with stage_at(Clock("2026-11-21T12:00:00Z")) as stage:
        by_lane = await stage.scheduled(WRITTEN)
        assert at_ms(by_lane["expires_at"]) == at_ms(AT) + DAY
        by_seconds = await stage.scheduled(WRITTEN, validity=60)
        assert at_ms(by_seconds["expires_at"]) == at_ms(AT) + 60_000
        by_time = await stage.scheduled(WRITTEN, validity="2027-05-24T09:10:00-05:00")
        assert at_ms(by_time["expires_at"]) == at_ms(AT) + 600_000
        stage.house.store.withdraw("telco/1")
        await stage.reaches(at_ms(AT) + 59_999)
        assert (await stage.shown(by_seconds))["status"] == "queued"
        await stage.reaches(at_ms(AT) + 60_000)
        shown = await stage.shown(by_seconds)
        assert (shown["status"], shown["timeline"][-1]["what"]) == ("expired", "expired")
        assert shown["timeline"][-1]["reason"] == "The validity ended before the message arrived."
        assert (await stage.shown(by_time))["status"] == "queued"


@pytest.mark.parametrize(
    ("message", "field", "code", "words"),
    [
        ({"schedule": "2026-11-21T11:59:59.999Z"}, "schedule", "in_the_past", "is in the past"),
        ({"schedule": "2026-11-21T13:00:00+01:01"}, "schedule", "in_the_past", "is in the past"),
        ({"schedule": "2027-12-26T12:00:00.001Z"}, "schedule", "too_far_ahead", "is more than 400 days ahead"),
        ({"schedule": "2027-05-24T09:00:00"}, "schedule", "not_a_time", "with its zone"),
        ({"schedule": "2027-02-29T09:00:00Z"}, "schedule", "not_a_time", "is not a time"),
        ({"schedule": WRITTEN, "validity": AT}, "validity", "before_schedule", "is not after the schedule"),
    ],
)
async def test_a_schedule_that_can_not_be_is_an_error_of_its_field(
    stage_at: Any, message: dict[str, Any], field: str, code: str, words: str
) -> None:
    async with stage_at(Clock("2026-11-21T12:00:00Z")) as stage:
        answer = await stage.post(**message)
        body = await answer.get_json()
        assert (answer.status_code, body["codes"]) == (422, {field: [code]})
        assert words in body["fields"][field][0]
        assert (await stage.post(schedule="2026-11-21T12:00:00Z")).status_code == 201, "this moment is not past"
        assert (await stage.post(schedule="2027-12-26T12:00:00Z")).status_code == 201

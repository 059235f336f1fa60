"""429s by each limit of an account, what every answer tells of them, and that the two ways of answering agree."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway.api.account.limits import LimitsOfAll, limit_problem
from gateway.api.problems import Problem
from gateway.rules.limits import AccountLimit, LimitReached
from gateway.settings import AccountLimits
from gateway.store.allowances.interface import AccountUse

Build = Callable[..., dict[str, Any]]


@pytest.fixture
def configuration(request: pytest.FixtureRequest, configuration: dict[str, Any]) -> dict[str, Any]:
    """With the limits of the test for `shop`."""
    configuration["accounts"]["shop"]["limits"] = request.getfixturevalue("limits")
    return configuration


@pytest.fixture
async def still(house: Any) -> Any:
    """The house at a moment that lasts: no second fills anew."""
    house.app.limits.clock = lambda: 0
    return house


def limits(**given: int) -> Any:
    return pytest.mark.parametrize("limits", [given], ids=str)


@limits(requests_per_second=3)
async def test_every_call_counts_as_one_and_one_too_many_is_told_when_to_come_again(
    still: Any, a_message: Build, limits: Any
) -> None:
    shop = still.client()
    calls = [
        await shop.get("/v1/sms"),
        await shop.post("/v1/sms/bulk", json=[a_message(), a_message(to="600000002")]),
        await shop.post("/v1/sms", json={}),
    ]
    assert [call.status_code for call in calls] == [200, 201, 422]
    assert {call.headers["RateLimit-Policy"] for call in calls} == {'"requests";q=3;w=1'}
    assert [call.headers["RateLimit"] for call in calls] == [f'"requests";r={left};t=1' for left in (2, 1, 0)]
    refused = await shop.post("/v1/sms", json=a_message())
    body = await refused.get_json()
    assert (refused.status_code, body["code"], body["retryable"]) == (429, "too_many_requests", True)
    assert (body["limited_by"], body["limit"]) == ("requests_per_second", 3)
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["RateLimit"] == '"requests";r=0;t=1'
    assert (await still.client("shop-read").get("/v1/sms")).status_code == 429, "all its tokens count together"
    assert (await still.client("other").get("/v1/sms")).status_code == 200, "and nobody else's"
    assert (await still.client(None).get("/v1/sms")).status_code == 401


@limits()
async def test_accounts_without_limits_are_told_of_none(house: Any, a_message: Build, limits: Any) -> None:
    answer = await house.client().post("/v1/sms", json=a_message())
    assert "RateLimit" not in answer.headers
    assert "RateLimit-Policy" not in answer.headers


@limits(requests_per_second=500, messages_per_second=3, messages_per_day=100)
async def test_a_bulk_takes_its_accepted_items_from_what_the_second_and_the_day_have_left(
    still: Any, a_message: Build, limits: Any
) -> None:
    shop = still.client()
    answer = await shop.post("/v1/sms/bulk", json=[*[a_message()] * 12, {"to": "1"}])
    assert answer.status_code == 201
    policy = '"requests";q=500;w=1, "messages";q=3;w=1, "messages_per_day";q=100;w=86400'
    assert answer.headers["RateLimit-Policy"] == policy
    told = re.fullmatch(
        r'"requests";r=499;t=1, "messages";r=0;t=4, "messages_per_day";r=88;t=\d+', answer.headers["RateLimit"]
    )
    assert told is not None, answer.headers["RateLimit"]
    refused = await shop.post("/v1/sms", json=a_message())
    body = await refused.get_json()
    assert (refused.status_code, body["limited_by"]) == (429, "messages_per_second")
    assert 1 <= int(refused.headers["Retry-After"]) <= 4


@limits(messages_per_day=2)
async def test_a_bulk_that_no_day_can_take_is_told_to_be_smaller(house: Any, a_message: Build, limits: Any) -> None:
    refused = await house.client().post("/v1/sms/bulk", json=[a_message()] * 3)
    body = await refused.get_json()
    assert (refused.status_code, body["limited_by"]) == (429, "messages_per_day")
    assert "3 at once are more than that" in body["detail"]
    assert body["retryable"] is False
    assert "Retry-After" not in refused.headers, "no wait makes room for so many"


@limits(backlog=1)
async def test_the_accounts_own_backlog_is_a_429_that_others_do_not_feel(
    house: Any, a_message: Build, limits: Any
) -> None:
    shop = house.client()
    first = await shop.post("/v1/sms", json=a_message(), headers={"Idempotency-Key": "a"})
    refused = await shop.post("/v1/sms", json=a_message())
    assert (await refused.get_json())["limited_by"] == "backlog"
    assert (await house.client("other").post("/v1/sms", json=a_message(to="+34600000009"))).status_code == 201
    again = await shop.post("/v1/sms", json=a_message(), headers={"Idempotency-Key": "a"})
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert (await again.get_json())["id"] == (await first.get_json())["id"]


class Uses:
    """A store that says what was used."""

    def account_use(self, account: str) -> AccountUse:
        return AccountUse(7, 7, -5, 1_250, {})


def test_what_is_lent_shows_as_nothing_left_and_when_it_is_whole_again() -> None:
    now = [0]
    of_all = LimitsOfAll(
        {"shop": AccountLimits(requests_per_second=2, messages_per_second=4, messages_per_day=10)},
        Uses(),
        clock=lambda: now[0],
        wall_clock=lambda: 86_400_000 - 1_500,
    )
    of_all.admit("shop")
    of_all.admit("shop")
    with pytest.raises(Problem) as raised:
        of_all.admit("shop")
    assert raised.value.headers == {"Retry-After": "1"}
    told = '"requests";r=0;t=1, "messages";r=0;t=2, "messages_per_day";r=3;t=2'
    assert of_all.headers("shop")["RateLimit"] == told
    now[0] = 500
    of_all.admit("shop")
    assert of_all.requests_left("shop") == 0
    assert of_all.requests_left("other") is None


@pytest.mark.parametrize(("ms", "seconds"), [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (86_400_000, "86400")])
def test_retry_after_is_in_whole_seconds_and_never_too_soon(ms: int, seconds: str) -> None:
    assert limit_problem(LimitReached(AccountLimit.DAY, 5, 1, ms)).headers["Retry-After"] == seconds


@limits(requests_per_second=1_000_000, messages_per_second=2, messages_per_day=9)
async def test_past_the_framework_limits_are_told_as_quart_tells_them(
    house: Any, a_message: Build, limits: Any
) -> None:
    """Each pair of calls first as the direct way takes it, then as Quart does."""
    assert house.app.take is not None
    shop = house.client()
    body = json.dumps(a_message()).encode()
    asked: list[tuple[int, Any]] = []
    for path, octets in (("/v1/sms/bulk", b"[" + b",".join([body] * 9) + b"]"), ("/v1/sms", body), ("/send", body)):
        answers = []
        for kind in ("application/json", "application/json; charset=utf-8"):
            answer = await shop.post(path, data=octets, headers={"Content-Type": kind, "Idempotency-Key": path})
            told = {name: answer.headers.get(name) for name in ("RateLimit-Policy", "RateLimit", "Retry-After")}
            told["RateLimit"] = re.sub(r"\d+", "", told["RateLimit"])
            document = await answer.get_json()
            document.pop("request_id", None)
            answers.append((answer.status_code, told, document))
        assert answers[0] == answers[1]
        asked.append(answers[0][:2])
    assert [status for status, _ in asked] == [201, 429, 429]


@limits(requests_per_second=1)
async def test_a_call_too_many_is_refused_past_the_framework_as_by_quart(
    still: Any, a_message: Build, limits: Any
) -> None:
    shop = still.client()
    await shop.get("/v1/sms")
    answers = []
    for kind in ("application/json", "application/json; charset=utf-8"):
        octets = json.dumps(a_message()).encode()
        answer = await shop.post("/v1/sms", data=octets, headers={"Content-Type": kind})
        document = await answer.get_json()
        document.pop("request_id")
        head = {name.lower(): value for name, value in answer.headers.items() if name.lower() != "request-id"}
        answers.append((answer.status_code, head, document))
    assert answers[0] == answers[1]
    assert answers[0][0] == 429


def test_every_limit_of_the_settings_has_its_name_in_problems() -> None:
    assert set(AccountLimits.model_fields) == {limit.value for limit in AccountLimit}

"""Deliveries to outcomes: with an endpoint in memory under a clock that jumps, and once over a real socket."""

import base64
import ipaddress
import json
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import trio
from standardwebhooks import Webhook
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.flows.notify import MOST_POSTS, Notify
from gateway.identifiers import now_ms
from gateway.metrics import REGISTRY
from gateway.settings import Settings
from gateway.store.interface import Delivery, DeliveryOutcome
from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.client import Client, PostResult
from gateway.webhooks.signing import Header

NOW = 1_795_284_245_123
HORIZON_MS = 259_200_000
KEYS = [b"k" * 24, b"n" * 32]
SECRETS = ["whsec_" + base64.b64encode(key).decode() for key in KEYS]
TAKEN = PostResult(200, None, None, 5)


def settings(**accounts: Any) -> Settings:
    shop = {"webhook": {"url": "https://shop.example/sms", "secrets": SECRETS}}
    return Settings.model_validate({"accounts": {"shop": shop, "quiet": {}, **accounts}})


def a_delivery(number: int = 1, **changes: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": number,
        "endpoint": 7,
        "account": "shop",
        "url": "https://shop.example/sms?key=hidden",
        "own": True,
        "webhook_id": f"evt_{number}",
        "batched": False,
        "bodies": [b'{"id":"evt_1","text":"hidden"}'],
        "tries": 0,
        "created_at": NOW,
    }
    return Delivery(**{**given, **changes})


class Outbox:
    """The store as notify sees it."""

    def __init__(self) -> None:
        self.take: Callable[[list[Delivery]], None] = lambda deliveries: None
        self.outcomes: list[DeliveryOutcome] = []
        self.heard = trio.Event()

    def take_deliveries(self, take: Callable[[list[Delivery]], None]) -> None:
        self.take = take

    def delivered(self, outcome: DeliveryOutcome) -> None:
        self.outcomes.append(outcome)
        self.heard.set()

    async def outcome_of(self, delivery: Delivery) -> DeliveryOutcome:
        self.heard = trio.Event()
        self.take([delivery])
        await self.heard.wait()
        return self.outcomes[-1]


class Posts:
    """Customers' endpoints: each URL answers as told, after as many seconds as told."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes, dict[str, str]]] = []
        self.answers: dict[str, tuple[float, PostResult | Exception]] = {}
        self.under_way = 0
        self.most_under_way = 0
        self.kept = 0
        """Connections on which a POST can be begun at once."""
        self.begun: list[Callable[[PostResult], None]] = []
        """What is to be told of those."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    def may_begin(self, url: str) -> bool:
        return len(self.begun) < self.kept

    def begin(self, url: str, body: bytes, headers: Sequence[Header], done: Callable[[PostResult], None]) -> bool:
        assert self.may_begin(url), "signed in vain"
        self.posts.append((url, body, {name.decode(): value.decode() for name, value in headers}))
        self.begun.append(done)
        return True

    async def post(self, url: str, body: bytes, headers: Sequence[Header]) -> PostResult:
        self.posts.append((url, body, {name.decode(): value.decode() for name, value in headers}))
        seconds, result = self.answers.get(url, (0.0, TAKEN))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await trio.sleep(seconds)
        self.under_way -= 1
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def posts() -> Posts:
    return Posts()


@pytest.fixture
async def notify(nursery: trio.Nursery, outbox: Outbox, posts: Posts, autojump_clock: MockClock) -> Notify:
    built = Notify(settings(), outbox, posts, lambda: NOW + round(trio.current_time() * 1000), lambda: 0.5)
    await nursery.start(built.run)
    return built


def answers(posts: Posts, status: int | None, error: str = "answered so", retry_after: int | None = None) -> None:
    posts.answers["https://shop.example/sms?key=hidden"] = (0.0, PostResult(status, error, retry_after, 31))


async def test_an_event_is_signed_with_every_secret_posted_and_its_taking_recorded(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    delivery = a_delivery()
    outcome = await outbox.outcome_of(delivery)
    url, body, headers = posts.posts[0]
    assert (url, body) == (delivery.url, delivery.bodies[0])
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("evt_1", str(outcome.at // 1000))
    assert headers["webhook-signature"].count("v1,") == 2
    assert outcome == DeliveryOutcome(1, 7, outcome.at, 5, 200, None, taken=True, retry_at=None)
    assert notify.under_way == 0


async def test_a_batch_is_posted_as_an_array_even_of_one(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    await outbox.outcome_of(a_delivery(batched=True, bodies=[b'{"id":"evt_1"}', b'{"id":"evt_2"}']))
    await outbox.outcome_of(a_delivery(batched=True, bodies=[b'{"id":"evt_3"}']))
    assert [json.loads(body) for _, body, _ in posts.posts] == [[{"id": "evt_1"}, {"id": "evt_2"}], [{"id": "evt_3"}]]


async def test_a_failure_is_tried_again_later_and_later(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    answers(posts, 500)
    pauses = []
    for tries in range(12):
        outcome = await outbox.outcome_of(a_delivery(tries=tries))
        assert (outcome.taken, outcome.http_status, outcome.error, outcome.latency_ms) == (
            False,
            500,
            "answered so",
            31,
        )
        assert outcome.retry_at is not None
        pauses.append(outcome.retry_at - outcome.at)
    assert pauses == sorted(pauses)
    assert pauses[0] < 10_000
    assert pauses[-1] == 1_800_000  # half of an hour by the rng of this test


async def test_retry_after_is_kept_to(notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock) -> None:
    answers(posts, 503, retry_after=600)
    outcome = await outbox.outcome_of(a_delivery())
    assert outcome.retry_at == outcome.not_before == outcome.at + 600_000


@pytest.mark.parametrize(
    ("status", "retry_after", "pause_ms"),
    [(429, 86_400, 3_600_000), (503, 0, None), (500, None, None), (410, 600, None)],
)
async def test_a_retry_after_is_said_of_the_endpoint_up_to_an_hour(
    notify: Notify,
    outbox: Outbox,
    posts: Posts,
    autojump_clock: MockClock,
    status: int,
    retry_after: int | None,
    pause_ms: int | None,
) -> None:
    answers(posts, status, retry_after=retry_after)
    outcome = await outbox.outcome_of(a_delivery())
    assert outcome.not_before == (None if pause_ms is None else outcome.at + pause_ms)


async def test_what_an_endpoint_took_with_a_retry_after_is_no_wish_to_be_left_alone(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    delivery = a_delivery()
    posts.answers[delivery.url] = (0.0, PostResult(202, None, 600, 31))
    outcome = await outbox.outcome_of(delivery)
    assert (outcome.taken, outcome.not_before) == (True, None)


async def test_no_answer_is_tried_again_too(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    answers(posts, None, "no answer within 10 s")
    outcome = await outbox.outcome_of(a_delivery())
    assert (outcome.http_status, outcome.taken, outcome.gone) == (None, False, False)
    assert outcome.retry_at is not None


async def test_after_the_horizon_it_is_given_up(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    answers(posts, 500)
    outcome = await outbox.outcome_of(a_delivery(tries=90, created_at=NOW - HORIZON_MS))
    assert (outcome.taken, outcome.retry_at, outcome.gone) == (False, None, False)


async def test_410_says_that_the_endpoint_is_gone(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    answers(posts, 410, "answered 410 Gone")
    outcome = await outbox.outcome_of(a_delivery())
    assert (outcome.taken, outcome.retry_at, outcome.gone) == (False, None, True)


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("removed", "the account removed is no longer in the settings"),
        ("quiet", "the account quiet has no webhook, so no secret to sign with"),
    ],
)
async def test_what_cannot_be_signed_is_given_up_in_words_and_never_posted(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock, account: str, words: str
) -> None:
    outcome = await outbox.outcome_of(a_delivery(account=account, own=False))
    assert (outcome.taken, outcome.retry_at, outcome.untried, outcome.error) == (False, None, False, words)
    assert posts.posts == []
    assert notify.under_way == 0


async def test_what_was_dealt_for_an_account_that_a_reload_just_took_out_waits_in_the_store_for_its_return(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    outcome = await outbox.outcome_of(a_delivery(account="removed"))
    assert (outcome.untried, outcome.error) == (True, None)
    assert posts.posts == []
    assert notify.under_way == 0


async def test_a_slow_endpoint_does_not_hold_up_another(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    posts.answers["https://slow.example/"] = (60.0, TAKEN)
    slow = [a_delivery(number, endpoint=8, url="https://slow.example/", own=False) for number in range(100, 104)]
    outbox.take([*slow, a_delivery(1)])
    await outbox.heard.wait()
    assert [outcome.id for outcome in outbox.outcomes] == [1]
    assert trio.current_time() < 1
    assert notify.under_way == 4


async def test_the_next_of_a_line_is_begun_when_the_one_before_is_told(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    posts.kept = 2
    outbox.take([a_delivery(number) for number in range(1, 21)])
    posts.answers["https://shop.example/sms?key=hidden"] = (3600.0, TAKEN)
    await wait_all_tasks_blocked()
    assert [headers["webhook-id"] for _, _, headers in posts.posts[:2]] == ["evt_1", "evt_2"]
    assert len(posts.posts) == 8, "webhooks.connections"
    posts.begun.pop(0)(TAKEN)
    assert [outcome.id for outcome in outbox.outcomes] == [1]
    assert posts.posts[-1][2]["webhook-id"] == "evt_9"
    assert notify.under_way == 19


async def test_what_waits_behind_a_failure_is_handed_back_untried(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    posts.kept = 8
    outbox.take([*(a_delivery(number) for number in range(1, 12)), a_delivery(50, endpoint=8)])
    posts.begun.pop(0)(PostResult(500, "answered so", None, 31))
    assert [(outcome.id, outcome.untried) for outcome in outbox.outcomes] == [
        (1, False),
        (9, True),
        (10, True),
        (11, True),
    ]
    assert not outbox.outcomes[1].taken
    await wait_all_tasks_blocked()
    assert outbox.outcomes[-1].id == 50, "another endpoint's go on"
    assert notify.under_way == 7


async def test_what_waits_when_the_settings_change_is_handed_back_untried(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    posts.kept = 8
    outbox.take([a_delivery(number) for number in range(1, 11)])
    notify.reconfigure(Settings.model_validate({}))
    assert [(outcome.id, outcome.untried) for outcome in outbox.outcomes] == [(9, True), (10, True)]
    assert notify.under_way == 8
    while posts.begun:
        posts.begun.pop()(TAKEN)
    assert (notify.under_way, len(posts.posts)) == (0, 8)


async def test_lines_that_are_empty_are_forgotten(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    posts.kept = 1
    outbox.take([a_delivery(number, endpoint=number) for number in range(1, 4)])
    posts.begun.pop(0)(TAKEN)
    assert await notify.stop(within_seconds=10) == 0
    assert notify._lines == {}


async def test_a_post_that_cannot_be_begun_for_a_fault_of_ours_is_told_as_such(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    posts.kept = 1
    url = "https://cursed.example/"
    posts.answers[url] = (0.0, ZeroDivisionError("at line 1"))
    outbox.take([a_delivery(1, url=url, bodies=[])])
    await outbox.heard.wait()
    assert outbox.outcomes[0].error == "internal error (IndexError)"
    outbox.take([a_delivery(2)])
    posts.begun.pop()(TAKEN)
    assert (outbox.outcomes[-1].id, outbox.outcomes[-1].taken) == (2, True)


async def test_no_more_posts_run_at_a_time_than_the_limit(
    nursery: trio.Nursery, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    names = [f"account{number}" for number in range(12)]
    webhook = {"webhook": {"url": "https://a.example/", "secrets": SECRETS}}
    notify = Notify(settings(**dict.fromkeys(names, webhook)), outbox, posts, lambda: NOW, lambda: 0.5)
    await nursery.start(notify.run)
    posts.answers["https://slow.example/"] = (10.0, TAKEN)
    outbox.take(
        [a_delivery(n, account=names[n % 12], endpoint=n, url="https://slow.example/") for n in range(3 * MOST_POSTS)]
    )
    assert await notify.stop(within_seconds=3600) == 0
    assert len(outbox.outcomes) == 3 * MOST_POSTS
    assert posts.most_under_way <= MOST_POSTS


async def test_the_time_signed_is_that_of_the_post_and_not_of_the_taking(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    posts.answers["https://slow.example/"] = (600.0, TAKEN)
    outbox.take([a_delivery(number, endpoint=number, url="https://slow.example/") for number in range(MOST_POSTS)])
    assert await notify.stop(within_seconds=7200) == 0
    stamps = {int(headers["webhook-timestamp"]) for _, _, headers in posts.posts}
    assert max(stamps) - min(stamps) >= 600


async def test_a_fault_of_ours_over_one_delivery_is_logged_and_ends_no_other(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    posts.answers["https://cursed.example/"] = (0.0, ZeroDivisionError("at line 1"))
    outcome = await outbox.outcome_of(a_delivery(url="https://cursed.example/"))
    assert (outcome.taken, outcome.error) == (False, "internal error (ZeroDivisionError)")
    assert outcome.retry_at is not None
    assert "webhook fault" in caplog.text
    assert (await outbox.outcome_of(a_delivery(2))).taken


async def test_a_failure_is_one_line_of_log_without_path_query_body_or_secret(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sluice")
    answers(posts, 500)
    await outbox.outcome_of(a_delivery())
    (record,) = caplog.records
    line = record.getMessage()
    assert "host=shop.example" in line
    assert "http_status=500" in line
    assert "next_try_at=2026-11-21T" in line
    for hidden in ("hidden", "/sms", *SECRETS):
        assert hidden not in line


async def test_posts_are_counted_by_what_they_came_to(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    def counted(end: str) -> float:
        return REGISTRY.get_sample_value("sluice_webhook_posts_total", {"account": "shop", "outcome": end}) or 0.0

    before = {end: counted(end) for end in ("taken", "postponed", "given_up", "endpoint_disabled")}
    await outbox.outcome_of(a_delivery())
    answers(posts, 500)
    await outbox.outcome_of(a_delivery())
    await outbox.outcome_of(a_delivery(created_at=NOW - HORIZON_MS))
    answers(posts, 410)
    await outbox.outcome_of(a_delivery())
    await outbox.outcome_of(a_delivery(own=False))
    assert {end: counted(end) - before[end] for end in before} == {
        "taken": 1,
        "postponed": 1,
        "given_up": 2,
        "endpoint_disabled": 1,
    }


async def test_stop_lets_what_is_under_way_end_and_takes_no_more(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    posts.answers["https://shop.example/sms?key=hidden"] = (3.0, TAKEN)
    outbox.take([a_delivery(1)])
    await wait_all_tasks_blocked()
    assert await notify.stop(within_seconds=10) == 0
    outbox.take([a_delivery(2)])
    assert await notify.stop(within_seconds=10) == 0
    assert [outcome.id for outcome in outbox.outcomes] == [1]


async def test_stop_does_not_wait_longer_than_told(
    notify: Notify, outbox: Outbox, posts: Posts, autojump_clock: MockClock
) -> None:
    posts.answers["https://shop.example/sms?key=hidden"] = (300.0, TAKEN)
    outbox.take([a_delivery(1)])
    assert await notify.stop(within_seconds=10) == 1
    assert trio.current_time() == pytest.approx(10)
    assert outbox.outcomes == []


async def test_what_is_cut_off_has_no_outcome_and_so_stays_claimed(outbox: Outbox, posts: Posts) -> None:
    posts.answers["https://shop.example/sms?key=hidden"] = (300.0, TAKEN)
    notify = Notify(settings(), outbox, posts, lambda: NOW, lambda: 0.5)
    async with trio.open_nursery() as nursery:
        await nursery.start(notify.run)
        outbox.take([a_delivery(1)])
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert outbox.outcomes == []
    assert notify.under_way == 0


async def test_over_a_real_socket_a_receiver_verifies_what_it_gets(nursery: trio.Nursery, outbox: Outbox) -> None:
    received: list[bytes] = []

    async def receive(stream: trio.SocketStream) -> None:
        request = b""
        while b"\r\n\r\n" not in request or not request.endswith(b"}"):
            request += await stream.receive_some()
        received.append(request)
        await stream.send_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    listeners = await nursery.start(partial(trio.serve_tcp, receive, 0, host="127.0.0.1"))
    port = listeners[0].socket.getsockname()[1]
    client = Client(AddressGuard([ipaddress.ip_network("127.0.0.0/8")]), timeout=5.0)
    notify = Notify(settings(), outbox, client, now_ms, lambda: 0.5)
    await nursery.start(notify.run)
    outcome = await outbox.outcome_of(a_delivery(url=f"http://127.0.0.1:{port}/sms"))
    assert (outcome.taken, outcome.http_status) == (True, 204)
    head, body = received[0].split(b"\r\n\r\n", 1)
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    for secret in SECRETS:
        assert Webhook(secret).verify(body, headers) == json.loads(body)

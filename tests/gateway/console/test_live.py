"""The live figures: what a second tells, what is remembered of it, and who is told."""

from typing import Any

import pytest
import trio
from console_callers import ConsoleCaller
from houses import a_configuration
from msgspec import json

from gateway.api.problems import Problem
from gateway.console.amiss import Finding
from gateway.console.live.readings import ERRORS, bars, quantile, waiting
from gateway.console.live.ring import Ring, Sample
from gateway.console.live.sampler import Sampler, Sources
from gateway.console.live.stream import MOST_WATCHERS, LivePages
from gateway.desk.carriers_view import BindView, CarrierView
from gateway.metrics import ACCEPTED, count_answers
from gateway.metrics.ends import DELIVERY_SECONDS, MESSAGES_ENDED
from gateway.settings import Settings
from gateway.store.ages import QueueAge
from gateway.store.views import QueueRow


def a_bind(name: str, state: str = "bound", in_flight: int = 3, mode: str = "transceiver") -> BindView:
    return BindView(name, state, 10, 8, in_flight, 5, 0.0, 0, None, mode=mode)


def a_carrier(name: str, *binds: BindView, able: bool = True) -> CarrierView:
    return CarrierView(name, able, list(binds))


class Scene:
    """What is looked at, as the test says."""

    def __init__(self) -> None:
        self.now = 100.0
        self.queues: list[QueueRow] = []
        self.ages: list[QueueAge] = []
        self.carriers = [a_carrier("telco", a_bind("telco/1"))]
        self.findings: list[Finding] = []
        self.rendered = 0
        sources = Sources(
            lambda: self.queues, lambda: self.ages, lambda: self.carriers, lambda: self.findings, self.render
        )
        self.settings = Settings.model_validate(a_configuration())
        self.sampler = Sampler(self.settings, sources, clock=lambda: self.now, now_ms=lambda: int(self.now * 1000))

    def render(self, findings: Any) -> str:
        self.rendered += 1
        return f"<p>{len(findings)}</p>"

    def look(self) -> dict[str, list[float | None]]:
        """After a second more."""
        self.now += 1
        self.sampler.look()
        return self.sampler.ring.samples[-1].plots


def told(octets: bytes) -> tuple[str, Any]:
    """The event's name and its data."""
    lines = octets.decode().strip().split("\n")
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    (data,) = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return names[0], json.decode(data)


def test_rates_are_what_counters_grew_by() -> None:
    scene = Scene()
    assert scene.look()["rate"] == [None, None, None], "one look knows no rate"
    ACCEPTED.add("shop", "otp", times=30)
    count_answers("telco", "sent", "accepted", 20)
    count_answers("telco", "postponed", "throttled", 4)
    MESSAGES_ENDED.add("otp", "delivered", times=10)
    MESSAGES_ENDED.add("otp", "undelivered", times=2)
    plots = scene.look()
    assert plots["rate"] == [30.0, 20.0, 10.0]
    assert dict(zip(ERRORS, plots["errors"], strict=True)) == {
        "throttled": 4.0,
        "temporary": 0.0,
        "permanent": 0.0,
        "no answer": 0.0,
        "not delivered": 2.0,
    }
    assert scene.look()["rate"] == [15.0, 10.0, 5.0], "over the last seconds, so that bursts are a calm line"
    for _ in range(6):
        scene.look()
    assert scene.look()["rate"] == [0.0, 0.0, 0.0]


def test_the_time_to_delivery_is_that_of_the_last_minute() -> None:
    scene = Scene()
    assert scene.look()["delivery"] == [None, None]
    DELIVERY_SECONDS.of("otp", "ES").add_all([0.5] * 90 + [25.0] * 10)
    median, nine_in_ten = scene.look()["delivery"]
    assert median is not None
    assert nine_in_ten is not None
    assert 0 < median < 1 <= nine_in_ten <= 30
    for _ in range(60):
        found = scene.look()["delivery"]
    assert found == [None, None]


def test_what_waits_is_told_by_lane() -> None:
    queues = [
        QueueRow("otp", "rest", "shop", "", "", 2),
        QueueRow("otp", "rest", "other", "", "", 3),
        QueueRow("promotional", "rest", "shop", "", "", 0),
        QueueRow("of_a_lane_taken_out", "rest", "shop", "", "", 7),
    ]
    ages = [QueueAge("otp", "rest", 1500, 5), QueueAge("promotional", "rest", 9000, 0)]
    assert waiting(queues, ages, ("otp", "promotional")) == ([5, 0], [1.5, 0.0]), "an empty lane has no oldest"


def test_windows_are_told_by_bind_and_of_many_by_carrier() -> None:
    one = a_carrier("telco", a_bind("telco/1"), a_bind("telco/2", mode="receiver"))
    assert [tuple(bar) for bar in bars([one])] == [("telco/1", "bound", 3, 8, 10)]
    many = a_carrier("big", *(a_bind(f"big/{n}", "bound" if n else "waiting") for n in range(30)))
    assert [tuple(bar) for bar in bars([one, many])] == [
        ("telco (1 of 1 up)", "bound", 3, 8, 10),
        ("big (29 of 30 up)", "bound", 87, 232, 300),
    ], "what only receives has no window of ours"


@pytest.mark.parametrize(
    ("counts", "share", "value"),
    [
        ([0, 0, 0, 0, 0], 0.5, None),
        ([10, 0, 0, 0, 0], 0.5, 0.5),
        ([5, 0, 5, 0, 0], 0.5, 1.0),
        ([0, 10, 0, 0, 0], 0.9, 1.9),
        ([1, 0, 0, 0, 9], 0.9, 10.0),
    ],
)
def test_a_quantile_is_read_off_buckets(counts: list[float], share: float, value: float | None) -> None:
    found = quantile(counts, (1.0, 2.0, 5.0, 10.0), share)
    assert found == (None if value is None else pytest.approx(value))


def test_fifteen_minutes_are_remembered_and_no_more() -> None:
    ring = Ring()
    for second in range(1000):
        ring.add(Sample(second, {"rate": [1.0, float(second)]}), ("otp",))
    assert len(ring.samples) == 900
    assert ring.series("rate")[1][0] == 100.0
    assert ring.columns()["at"][-1] == 999
    ring.add(Sample(1000, {"rate": [1.0, 2.0, 3.0]}), ("otp", "more"))
    assert len(ring.samples) == 1, "other series begin anew"


def test_a_sample_is_rendered_once_for_all_who_watch() -> None:
    scene = Scene()
    scene.look()
    assert scene.sampler.octets() is scene.sampler.octets()
    assert scene.sampler.first() is scene.sampler.first()
    before = scene.sampler.octets()
    scene.look()
    assert scene.sampler.octets() is not before
    assert scene.rendered == 1, "what is wrong is rendered when it changes"
    scene.findings = [Finding("bad", "x", "y", "/console", "")]
    scene.look()
    name, sample = told(scene.sampler.octets())
    assert (name, sample["amiss"], sample["bars"]) == ("sample", "<p>1</p>", [["telco/1", "bound", 3, 8, 10]])
    assert sample["shape"] == "otp/transactional/promotional"
    name, history = told(scene.sampler.first())
    assert (name, len(history["at"]), len(history["plots"]["ready"])) == ("history", 3, 3)


def test_a_comment_is_told_every_fifteen_samples() -> None:
    scene = Scene()
    found = []
    for _ in range(30):
        scene.look()
        found.append(scene.sampler.octets().startswith(b":"))
    assert [place for place, is_comment in enumerate(found, 1) if is_comment] == [15, 30]


async def test_a_look_that_fails_is_a_gap_and_no_end(autojump_clock: trio.testing.MockClock, caplog: Any) -> None:
    scene = Scene()
    scene.carriers = None  # type: ignore[assignment]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scene.sampler.run)
        await trio.sleep(1.5)
        scene.carriers = []
        await scene.sampler.tick.wait()
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    assert scene.sampler.count == 1
    assert "a look at the figures failed" in caplog.text


async def test_the_stream_begins_with_what_is_remembered_and_goes_on(stage: Any, operator: ConsoleCaller) -> None:
    scene = Scene()
    scene.look()
    session = next(iter(stage.console.sessions._sessions.values()))
    live = LivePages(scene.sampler, stage.console.guard.goes_on)
    pieces = live._samples(session)
    assert await anext(pieces) == b"retry: 3000\n\n"
    assert told(await anext(pieces))[0] == "history"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scene.sampler.run)
        assert told(await anext(pieces))[0] == "sample"
        stage.console.sessions.end(session)
        with pytest.raises(StopAsyncIteration):
            await anext(pieces)
        nursery.cancel_scope.cancel()


async def test_one_more_than_may_watch_is_told_to_come_again() -> None:
    live = LivePages(Scene().sampler, lambda session: True)
    live.watchers = MOST_WATCHERS
    with pytest.raises(Problem) as refused:
        await live.live()
    assert (refused.value.kind.status, refused.value.headers) == (503, {"Retry-After": "10"})

"""How carriers do: what is heard comes to the deal and to operators. When a breaker opens is test_breaker's."""

from collections.abc import Mapping
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.flows.health import Health
from gateway.messages import MessageState
from gateway.rules.breaker_terms import BreakerState, Cause, Waiting
from gateway.rules.taking import HELD, Standing
from gateway.rules.tiers import Tierings
from gateway.settings import Settings
from gateway.settings.alerts import OperatorEvent
from gateway.store.ends import Ended

BREAKER = OperatorEvent.BREAKER_OPENED
CARRIER = {"hosts": ["127.0.0.1:1"], "system_id": "acme", "password": "secret"}


def settings_of(route: Mapping[str, Any] | None = None, **keys: Any) -> Settings:
    """Two carriers, of which the first has these keys."""
    carriers = {"telco": {**CARRIER, "name": "telco", **keys}, "backup": {**CARRIER, "name": "backup"}}
    route = {"name": "rest", "tiers": [["telco", "backup"]], **(route or {})}
    return Settings.model_validate({"carriers": carriers, "routes": [route]})


class Told:
    """Store, operators and binds: what each was told, in order."""

    def __init__(self) -> None:
        self.all: list[tuple[Any, ...]] = []
        self.waiting = Waiting()

    def carrier_able(self, carrier: str, able: bool) -> None:
        self.all.append(("able", carrier, able))

    def carrier_standing(self, carrier: str, standing: Standing | None) -> None:
        self.all.append(("standing", carrier, standing))

    def judge(self, kind: OperatorEvent, subject: str, is_amiss: bool, figures: Mapping[str, object]) -> None:
        self.all.append((kind.value, subject, is_amiss, dict(figures)))

    def tell(self, event: OperatorEvent, subject: str, figures: Mapping[str, object]) -> None:
        self.all.append((event.value, subject, dict(figures)))

    def halt(self, carrier: str) -> None:
        self.all.append(("halt", carrier))

    def take(self) -> list[tuple[Any, ...]]:
        told, self.all = self.all, []
        return told


class Place:
    """A Health with a clock that the test moves."""

    def __init__(self, settings: Settings) -> None:
        self.now = 1_000.0
        self.told = Told()
        self.tierings = Tierings(settings.routes)
        self.health = Health(
            settings,
            self.told,
            lambda: self.tierings,
            self.told,
            waiting=lambda carrier: self.told.waiting,
            halt=self.told.halt,
            clock=lambda: self.now,
            now_ms=lambda: round(self.now * 1000),
        )

    def pass_seconds(self, seconds: float) -> None:
        self.now += seconds
        self.health.tick()

    def fail(self) -> None:
        """Enough errors to open the breaker."""
        self.health.heard("telco", 0, 20, 0.1, 0.1)
        self.health.tick()


@pytest.fixture
def place() -> Place:
    return Place(settings_of())


def test_an_opening_is_told_to_the_deal_first_then_to_its_binds_and_to_operators(place: Place) -> None:
    place.fail()
    figures = {"cause": "errors", "detail": "errors 1.00 of 20", "retry_in_seconds": 30.0}
    assert place.told.take() == [
        ("standing", "telco", Standing(slots=0, holds_back=False)),
        ("halt", "telco"),
        ("breaker.opened", "telco", True, figures),
    ]
    place.pass_seconds(10)
    assert place.told.take() == []


def test_from_open_to_closed_operators_hear_of_each_change_once(place: Place) -> None:
    place.fail()
    place.pass_seconds(30)
    place.health.heard("telco", 0, 1, 0.1, 0.1)
    place.pass_seconds(0.25)
    place.pass_seconds(60)
    place.health.heard("telco", 5, 0, 0.1, 0.1)
    place.pass_seconds(0.25)
    place.pass_seconds(30)
    told = place.told.take()
    events = [(name, *rest[1:2]) for name, *rest in told if name.startswith("breaker")]
    assert [event[:1] if event[0] == "breaker.half_open" else event for event in events] == [
        ("breaker.opened", True),
        ("breaker.half_open",),
        ("breaker.opened", True),
        ("breaker.opened", False),
    ]
    assert told[-2] == ("standing", "telco", None)


def test_a_return_is_told_anew_at_each_look(place: Place) -> None:
    place.health.able("telco", True)
    place.told.waiting = Waiting(is_up=False)
    place.health.able("telco", False)
    place.health.tick()
    place.now += 2
    place.told.waiting = Waiting()
    place.health.able("telco", True)
    told = place.told.take()
    # Its standing before it may take anything.
    assert [one[0] for one in told] == ["able", "able", "standing", "able"]
    place.pass_seconds(0.25)
    place.pass_seconds(0.25)
    assert [(name, standing.slots) for name, _, standing in place.told.take()] == [("standing", 3), ("standing", 2)]
    place.pass_seconds(30)
    assert place.told.take() == [("standing", "telco", None)]


def test_a_pause_for_throttles_is_no_absence(place: Place) -> None:
    place.health.able("telco", True)
    place.health.able("telco", False)
    place.pass_seconds(30)
    place.health.able("telco", True)
    assert [one[0] for one in place.told.take()] == ["able"] * 3


def test_one_that_is_lost_while_it_is_paused_comes_back_bit_by_bit(place: Place) -> None:
    place.health.able("telco", True)
    place.health.able("telco", False)
    place.told.waiting = Waiting(is_up=False)
    place.pass_seconds(1)
    place.pass_seconds(1)
    place.told.waiting = Waiting()
    place.health.able("telco", True)
    assert [one[0] for one in place.told.take()] == ["able", "able", "standing", "able"]


def test_probes_that_came_to_nothing_are_given_again(place: Place) -> None:
    place.fail()
    place.pass_seconds(30)
    place.told.take()
    place.pass_seconds(0.5)
    assert place.told.take() == []
    place.pass_seconds(0.5)
    assert place.told.take() == [("standing", "telco", Standing(slots=5, holds_back=False))]


def test_what_it_leaves_unanswered_opens_it(place: Place) -> None:
    place.told.waiting = Waiting(21.0, 10, is_full=True)
    place.health.tick()
    view = place.health.view("telco")
    assert view is not None
    assert (view.state, view.cause) == (BreakerState.OPEN, Cause.LATENCY)


def test_missing_receipts_leave_it_as_the_last_resort() -> None:
    place = Place(settings_of(receipt_silence="2s"))
    place.health.heard("telco", 20, 0, 0.1, 0.1)
    place.pass_seconds(1.9)
    assert place.told.take() == []
    place.pass_seconds(0.1)
    assert place.told.take()[0] == ("standing", "telco", Standing(slots=0, holds_back=False, last_resort=True))
    place.health.received("telco", 1)
    place.health.tick()
    view = place.health.view("telco")
    assert view is not None
    assert view.state is BreakerState.HALF_OPEN


def test_a_status_stops_it_and_an_operator_has_it_tried(place: Place) -> None:
    place.health.stop("telco", "0x00000400")
    assert place.told.take()[:2] == [("standing", "telco", Standing(slots=0, holds_back=False)), ("halt", "telco")]
    place.health.probe("telco")
    assert place.told.take()[0] == ("standing", "telco", Standing(slots=5, holds_back=False))


def test_a_carrier_without_a_breaker_is_left_alone() -> None:
    place = Place(settings_of(breaker=False))
    place.fail()
    place.health.stop("telco", "0x00000400")
    place.health.unanswered("telco", 100)
    place.health.probe("telco")
    place.health.able("telco", True)
    assert place.told.take() == [("able", "telco", True)]
    assert place.health.view("telco") is None


def test_what_a_carrier_took_and_told_is_counted_even_without_a_breaker() -> None:
    place = Place(settings_of(breaker=False))
    place.health.heard("telco", 3, 1, 0.1, 0.1, others=2)
    place.health.received("telco", 2)
    place.health.heard("backup", 1, 0, 0.1, 0.1)
    assert place.health.counted() == {"telco": (3, 2), "backup": (1, 0)}


def test_other_settings_keep_what_is_open_and_let_go_of_what_is_gone(place: Place) -> None:
    place.fail()
    place.told.take()
    place.health.reconfigure(settings_of(breaker_pause="5s"))
    assert place.told.take() == []
    place.pass_seconds(5)
    assert place.told.take()[0] == ("standing", "telco", Standing(slots=5, holds_back=False))
    place.health.reconfigure(settings_of(breaker=False))
    assert place.told.take() == [
        ("standing", "telco", None),
        ("breaker.opened", "telco", False, {"cause": None, "detail": "it was let go"}),
    ]


def an_end(state: MessageState, carrier: str | None, sent_at: int = 0, done_at: int = 1_000) -> Ended:
    return Ended("transactional", "ES", int(state), carrier, None, sent_at, done_at)


def test_routes_by_quality_get_their_shares_from_how_messages_ended() -> None:
    place = Place(settings_of({"strategy": "quality", "explore": 0.1}))
    place.tierings.of("rest/ES")
    place.health.ended([an_end(MessageState.DELIVERED, "backup")] * 100)
    place.health.ended([an_end(MessageState.UNDELIVERED, "telco")] * 100)
    place.health.ended([an_end(MessageState.CANCELED, None), an_end(MessageState.EXPIRED, None)] * 100)
    place.health.measured.rank(place.tierings, round(place.now * 1000))
    (tier,) = place.tierings.of("rest/ES").tiers
    assert dict(zip(tier.carriers, tier.weights, strict=True)) == {"telco": 0.1, "backup": 0.9}
    qualities = {labels: round(score, 2) for labels, score in place.health.qualities()}
    assert qualities == {("backup", "ES"): 0.99, ("telco", "ES"): 0.08}


async def test_it_looks_four_times_a_second_and_ranks_each_five(autojump_clock: MockClock) -> None:
    settings = settings_of({"strategy": "quality"}, breaker_latency="1s")
    told, asked = Told(), []

    def tierings() -> Tierings:
        asked.append(trio.current_time())
        return Tierings(settings.routes)

    health = Health(settings, told, tierings, waiting=lambda carrier: told.waiting)
    async with trio.open_nursery() as nursery:
        await nursery.start(health.run)
        await wait_all_tasks_blocked()
        begun = trio.current_time()
        told.waiting = Waiting(1.0, 10)
        await trio.sleep(0.3)
        assert told.take() == [("standing", "telco", Standing(slots=0, holds_back=False))]
        await trio.sleep(11)
        assert [round(at - begun) for at in asked] == [0, 5, 10]
        nursery.cancel_scope.cancel()


# --- held by an operator


async def test_a_held_carrier_is_dealt_nothing_and_has_no_breaker() -> None:
    place = Place(settings_of())
    place.health.stop("telco", "ESME_RSYSERR")
    place.told.take()
    place.health.hold("telco")
    assert place.told.take() == [("standing", "telco", HELD)]
    place.health.take_back("telco")
    assert place.told.take() == [
        ("breaker.opened", "telco", False, {"cause": None, "detail": "it was let go"}),
        ("halt", "telco"),
    ]
    assert place.health.view("telco") is None
    place.health.heard("telco", 0, 100, 1.0, 1.0)
    place.health.stop("telco", "ESME_RSYSERR")
    place.health.tick()
    place.health.reconfigure(settings_of())
    place.health.able("telco", True)
    assert place.told.take() == [("able", "telco", True)]


async def test_one_that_is_resumed_has_its_whole_share_and_a_breaker_that_knows_nothing() -> None:
    place = Place(settings_of())
    place.health.stop("telco", "ESME_RSYSERR")
    place.health.hold("telco")
    place.health.take_back("telco")
    place.told.take()
    place.health.resume("telco")
    assert place.told.take() == [("standing", "telco", None)]
    view = place.health.view("telco")
    assert view is not None
    assert view.state is BreakerState.CLOSED


async def test_a_hold_that_came_to_nothing_leaves_its_breaker_as_it_was() -> None:
    place = Place(settings_of())
    place.health.stop("telco", "ESME_RSYSERR")
    stopped = next(told for told in place.told.take() if told[0] == "standing")
    place.health.hold("telco")
    place.health.tick()
    assert place.told.take() == [("standing", "telco", HELD)]
    place.health.resume("telco")
    assert place.told.take() == [("standing", "telco", None), stopped]
    view = place.health.view("telco")
    assert view is not None
    assert view.state is BreakerState.OPEN


async def test_what_a_held_carrier_was_dealt_is_taken_back() -> None:
    place = Place(settings_of())
    place.health.take_back("telco")
    assert place.told.take() == [("halt", "telco")]

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
import trio
import trio.testing
from bound_binds import IdleFeed

from gateway.carriers.bind import Bind
from gateway.carriers.bind_states import BindState
from gateway.carriers.carrier import Carrier
from gateway.carriers.traffic import Traffic
from gateway.metrics import BIND_REFUSALS
from protocol.codec import encode
from protocol.command_status import CommandStatus
from protocol.fields import HEADER_LENGTH
from protocol.numbers import BindMode
from protocol.pdus import SubmitSm
from protocol.session_events import CloseReason

A_BODY = encode(SubmitSm())[HEADER_LENGTH:]


class Network:
    """Hosts that answer a dial with a new SMSC, or refuse it."""

    def __init__(self, smsc_type: type[Any], nursery: trio.Nursery) -> None:
        self.smsc_type = smsc_type
        self.nursery = nursery
        self.down: set[str] = set()
        self.hanging = False
        self.bind_status: int | None = 0
        self.dials: list[tuple[float, str]] = []
        self.smscs: list[Any] = []
        self.binding = 0
        self.most_binding = 0

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        self.dials.append((trio.current_time(), host))
        if self.hanging:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        if host in self.down:
            raise OSError("connection refused")
        smsc = self.smsc_type(bind_status=self.bind_status)
        self.smscs.append(smsc)
        self.nursery.start_soon(smsc.run)
        stream: trio.abc.Stream = smsc.near
        return stream

    @property
    def gaps(self) -> list[float]:
        times = [at for at, _ in self.dials]
        return [later - earlier for earlier, later in pairwise(times)]


class Setup:
    def __init__(self, settings: Any, network: Network, rand: Callable[[], float]) -> None:
        self.network = network
        self.able: list[bool] = []
        self.binds: list[Bind] = []
        self.feeds: list[IdleFeed] = []
        traffic = Traffic(open_feed=self._open_feed, deliver=lambda bind, pdus: None)
        self.carrier = Carrier(settings, traffic, self._on_able, dial=network.dial, rand=rand)

    def _open_feed(self, bind: Bind) -> IdleFeed:
        self.binds.append(bind)
        self.feeds.append(IdleFeed())
        return self.feeds[-1]

    def _on_able(self, name: str, able: bool) -> None:
        assert name == "telco"
        self.able.append(able)

    @property
    def states(self) -> list[BindState]:
        return [view.state for view in self.carrier.views()]


@pytest.fixture
def started(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    @asynccontextmanager
    async def run(
        *, prepare: Callable[[Network], None] = lambda network: None, rand: float = 0.5, **given: Any
    ) -> AsyncIterator[Setup]:
        async with trio.open_nursery() as nursery:
            network = Network(scripted_smsc, nursery)
            prepare(network)
            setup = Setup(carrier_settings(**given), network, lambda: rand)
            await nursery.start(setup.carrier.run)
            await trio.testing.wait_all_tasks_blocked()
            yield setup
            nursery.cancel_scope.cancel()

    return run


async def test_it_keeps_every_configured_bind_up_and_says_so(started: Any, autojump_clock: Any) -> None:
    async with started(binds=3, window=7) as it:
        views = it.carrier.views()
        assert [view.name for view in views] == ["telco/1", "telco/2", "telco/3"]
        assert {view.state for view in views} == {BindState.BOUND}
        assert {(view.window, view.in_flight, view.room) for view in views} == {(7, 0, 7)}
        assert it.able == [True]
        assert [smsc.binds[0].system_id for smsc in it.network.smscs] == ["acme"] * 3
        assert it.network.smscs[0].binds[0].password == "secret"


async def test_a_pair_of_connections_makes_one_bind_where_the_carrier_wants_it(
    started: Any, autojump_clock: Any
) -> None:
    async with started(mode="transmitter+receiver") as it:
        assert [view.name for view in it.carrier.views()] == ["telco/1/transmitter", "telco/1/receiver"]
        assert [smsc.binds[0].mode for smsc in it.network.smscs] == [BindMode.TRANSMITTER, BindMode.RECEIVER]
        assert len(it.binds) == 1, "only the transmitter is fed"


async def test_a_receiver_alone_does_not_make_the_carrier_able(started: Any, autojump_clock: Any) -> None:
    async with started(mode="transmitter+receiver", reconnect_floor="5s") as it:
        it.network.down.add("one.example")
        await it.network.smscs[0].hang_up()
        await trio.testing.wait_all_tasks_blocked()
        assert it.able == [True, False]
        assert it.states == [BindState.WAITING, BindState.BOUND]


async def test_only_one_attempt_at_a_time(started: Any, autojump_clock: Any) -> None:
    async with started(
        prepare=lambda network: setattr(network, "bind_status", None), binds=3, bind_timeout="15s"
    ) as it:
        assert len(it.network.dials) == 1
        assert it.states.count(BindState.BINDING) == 1
        await trio.sleep(14)
        assert len(it.network.dials) == 1


async def test_reconnecting_backs_off_between_floor_and_ceiling(started: Any, autojump_clock: Any) -> None:
    async with started(
        prepare=lambda network: network.down.add("one.example"), reconnect_floor="5s", reconnect_ceiling="60s", rand=1.0
    ) as it:
        await trio.sleep(400)
        assert it.network.gaps[:5] == pytest.approx([10, 20, 40, 60, 60])
        view = it.carrier.views()[0]
        assert "connection refused" in view.last_error
        assert view.losses >= 6
        assert it.able == []


async def test_jitter_may_bring_every_wait_down_to_the_floor_but_never_below(started: Any, autojump_clock: Any) -> None:
    async with started(prepare=lambda network: network.down.add("one.example"), reconnect_floor="5s", rand=0.0) as it:
        await trio.sleep(60)
        assert it.network.gaps == pytest.approx([5.0] * len(it.network.gaps))
        assert len(it.network.gaps) >= 10


async def test_the_floor_holds_between_attempts_of_all_its_binds(started: Any, autojump_clock: Any) -> None:
    async with started(
        prepare=lambda network: network.down.add("one.example"), binds=4, reconnect_floor="5s", rand=0.3
    ) as it:
        await trio.sleep(120)
        assert min(it.network.gaps) >= 5.0 - 1e-6


async def test_a_carrier_that_takes_binds_and_drops_them_is_met_with_growing_waits(
    started: Any, autojump_clock: Any
) -> None:
    async with started(reconnect_floor="5s", rand=1.0) as it:
        for wait in (10, 20, 40):
            await it.network.smscs[-1].hang_up()
            await trio.sleep(wait + 1)
            assert it.states == [BindState.BOUND]
        assert it.network.gaps == pytest.approx([10, 21, 41])


async def test_after_a_steady_time_the_first_wait_is_short_again(started: Any, autojump_clock: Any) -> None:
    async with started(prepare=lambda network: network.down.add("one.example"), reconnect_floor="5s", rand=1.0) as it:
        await trio.sleep(100)
        it.network.down.clear()
        await trio.sleep(200)
        assert it.states == [BindState.BOUND]
        lost_at = trio.current_time()
        await it.network.smscs[-1].hang_up()
        await trio.sleep(15)
        assert it.network.dials[-1][0] - lost_at == pytest.approx(10)
        assert it.states == [BindState.BOUND]


async def test_the_next_host_is_tried_after_a_failure_and_the_first_again_after_a_loss(
    started: Any, autojump_clock: Any
) -> None:
    hosts = ["one.example:2775", "two.example:2776", "[2001:db8::7]:2777"]
    async with started(
        prepare=lambda network: network.down.update({"one.example", "two.example"}), hosts=hosts, reconnect_floor="5s"
    ) as it:
        await trio.sleep(11)
        assert [host for _, host in it.network.dials] == ["one.example", "two.example", "2001:db8::7"]
        assert it.carrier.views()[0].host == "[2001:db8::7]:2777"
        it.network.down.clear()
        await it.network.smscs[-1].hang_up()
        await trio.sleep(20)
        assert it.network.dials[-1][1] == "one.example"
        assert it.states == [BindState.BOUND]


def refusing(status: int) -> Callable[[Network], None]:
    return lambda network: setattr(network, "bind_status", int(status))


@pytest.mark.parametrize("status", [CommandStatus.ESME_RINVPASWD, CommandStatus.ESME_RINVSYSID])
async def test_pain_31_bad_credentials_stop_all_binds_of_the_carrier_and_are_said_aloud_once(
    started: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    with caplog.at_level(logging.INFO, "sluice.carriers"):
        async with started(prepare=refusing(status), binds=3) as it:
            await trio.sleep(890)
            assert len(it.network.dials) == 1, "no other bind is tried with them"
            assert it.states == [BindState.REFUSED, BindState.WAITING, BindState.WAITING]
            assert it.carrier.alarm == CommandStatus(status).name
            assert CommandStatus(status).name in it.carrier.views()[0].last_error
            await trio.sleep(7200)
            assert 5 <= len(it.network.dials) <= 9
            assert min(it.network.gaps) >= 900
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "bad_credentials" in errors[0]
    assert "secret" not in caplog.text


async def test_a_rebind_asked_for_tries_at_once_and_the_alarm_is_over_when_the_carrier_takes_it(
    started: Any, autojump_clock: Any
) -> None:
    async with started(prepare=refusing(CommandStatus.ESME_RINVPASWD), binds=2) as it:
        await trio.sleep(60)
        it.network.bind_status = 0
        it.carrier.rebind()
        await trio.testing.wait_all_tasks_blocked()
        assert it.carrier.alarm is None
        await trio.sleep(10)
        assert it.states == [BindState.BOUND, BindState.BOUND]


async def test_bind_failed_is_bad_credentials_only_when_it_comes_again_and_again(
    started: Any, autojump_clock: Any
) -> None:
    async with started(prepare=refusing(CommandStatus.ESME_RBINDFAIL), reconnect_floor="5s", rand=0.0) as it:
        await trio.sleep(9)
        assert it.carrier.alarm is None
        await trio.sleep(800)
        assert len(it.network.dials) == 3
        assert it.carrier.alarm == "ESME_RBINDFAIL"


async def test_a_refused_bind_beside_one_that_is_up_says_nothing_against_our_credentials(
    started: Any, autojump_clock: Any
) -> None:
    async with started(binds=2, reconnect_floor="5s", rand=0.0) as it:
        await trio.sleep(1)
        it.network.bind_status = int(CommandStatus.ESME_RINVPASWD)
        await it.network.smscs[1].hang_up()
        await trio.sleep(60)
        assert it.states == [BindState.BOUND, BindState.REFUSED]
        assert it.carrier.alarm is None
        it.network.bind_status = 0
        await it.network.smscs[0].hang_up()
        await trio.sleep(6)
        assert it.states[0] is BindState.BOUND, "the first is tried as ever"


async def test_pain_30_an_already_bound_place_is_tried_again_after_the_carriers_inactivity_timer(
    started: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    taken = BIND_REFUSALS.labels("telco", "already_bound")._value.get()
    with caplog.at_level(logging.INFO, "sluice.carriers"):
        async with started(
            prepare=refusing(CommandStatus.ESME_RALYBND), reconnect_floor="5s", inactivity_timeout="150s", rand=0.5
        ) as it:
            await trio.sleep(600)
            assert all(150 < gap <= 150 * 1.25 for gap in it.network.gaps)
            assert len(it.network.dials) == 4
            assert it.states == [BindState.WAITING], "a place that is taken, no fault of the credentials"
            assert it.carrier.alarm is None
    assert BIND_REFUSALS.labels("telco", "already_bound")._value.get() == taken + 4
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_in_turn_each_bind_begins_with_the_next_host(started: Any, autojump_clock: Any) -> None:
    hosts = ["one.example:2775", "two.example:2776", "three.example:2777"]
    async with started(hosts=hosts, hosts_order="round_robin", binds=4, reconnect_floor="5s") as it:
        assert [host for _, host in it.network.dials] == ["one.example", "two.example", "three.example", "one.example"]
        await it.network.smscs[0].hang_up()
        await trio.sleep(20)
        assert it.network.dials[-1][1] == "two.example", "not the one that has just been lost"
        assert it.states == [BindState.BOUND] * 4


async def test_in_turn_a_host_that_is_down_is_passed_over_after_the_floor(started: Any, autojump_clock: Any) -> None:
    hosts = ["one.example:2775", "two.example:2776"]
    async with started(
        prepare=lambda network: network.down.add("one.example"), hosts=hosts, hosts_order="round_robin", rand=1.0
    ) as it:
        await trio.sleep(5.5)
        assert [host for _, host in it.network.dials] == ["one.example", "two.example"]
        assert it.states == [BindState.BOUND]


async def test_after_the_messages_that_a_session_may_carry_it_is_made_anew_without_a_loss(
    started: Any, autojump_clock: Any
) -> None:
    async with started(messages_per_session=3, reconnect_floor="5s", window=10) as it:
        smsc = it.network.smscs[0]
        smsc.script = lambda pdu: 0
        await trio.sleep(60)
        it.binds[0].submit([(A_BODY, n) for n in range(5)])
        await trio.testing.wait_all_tasks_blocked()
        assert len(smsc.submits) == 3
        assert smsc.closed.reason is CloseReason.PEER_UNBOUND
        assert it.feeds[0].end == ([], [3, 4]), "the rest is given back unsent"
        assert it.states == [BindState.BOUND], "the last attempt is long ago: no floor to wait for"
        assert it.carrier.views()[0].losses == 0
        assert len(it.network.dials) == 2


async def test_sessions_that_end_quickly_still_keep_the_floor_between_binds(started: Any, autojump_clock: Any) -> None:
    async with started(messages_per_session=1, reconnect_floor="5s") as it:
        for _ in range(3):
            it.network.smscs[-1].script = lambda pdu: 0
            it.binds[-1].submit([(A_BODY, "token")])
            await trio.sleep(6)
        assert len(it.network.dials) == 4
        assert min(it.network.gaps) >= 5.0


async def test_the_bind_carries_what_the_carrier_asks_for(started: Any, autojump_clock: Any) -> None:
    async with started(
        address_range="346*", system_type="VMA", interface_version="5.0", password="more than eight", mode="transceiver"
    ) as it:
        (request,) = it.network.smscs[0].binds
        assert (request.address_range, request.system_type, request.interface_version) == ("346*", "VMA", 0x50)
        assert request.password == "more than eight"


async def test_pain_37_a_password_longer_than_eight_is_sent_whole_with_a_warning(
    started: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(password="ninechars") as it:
        assert it.network.smscs[0].binds[0].password == "ninechars"
    (warning,) = [record.getMessage() for record in caplog.records if "password" in record.getMessage()]
    assert "longer than the 8" in warning
    assert "ninechars" not in caplog.text


async def test_a_connection_that_never_opens_is_given_up(started: Any, autojump_clock: Any) -> None:
    async with started(
        prepare=lambda network: setattr(network, "hanging", True), connect_timeout="10s", reconnect_floor="5s", rand=0.0
    ) as it:
        await trio.sleep(31)
        assert it.network.gaps == pytest.approx([15, 15])
        assert "too long" in it.carrier.views()[0].last_error


async def test_able_is_told_when_the_first_bind_can_send_and_when_the_last_stops(
    started: Any, autojump_clock: Any
) -> None:
    async with started(binds=2, throttle_pause="1s", reconnect_floor="5s", rand=0.0) as it:
        first, second = it.binds
        first.throttled()
        assert it.able == [True]
        second.throttled()
        assert it.able == [True, False], "a paused bind cannot send"
        await trio.sleep(2)
        assert it.able == [True, False, True]
        await it.network.smscs[0].hang_up()
        await trio.testing.wait_all_tasks_blocked()
        assert it.able == [True, False, True]
        await it.network.smscs[1].hang_up()
        await trio.testing.wait_all_tasks_blocked()
        assert it.able == [True, False, True, False]


async def test_a_fault_of_ours_in_one_bind_is_logged_and_the_bind_comes_back(
    started: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(binds=2, reconnect_floor="5s") as it:

        def break_down(answers: list[Any]) -> None:
            raise ZeroDivisionError

        it.feeds[0].answered = break_down
        it.network.smscs[0].script = lambda pdu: 0
        it.binds[0].submit([(A_BODY, "token")])
        await trio.testing.wait_all_tasks_blocked()
        assert it.states == [BindState.WAITING, BindState.BOUND]
        assert "ZeroDivisionError" in caplog.text
        assert it.feeds[0].end is not None
        await trio.sleep(30)
        assert it.states == [BindState.BOUND, BindState.BOUND]


async def test_draining_waits_for_the_answers_unbinds_and_ends(started: Any, autojump_clock: Any) -> None:
    async with started(binds=2) as it:
        it.binds[0].submit([(A_BODY, "token")])
        await trio.testing.wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.carrier.drain, 30.0)
            await trio.sleep(3)
            assert it.states == [BindState.LEAVING, BindState.CLOSED]
            smsc = it.network.smscs[0]
            smsc.answer(smsc.submits[0])
            await smsc.flush()
        assert it.states == [BindState.CLOSED, BindState.CLOSED]
        assert it.feeds[0].end == ([], [])
        assert all(smsc.closed is not None for smsc in it.network.smscs)
        assert it.able == [True, False]
        await trio.sleep(1000)
        assert len(it.network.dials) == 2


async def test_draining_ends_in_time_whatever_the_carrier_does(started: Any, autojump_clock: Any) -> None:
    async with started() as it:
        it.binds[0].submit([(A_BODY, "token")])
        await trio.testing.wait_all_tasks_blocked()
        it.network.smscs[0].silent = True
        before = trio.current_time()
        await it.carrier.drain(20.0)
        assert trio.current_time() - before <= 26
        assert it.feeds[0].end == (["token"], [])


async def test_draining_stops_a_carrier_that_is_still_trying(started: Any, autojump_clock: Any) -> None:
    async with started(prepare=lambda network: network.down.add("one.example"), binds=3) as it:
        before = trio.current_time()
        await it.carrier.drain(30.0)
        assert trio.current_time() == before
        assert it.states == [BindState.CLOSED] * 3


async def test_the_binds_of_a_carrier_share_what_late_answers_taught(started: Any, autojump_clock: Any) -> None:
    async with started(binds=2) as setup:
        await trio.sleep(30)
        first, second = setup.binds
        assert first.session.window._patience is second.session.window._patience is setup.carrier.patience
        await setup.network.smscs[0].hang_up()
        await trio.sleep(60)
        assert len(setup.binds) == 3
        assert setup.binds[2].session.window._patience is setup.carrier.patience


async def test_a_throttle_cuts_the_window_of_the_first_connection_too(started: Any, autojump_clock: Any) -> None:
    async with started(window=8, throttle_pause="1s", rand=0.0) as it:
        assert it.binds[0].throttled()
        await trio.sleep(2)
        (view,) = it.carrier.views()
        assert (view.state, view.window_limit, view.room) == (BindState.BOUND, 4, 4)
        assert it.binds[0].session.window.limit == 4


async def test_a_reconnect_forgets_neither_the_throttle_nor_how_the_window_was_cut(
    started: Any, autojump_clock: Any
) -> None:
    async with started(window=8, throttle_pause="1s", reconnect_floor="5s", rand=0.0) as it:
        assert it.binds[0].throttled()
        await it.network.smscs[0].hang_up()
        await trio.sleep(6)
        (view,) = it.carrier.views()
        assert view.state is BindState.BOUND
        assert (view.window_limit, view.room) == (4, 4)
        assert view.submit_rate == 12, "the least pace, and a second's climb"
        assert it.binds[1].restraint is it.binds[0].restraint


async def test_a_reconnect_within_the_pause_waits_for_its_end(started: Any, autojump_clock: Any) -> None:
    async with started(throttle_pause="20s", reconnect_floor="5s", rand=0.0) as it:
        begun = trio.current_time()
        it.binds[0].throttled()
        await it.network.smscs[0].hang_up()
        await trio.sleep(10)
        assert it.states == [BindState.PAUSED]
        assert not it.carrier.able
        await trio.sleep_until(begun + 26)
        assert it.states == [BindState.BOUND]


async def test_a_carrier_whose_bind_reconnects_within_its_pause_is_never_able_meanwhile(
    started: Any, autojump_clock: Any
) -> None:
    """Tiers below wait for a second each time that it was able, so a flicker would hold up what they may send."""
    async with started(throttle_pause="20s", reconnect_floor="5s", rand=0.0) as it:
        it.binds[0].throttled()
        assert it.able == [True, False]
        await it.network.smscs[0].hang_up()
        await trio.sleep(10)
        assert len(it.binds) == 2
        assert it.able == [True, False]
        await trio.sleep(16)
        assert it.able == [True, False, True]


async def test_a_bind_that_reconnects_within_its_pause_lets_the_others_connect(
    started: Any, autojump_clock: Any
) -> None:
    async with started(binds=2, throttle_pause="30s", reconnect_floor="1s", rand=0.0) as it:
        it.binds[0].throttled()
        await it.network.smscs[0].hang_up()
        await trio.sleep(5)
        assert it.states == [BindState.PAUSED, BindState.BOUND]
        await it.network.smscs[1].hang_up()
        await trio.sleep(5)
        assert it.states == [BindState.PAUSED, BindState.BOUND]
        assert len(it.network.dials) == 4


async def test_it_tells_how_long_the_oldest_submit_of_a_bind_has_waited(started: Any, autojump_clock: Any) -> None:
    async with started() as it:

        def oldest() -> float:
            (view,) = it.carrier.views()
            return float(view.oldest_seconds)

        assert oldest() == 0
        it.network.smscs[0].silent = True
        it.binds[0].submit([(A_BODY, "first")])
        await trio.sleep(3)
        it.binds[0].submit([(A_BODY, "second")])
        await trio.sleep(4)
        assert oldest() == pytest.approx(7)
        await it.network.smscs[0].hang_up()
        await trio.testing.wait_all_tasks_blocked()
        assert oldest() == 0, "what a lost link leaves is in doubt"


async def test_a_reconnect_a_minute_later_begins_with_the_whole_window_and_no_brake(
    started: Any, autojump_clock: Any
) -> None:
    async with started(window=8, throttle_pause="1s", reconnect_floor="90s", rand=0.0) as it:
        it.binds[0].throttled()
        await it.network.smscs[0].hang_up()
        await trio.sleep(91)
        (view,) = it.carrier.views()
        assert (view.state, view.window_limit, view.submit_rate) == (BindState.BOUND, 8, 0)

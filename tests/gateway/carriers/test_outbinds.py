"""Carriers that call: outbind over loopback, the bind on that connection, and callers that are none of theirs."""

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
import trustme
from bound_binds import IdleFeed, StuckStream

from gateway.carriers.bind_states import BindState
from gateway.carriers.carrier import Carrier
from gateway.carriers.outbinds import MOST_UNSPOKEN
from gateway.carriers.traffic import Traffic
from protocol.codec import encode
from protocol.command_status import CommandStatus
from protocol.numbers import BindMode
from protocol.pdus import DeliverSm, EnquireLink, Outbind

HERE = ["127.0.0.1/32"]


class Setup:
    def __init__(self, carrier: Carrier, delivered: list[Any], smsc_type: type[Any], nursery: trio.Nursery) -> None:
        self.carrier = carrier
        self.delivered = delivered
        self._smsc_type = smsc_type
        self._nursery = nursery
        self.fault: Exception | None = None
        """What opening a feed raises."""

    async def call(self, *frames: bytes, tls: ssl.SSLContext | None = None, bind_status: int = 0) -> Any:
        """An SMSC that opens a connection and says this."""
        stream: Any = await trio.open_tcp_stream("127.0.0.1", self.carrier.outbind_ports[0])
        if tls is not None:
            stream = trio.SSLStream(stream, tls, server_hostname="acme.example")
        smsc = self._smsc_type(bind_status=bind_status)
        smsc._far = stream
        if frames:
            await stream.send_all(b"".join(frames))
        self._nursery.start_soon(self._serve, smsc)
        return smsc

    async def _serve(self, smsc: Any) -> None:
        try:
            await smsc.run()
        finally:
            await trio.aclose_forcefully(smsc._far)

    async def until(self, is_so: Callable[[], bool]) -> None:
        with trio.fail_after(30):
            while not is_so():  # noqa: ASYNC110 -- what is waited for has no event of its own
                await trio.sleep(0.005)

    def called(self) -> list[tuple[str, BindState]]:
        """The binds made after an outbind."""
        return [(view.name, view.state) for view in self.carrier.views() if "outbind" in view.name]


async def no_way(host: str, port: int) -> trio.abc.Stream:
    await trio.lowlevel.checkpoint()
    raise OSError("connection refused")


@pytest.fixture
def listening(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    @asynccontextmanager
    async def run(**given: Any) -> AsyncIterator[Setup]:
        settings = carrier_settings(**{"outbind_listen": ["127.0.0.1:0"], "outbind_from": HERE, **given})
        delivered: list[Any] = []

        def open_feed(bind: Any) -> IdleFeed:
            if setup.fault is not None:
                raise setup.fault
            return IdleFeed()

        traffic = Traffic(open_feed, lambda bind, pdus: delivered.extend(pdus))
        carrier = Carrier(settings, traffic, lambda name, able: None, dial=no_way)
        async with trio.open_nursery() as nursery:
            setup = Setup(carrier, delivered, scripted_smsc, nursery)
            await nursery.start(carrier.run)
            yield setup
            nursery.cancel_scope.cancel()

    return run


OUTBIND = encode(Outbind("smsc", "secret"))


async def test_an_outbind_is_answered_by_a_bind_on_that_connection_and_carries_traffic(listening: Any) -> None:
    async with listening() as it:
        smsc = await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
        assert (smsc.binds[0].system_id, smsc.binds[0].password) == ("acme", "secret")
        assert smsc.binds[0].mode is BindMode.TRANSCEIVER
        assert it.carrier.able
        smsc.deliver(DeliverSm(short_message=b"Hello"))
        await smsc.flush()
        await it.until(lambda: len(it.delivered) == 1)
        await smsc.hang_up()
        await it.until(lambda: it.called() == [])
        await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])


async def test_where_modes_are_apart_an_outbind_gets_a_receiver(listening: Any) -> None:
    async with listening(mode="transmitter+receiver") as it:
        smsc = await it.call(OUTBIND)
        await it.until(lambda: bool(smsc.binds))
        assert smsc.binds[0].mode is BindMode.RECEIVER


async def test_another_mode_holds_for_the_binds_that_are_made_after_the_next_outbind(
    listening: Any, carrier_settings: Callable[..., Any]
) -> None:
    async with listening(binds=2) as it:
        await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
        it.carrier.reconfigure(
            carrier_settings(outbind_listen=["127.0.0.1:0"], outbind_from=HERE, binds=2, mode="transmitter+receiver")
        )
        await it.until(lambda: it.called() == [])
        for number in (1, 2):
            smsc = await it.call(OUTBIND)
            await it.until(lambda: (f"telco/outbind/{number}", BindState.BOUND) in it.called())  # noqa: B023
            assert smsc.binds[0].mode is BindMode.RECEIVER
        assert {view.mode for view in it.carrier.views() if "outbind" in view.name} == {BindMode.RECEIVER}


async def test_an_outbind_without_a_password_is_taken_and_what_follows_it_is_not_lost(listening: Any) -> None:
    async with listening() as it:
        smsc = await it.call(encode(Outbind("", "")) + encode(EnquireLink(sequence=9)))
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
        assert smsc.binds


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (encode(Outbind("smsc", "wrong")), "another password"),
        (encode(EnquireLink(sequence=1)), "it said EnquireLink"),
        (b"GET / HTTP/1.1\r\n\r\n", "no outbind"),
        (b"\0\0\0\x10", "in time"),
        (b"", "in time"),
    ],
)
async def test_who_says_something_else_or_nothing_is_let_go_and_never_sees_our_password(
    listening: Any, caplog: pytest.LogCaptureFixture, frames: bytes, told: str
) -> None:
    async with listening(bind_timeout="300ms") as it:
        smsc = await it.call(frames)
        with trio.fail_after(30):
            await smsc.ended.wait()
        assert smsc.binds == []
        assert it.called() == []
        await it.until(lambda: told in caplog.text)
    assert "wrong" not in caplog.text.replace("outbind=refused", "")
    assert "secret" not in caplog.text


async def test_an_address_that_is_none_of_the_carriers_is_not_listened_to(
    listening: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(outbind_from=["192.0.2.0/24"]) as it:
        smsc = await it.call(OUTBIND)
        with trio.fail_after(30):
            await smsc.ended.wait()
        await it.until(lambda: "outbind_from" in caplog.text)


async def test_unless_it_is_said_the_hosts_of_the_carrier_may_call(listening: Any) -> None:
    async with listening(outbind_from=[], hosts=["127.0.0.1:2775"]) as it:
        await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
    async with listening(outbind_from=[], hosts=["192.0.2.1:2775"]) as it:
        smsc = await it.call(OUTBIND)
        with trio.fail_after(30):
            await smsc.ended.wait()


async def test_no_more_binds_are_made_than_are_configured(listening: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(binds=2) as it:
        for _ in range(2):
            await it.call(OUTBIND)
        await it.until(lambda: [state for _, state in it.called()] == [BindState.BOUND] * 2)
        third = await it.call(OUTBIND)
        with trio.fail_after(30):
            await third.ended.wait()
        assert third.binds == []
        assert "as many as `binds` says" in caplog.text


async def test_connections_that_say_nothing_are_bounded(listening: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(bind_timeout="30s") as it:
        silent = [await it.call() for _ in range(MOST_UNSPOKEN + 1)]
        with trio.fail_after(30):
            while not any(smsc.ended.is_set() for smsc in silent):  # noqa: ASYNC110
                await trio.sleep(0.005)
        assert sum(smsc.ended.is_set() for smsc in silent) == 1
        assert "too many" in caplog.text


async def test_draining_unbinds_what_was_made_by_outbind_and_lets_the_silent_go(listening: Any) -> None:
    async with listening(bind_timeout="30s") as it:
        smsc = await it.call(OUTBIND)
        silent = await it.call()
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
        with trio.fail_after(30):
            await it.carrier.drain(5.0)
            await smsc.ended.wait()
            await silent.ended.wait()
        assert smsc.closed is not None, "it was unbound"


async def test_a_carrier_that_is_to_have_no_binds_takes_no_outbind_until_it_may(
    listening: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as it:
        await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
        it.carrier.unbind()
        await it.until(lambda: it.called() == [])
        await it.call(OUTBIND)
        await it.until(lambda: "an operator holds the carrier" in caplog.text)
        it.carrier.bind_again()
        await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])


async def test_an_address_that_is_taken_is_said_at_the_start(carrier_settings: Callable[..., Any]) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    settings = carrier_settings(outbind_listen=[f"127.0.0.1:{port}"])
    carrier = Carrier(settings, Traffic(lambda bind: IdleFeed(), lambda bind, pdus: None), lambda name, able: None)
    with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="outbind_listen: cannot listen"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(carrier.run)
    await listener.aclose()


async def test_pain_36_with_tls_the_carriers_connection_is_met_with_our_certificate(
    listening: Any, tmp_path: Path
) -> None:
    authority = trustme.CA()
    ours = authority.issue_cert("acme.example")
    ours.private_key_and_cert_chain_pem.write_to_path(tmp_path / "acme.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    authority.issue_cert("smsc.example").configure_cert(context)
    tls = {"certificate_file": str(tmp_path / "acme.pem"), "ca_file": str(tmp_path / "ca.pem")}
    async with listening(tls=tls) as it:
        await it.call(OUTBIND, tls=context)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])


async def test_a_fault_of_ours_in_one_bind_after_outbind_ends_that_bind_alone(
    listening: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(binds=2) as it:
        await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
        it.fault = LookupError("a fault of ours")
        second = await it.call(OUTBIND)
        with trio.fail_after(30):
            await second.ended.wait()
        await it.until(lambda: "bind=telco/outbind/2 ended=link_dead" in caplog.text)
        assert "bind=telco/outbind/2 fault=ours" in caplog.text
        assert it.called() == [("telco/outbind/1", BindState.BOUND)]
        it.fault = None
        await it.call(OUTBIND)
        await it.until(lambda: [state for _, state in it.called()] == [BindState.BOUND] * 2)


class NoSuchName(trio.abc.HostnameResolver):
    async def getaddrinfo(self, host: Any, *rest: Any, **others: Any) -> Any:
        await trio.lowlevel.checkpoint()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise AssertionError("nobody asks for names")


@pytest.mark.parametrize("unknown", ["gone.telco.example", "x" * 64 + ".example"])
async def test_a_host_that_dns_does_not_know_hides_none_that_comes_after_it(
    listening: Any, caplog: pytest.LogCaptureFixture, unknown: str
) -> None:
    trio.socket.set_custom_hostname_resolver(NoSuchName())
    async with listening(outbind_from=[], hosts=[f"{unknown}:2775", "127.0.0.1:2775"]) as it:
        await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
        assert unknown in caplog.text


async def test_bad_credentials_after_an_outbind_raise_the_carriers_alarm_until_a_bind_is_taken(
    listening: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as it:
        await it.call(OUTBIND, bind_status=int(CommandStatus.ESME_RINVPASWD))
        await it.until(lambda: it.carrier.alarm == "ESME_RINVPASWD")
        assert it.called() == []
        told = [record for record in caplog.records if "refused=ESME_RINVPASWD" in record.message]
        assert [record.levelname for record in told] == ["ERROR"]
        assert it.carrier.not_before > trio.current_time() + 60, "nor do we call the carrier soon"
        await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
        assert it.carrier.alarm is None


async def test_a_carrier_without_hosts_is_never_dialled_and_takes_work_once_it_has_called(listening: Any) -> None:
    async with listening(hosts=[]) as it:
        assert it.carrier.views() == []
        assert not it.carrier.able
        it.carrier.rebind()
        await it.call(OUTBIND)
        await it.until(lambda: it.called() == [("telco/outbind/1", BindState.BOUND)])
        assert [view.name for view in it.carrier.views()] == ["telco/outbind/1"]
        assert it.carrier.able
        await it.carrier.drain(1.0)
        assert it.carrier.views() == []


class Watched(StuckStream):
    """A stream that tells of each time it is closed."""

    def __init__(self, inner: Any, closing: Callable[[], None]) -> None:
        super().__init__(inner)
        self._closing = closing

    async def aclose(self) -> None:
        self._closing()
        await super().aclose()


async def test_how_a_bind_ended_is_noted_before_another_call_may_have_its_place(
    listening: Any, scripted_smsc: Any
) -> None:
    async with listening(binds=1) as it, trio.open_nursery() as nursery:
        outbinds = it.carrier._outbinds
        (place,), smsc, seen = outbinds._places, scripted_smsc(), []
        stream = Watched(smsc.near, lambda: seen.append((place.bind is None, place.losses)))
        nursery.start_soon(smsc.run)
        nursery.start_soon(outbinds._live, place, stream)
        await it.until(lambda: place.state is BindState.BOUND)
        await smsc.hang_up()
        await smsc.ended.wait()
        await it.until(lambda: len(seen) == 2)
        assert seen == [(False, 0), (True, 1)]

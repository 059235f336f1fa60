"""TLS towards carriers: an SMSC of ours behind TLS, with certificates made for the test."""

import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
import trustme
from bound_binds import IdleFeed

from gateway.carriers.bind_states import BindState
from gateway.carriers.carrier import Carrier
from gateway.carriers.traffic import Traffic

AUTHORITY = trustme.CA()
CERTIFICATE = AUTHORITY.issue_cert("one.example", "10.0.0.7")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, and acme.pem with acme.key, which that authority gave us."""
    folder = tmp_path_factory.mktemp("tls")
    AUTHORITY.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    ours = AUTHORITY.issue_cert("acme.example")
    ours.private_key_pem.write_to_path(folder / "acme.key")
    for number, blob in enumerate(ours.cert_chain_pems):
        blob.write_to_path(folder / "acme.pem", append=number > 0)
    return folder


class TlsNetwork:
    """Every dial reaches an SMSC behind TLS."""

    def __init__(self, smsc_type: type[Any], nursery: trio.Nursery) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        CERTIFICATE.configure_cert(self.context)
        self.names: list[str | None] = []
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        self.is_plain = False
        self.smscs: list[Any] = []
        self._smsc_type = smsc_type
        self._nursery = nursery

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        smsc = self._smsc_type()
        if not self.is_plain:
            smsc._far = trio.SSLStream(smsc._far, self.context, server_side=True)
        self.smscs.append(smsc)
        self._nursery.start_soon(self._serve, smsc)
        stream: trio.abc.Stream = smsc.near
        return stream

    async def _serve(self, smsc: Any) -> None:
        await smsc.run()
        await trio.aclose_forcefully(smsc._far)


@pytest.fixture
def behind_tls(scripted_smsc: type[Any], carrier_settings: Callable[..., Any], files: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def run(
        tls: dict[str, Any],
        prepare: Callable[[TlsNetwork], None] = lambda network: None,
        hosts: tuple[str, ...] = ("one.example:2776",),
    ) -> AsyncIterator[tuple[Carrier, TlsNetwork]]:
        settings = carrier_settings(
            hosts=list(hosts), tls={key: str(files / v) if key.endswith("_file") else v for key, v in tls.items()}
        )
        async with trio.open_nursery() as nursery:
            network = TlsNetwork(scripted_smsc, nursery)
            prepare(network)
            traffic = Traffic(open_feed=lambda bind: IdleFeed(), deliver=lambda bind, pdus: None)
            carrier = Carrier(settings, traffic, lambda name, able: None, dial=network.dial, rand=lambda: 0.5)
            await nursery.start(carrier.run)
            await trio.testing.wait_all_tasks_blocked()
            yield carrier, network
            nursery.cancel_scope.cancel()

    return run


def one(carrier: Carrier) -> tuple[BindState, str]:
    (view,) = carrier.views()
    return view.state, view.last_error or ""


async def test_pain_36_a_bind_over_tls_asks_for_the_hosts_name(behind_tls: Any, autojump_clock: Any) -> None:
    async with behind_tls({"ca_file": "ca.pem"}) as (carrier, network):
        assert one(carrier) == (BindState.BOUND, "")
        assert network.names == ["one.example"]
        assert network.smscs[0].binds[0].system_id == "acme"


async def test_a_server_name_is_asked_for_and_checked_instead_of_the_host(behind_tls: Any, autojump_clock: Any) -> None:
    tls = {"ca_file": "ca.pem", "server_name": "one.example"}
    async with behind_tls(tls, hosts=("192.0.2.9:2776",)) as (carrier, network):
        assert one(carrier) == (BindState.BOUND, "")
        assert network.names == ["one.example"]


async def test_an_address_is_checked_too(behind_tls: Any, autojump_clock: Any) -> None:
    async with behind_tls({"ca_file": "ca.pem"}, hosts=("10.0.0.7:2776",)) as (carrier, _):
        assert one(carrier) == (BindState.BOUND, "")


@pytest.mark.parametrize(
    ("tls", "host", "told"),
    [
        ({"ca_file": "other-ca.pem"}, "one.example:2776", "set tls.ca_file"),
        ({}, "one.example:2776", "set tls.ca_file"),
        ({"ca_file": "ca.pem"}, "two.example:2776", "set tls.server_name"),
        ({"ca_file": "ca.pem"}, "10.0.0.8:2776", "set tls.server_name"),
    ],
)
async def test_a_certificate_that_proves_nothing_is_refused_with_what_to_do(
    behind_tls: Any, autojump_clock: Any, tls: dict[str, str], host: str, told: str
) -> None:
    async with behind_tls(tls, hosts=(host,)) as (carrier, network):
        state, error = one(carrier)
        assert state is BindState.WAITING
        assert told in error
        assert network.smscs[0].binds == [], "no password left us"


async def test_verify_false_takes_any_certificate_and_warns(
    behind_tls: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with behind_tls({"verify": False}, hosts=("two.example:2776",)) as (carrier, _):
        assert one(carrier) == (BindState.BOUND, "")
    assert [r for r in caplog.records if r.levelno == logging.WARNING and "tls.verify is false" in r.getMessage()]


def asking_for_ours(network: TlsNetwork) -> None:
    network.context.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.configure_trust(network.context)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_is_shown_where_it_is_asked_for(
    behind_tls: Any, autojump_clock: Any, version: ssl.TLSVersion
) -> None:
    def prepare(network: TlsNetwork) -> None:
        asking_for_ours(network)
        network.context.minimum_version = network.context.maximum_version = version

    tls = {"ca_file": "ca.pem", "certificate_file": "acme.pem", "key_file": "acme.key"}
    async with behind_tls(tls, prepare) as (carrier, _):
        assert one(carrier) == (BindState.BOUND, "")


@pytest.fixture
def telling_server() -> Iterator[tuple[ssl.SSLContext, int]]:
    """A server of the system's TLS, which says by an alert why it refuses (Trio's closes without one)."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def refuse() -> None:
            accepted, _ = listener.accept()
            with accepted, suppress(OSError):
                accepted.settimeout(10)
                with context.wrap_socket(accepted, server_side=True) as stream:
                    stream.recv(1000)

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        yield context, listener.getsockname()[1]
    thread.join(20)


async def lost_to(settings: Any) -> str:
    """Why the first attempt failed."""
    carrier = Carrier(settings, Traffic(lambda bind: IdleFeed(), lambda bind, pdus: None), lambda name, able: None)
    async with trio.open_nursery() as nursery:
        await nursery.start(carrier.run)
        with trio.fail_after(30):
            while not carrier.views()[0].losses:  # noqa: ASYNC110 -- it has no event
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    return carrier.views()[0].last_error or ""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_that_is_missing_is_said(
    telling_server: tuple[ssl.SSLContext, int], carrier_settings: Callable[..., Any], files: Path, version: Any
) -> None:
    context, port = telling_server
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.configure_trust(context)
    error = await lost_to(carrier_settings(hosts=[f"127.0.0.1:{port}"], tls={"ca_file": str(files / "ca.pem")}))
    assert "tls.certificate_file" in error
    assert "may speak no TLS" not in error, "the alert tells it"


async def test_a_version_that_is_too_old_is_said(
    telling_server: tuple[ssl.SSLContext, int], carrier_settings: Callable[..., Any], files: Path
) -> None:
    context, port = telling_server
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    tls = {"ca_file": str(files / "ca.pem"), "min_version": "1.3"}
    error = await lost_to(carrier_settings(hosts=[f"127.0.0.1:{port}"], tls=tls))
    assert "none as old as ours" in error


async def test_below_the_least_version_nothing_is_bound(behind_tls: Any, autojump_clock: Any) -> None:
    def old(network: TlsNetwork) -> None:
        network.context.maximum_version = ssl.TLSVersion.TLSv1_2

    async with behind_tls({"ca_file": "ca.pem", "min_version": "1.3"}, old) as (carrier, _):
        state, error = one(carrier)
        assert state is BindState.WAITING
        assert "tls.min_version" in error
    async with behind_tls({"ca_file": "ca.pem"}, old) as (carrier, _):
        assert one(carrier) == (BindState.BOUND, "")


async def test_a_carrier_without_tls_on_that_port_is_given_up_in_time(behind_tls: Any, autojump_clock: Any) -> None:
    # An SMSC reads our ClientHello as the length of a PDU, and closes or waits.
    async with behind_tls({"ca_file": "ca.pem"}, lambda network: setattr(network, "is_plain", True)) as (carrier, _):
        await trio.sleep(11)
        state, error = one(carrier)
        assert state is BindState.WAITING
        assert "TLS" in error


async def test_a_peer_that_just_closes_makes_no_noise_of_tls(
    behind_tls: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with behind_tls({"ca_file": "ca.pem"}) as (carrier, network):
        await network.smscs[0]._far.transport_stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert one(carrier) == (BindState.WAITING, "peer_closed: while bound")
    assert "SSL" not in caplog.text
    assert "violation" not in caplog.text


async def test_leaving_over_tls_unbinds_and_says_that_it_closes(behind_tls: Any, autojump_clock: Any) -> None:
    async with behind_tls({"ca_file": "ca.pem"}) as (carrier, network):
        await carrier.drain(10.0)
        smsc = network.smscs[0]
        assert smsc.closed is not None
        assert smsc.ended.is_set()


@pytest.fixture
def tls_settings(carrier_settings: Callable[..., Any], files: Path) -> Callable[..., Any]:
    def settings(**names: str) -> Any:
        return carrier_settings(tls={key: str(files / name) for key, name in names.items()}).tls

    return settings


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"ca_file": "missing.pem"}, "cannot be read"),
        ({"ca_file": "acme.key"}, "holds no certificate"),
        ({"key_file": "acme.key"}, "without certificate_file"),
        ({"certificate_file": "acme.pem"}, "give key_file"),
        ({"certificate_file": "ca.pem", "key_file": "acme.key"}, "not the key of"),
        ({"certificate_file": "acme.key", "key_file": "acme.key"}, "no PEM of those kinds"),
    ],
)
def test_files_that_cannot_work_are_told_before_the_start(
    tls_settings: Callable[..., Any], names: dict[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        tls_settings(**names)

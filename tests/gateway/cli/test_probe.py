"""`sluice probe` learns from the simulator what it was told to be, and asks before anything that costs."""

import socket
import threading
import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from probes import NUMBER, configured, learned, probed
from simulators import Simulator, simulating

from gateway.cli import main
from gateway.cli.probe_lessons import findings, profile, remedy
from gateway.cli.probe_observed import Delivery, Heard, Observed, Queried, Sent
from gateway.cli.probe_profile import name_of
from gateway.settings import load
from gateway.store.connection import lock
from protocol.command_status import CommandStatus
from protocol.numbers import BindMode
from protocol.pdus import DeliverSm, QuerySmResp
from protocol.receipts import read_receipt
from protocol.session import Session
from protocol.session_events import BindRequested
from protocol.session_states import Role

DONE_AT = datetime(2026, 11, 22, 18, 5)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulating(tmp_path_factory.mktemp("simulator"), "--first-id", "43981") as simulator:
        yield simulator


def test_a_bind_alone_tells_its_time_and_the_carriers_version(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probed(tmp_path, simulator.port) == 0
    told = capsys.readouterr().out
    assert "Probing telco with a bind of its own, as acme at 127.0.0.1:" in told
    assert "(sc_interface_version): 3.4 (0x34)" in told
    assert "enquire_link answered in " in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("id_format", "base"),
    [
        ("decimal", None),
        ("hex", None),
        ("hex-response-decimal-receipt", "decimal"),
        ("lower-receipt", None),
        ("padded", None),
        ("hex-tlv-decimal-text", None),
        ("uuid", None),
        ("long", None),
    ],
)
def test_the_form_of_ids_is_learned(simulator: Simulator, tmp_path: Path, id_format: str, base: str | None) -> None:
    simulator.set("id-format", id_format)
    try:
        assert learned(tmp_path, simulator).get("message_id") == base
    finally:
        simulator.set("id-format", "decimal")


def test_a_receipt_that_comes_before_its_answer_is_learned_from_too(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.set("receipt-first", "1")
    try:
        learned(tmp_path, simulator, "--long")
    finally:
        simulator.set("receipt-first", "0")
    assert "receipts came for 10 of 10 submit_sm" in capsys.readouterr().out


def test_receipts_that_nothing_marks_are_learned() -> None:
    pdu = DeliverSm(short_message=b"id:7 done date:2611221805 stat:DELIVRD err:000")
    receipt = read_receipt(pdu, text_only=True)
    assert receipt is not None
    heard = Heard(Sent("x", 1, 1, 0, "7"), pdu, receipt, False, 0.0)
    assert profile(Observed(bind_seconds=0.1, receipts=[heard])) == {"text_receipts": True}


@pytest.mark.parametrize("parts", ["first", "last"])
def test_the_part_that_has_a_receipt_is_learned(simulator: Simulator, tmp_path: Path, parts: str) -> None:
    simulator.set("receipt-parts", parts)
    try:
        assert learned(tmp_path, simulator, "--long", "--wait", "1s")["receipts_of"] == parts
    finally:
        simulator.set("receipt-parts", "every")


def test_what_is_learned_is_a_profile_that_the_carrier_takes(simulator: Simulator, tmp_path: Path) -> None:
    simulator.set("id-format", "hex-response-decimal-receipt")
    try:
        learned(tmp_path, simulator)
    finally:
        simulator.set("id-format", "decimal")
    settings = load(Path(configured(tmp_path, 1, 'profile = "learned.toml"')), {})
    assert settings.carriers["telco"].message_id.value == "decimal"


def test_a_window_of_one_takes_a_long_message_part_by_part(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert learned(tmp_path, simulator, "--long", lines=("window = 1",)) == {"query_sm": True}
    assert "receipts came for 10 of 10 submit_sm" in capsys.readouterr().out


def test_a_transmitter_and_a_receiver_are_probed_together(simulator: Simulator, tmp_path: Path) -> None:
    assert learned(tmp_path, simulator, lines=('mode = "transmitter+receiver"',)) == {"query_sm": True}


def test_deliveries_for_others_are_left_to_the_gateway(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.set("inbound", "2")
    try:
        learned(tmp_path, simulator)
    finally:
        simulator.set("inbound", "0")
    assert "other deliveries came; they were answered with ESME_RX_T_APPN" in capsys.readouterr().out


def test_a_refused_bind_is_told_with_its_remedy(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.set("bind-status", "ESME_RINVPASWD")
    try:
        assert probed(tmp_path, simulator.port) == 1
    finally:
        simulator.set("bind-status", "0")
    told = capsys.readouterr().err
    assert "The bind was refused: ESME_RINVPASWD. Compare system_id, password" in told


def test_a_host_that_is_not_there_is_told_with_its_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert probed(tmp_path, 1) == 1
    assert "No connection: 127.0.0.1:1: " in capsys.readouterr().err


@pytest.mark.parametrize("status", [5, 8, 13, 14, 3, 0x400])
def test_every_refusal_has_a_remedy(status: int) -> None:
    told = remedy(Observed(connect_seconds=0.1, refusal=status))
    assert told.startswith("The bind was refused: ")
    assert len(told) > 60


def test_nothing_is_sent_without_a_terminal_or_yes(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = simulator.figures()
    assert probed(tmp_path, simulator.port, "--to", NUMBER) == 2
    told = capsys.readouterr().err
    assert f"3 test messages go to {NUMBER}" in told
    assert "--yes" in told
    assert simulator.figures() == before


def test_beside_a_running_gateway_it_warns_of_the_place_it_may_take(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with lock(tmp_path / "sluice.db"):
        assert probed(tmp_path, simulator.port) == 2
        assert "A gateway runs with this configuration." in capsys.readouterr().err
        assert probed(tmp_path, simulator.port, "--yes") == 0
    assert probed(tmp_path, simulator.port) == 0


@pytest.mark.parametrize("arguments", [["nobody"], ["telco", "--to", "me", "--yes"]])
def test_what_is_asked_wrongly_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    assert main(["probe", *arguments, "--config", configured(tmp_path, 1)]) == 2


@pytest.mark.parametrize(
    ("hours", "zone"),
    [(0.0, None), (2.0, "Etc/GMT-2"), (-5.0, "Etc/GMT+5"), (5.5, "Asia/Kolkata"), (9.5, None)],
)
def test_the_zone_of_receipts_is_learned_by_our_clock(hours: float, zone: str | None) -> None:
    pdu = DeliverSm(esm_class=4, short_message=b"id:7 done date:2611221805 stat:DELIVRD err:000")
    receipt = read_receipt(pdu)
    assert receipt is not None
    # The receipt came 40 s after the minute that it tells.
    at = (DONE_AT - timedelta(hours=hours) - datetime(1970, 1, 1)).total_seconds() + 40
    observed = Observed(bind_seconds=0.1, receipts=[Heard(Sent("x", 1, 1, 0, "7"), pdu, receipt, True, at)])
    assert profile(observed).get("receipt_timezone") == zone
    observed.sent = [observed.receipts[0].sent]
    assert f"dates of receipts are UTC{hours:+g} h by this machine's clock" in list(findings(observed))


def test_what_a_phone_should_show_and_what_the_carrier_can_do_is_told(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert learned(tmp_path, simulator, "--long")["query_sm"] is True
    told = capsys.readouterr().out
    assert "    Sluice probe 1: @£$é {[~]}^|\\ €\n" in told
    assert "want another `alphabet`" in told
    assert "a long message by udh8 is taken" in told
    assert "user_message_reference is taken" in told
    assert "query_sm of the first id: ESME_ROK" in told
    assert "10 receipts were acknowledged" in told


@pytest.mark.parametrize(
    ("status", "told", "is_right"),
    [
        (0, QuerySmResp(0, "a1", "", 2), True),
        (0, QuerySmResp(0, "b2", "", 2), False),
        (0, QuerySmResp(0, "a1", "", 7), False),
        (0x67, None, False),
        (None, None, False),
    ],
)
def test_query_sm_is_learned_from_a_right_answer_alone(
    status: int | None, told: QuerySmResp | None, is_right: bool
) -> None:
    observed = Observed(bind_seconds=0.1, queried=Queried("a1", status, told))
    assert ("query_sm" in profile(observed)) is is_right


def test_the_profile_begins_with_what_the_carrier_has_and_the_advice_resolves(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "now.toml").write_text('window = 3\npriority_flags = { otp = 3 }\ntlvs = { "0x1400" = "é" }\n')
    file = tmp_path / "generic"
    sending = ["--to", NUMBER, "--yes", "--wait", "10s", "--toml", str(file)]
    assert probed(tmp_path, simulator.port, *sending, lines=('profile = "now.toml"',)) == 0
    written = tomllib.loads(file.read_text())
    assert written == {"window": 3, "priority_flags": {"otp": 3}, "tlvs": {"0x1400": "é"}, "query_sm": True}
    advice = capsys.readouterr().out.rpartition("[carriers.telco]: ")[2].strip()
    assert advice == 'profile = "./generic"'
    assert load(Path(configured(tmp_path, 1, advice)), {}).carriers["telco"].window == 3


def test_a_profile_is_named_beside_the_configuration_or_in_whole(tmp_path: Path) -> None:
    config = tmp_path / "etc" / "sluice.toml"
    assert name_of(tmp_path / "etc" / "a.toml", config) == "a.toml"
    assert name_of(tmp_path / "a.toml", config) == str(tmp_path.resolve() / "a.toml")


def test_a_profile_that_cannot_be_written_is_told_before_anything_is_sent(simulator: Simulator, tmp_path: Path) -> None:
    before = simulator.figures()
    assert probed(tmp_path, simulator.port, "--to", NUMBER, "--yes", "--toml", str(tmp_path / "no" / "a.toml")) == 2
    assert simulator.figures() == before


def test_a_probe_that_fails_leaves_the_profiles_file_as_it_was(tmp_path: Path) -> None:
    old = tmp_path / "old.toml"
    old.write_text("window = 3\n")
    assert probed(tmp_path, 1, "--toml", str(old)) == 1
    assert old.read_text() == "window = 3\n"
    assert probed(tmp_path, 1, "--toml", str(tmp_path / "new.toml")) == 1
    assert not (tmp_path / "new.toml").exists()


def test_a_refused_receiver_of_a_pair_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=take_transmitters, args=(listener,))
        serving.start()
        assert probed(tmp_path, listener.getsockname()[1], lines=('mode = "transmitter+receiver"',)) == 1
        serving.join(10)
    assert "The bind was refused: ESME_RBINDFAIL" in capsys.readouterr().err


def take_transmitters(listener: socket.socket) -> None:
    """Two connections: binds of transmitters are taken, others refused."""
    listener.settimeout(10)
    first = threading.Thread(target=take, args=(listener.accept()[0],))
    first.start()
    take(listener.accept()[0])
    first.join(10)


def take(connection: socket.socket) -> None:
    session = Session(
        Role.SMSC,
        window=10,
        response_timeout=60,
        enquire_link_idle=60,
        enquire_link_timeout=60,
        enquire_link_misses=2,
        bind_timeout=60,
    )
    with connection:
        connection.settimeout(10)
        while octets := connection.recv(4096):
            for event in session.receive_bytes(octets, 0.0):
                if isinstance(event, BindRequested) and event.pdu.mode is BindMode.TRANSMITTER:
                    session.accept_bind(event.pdu, "script", 0.0)
                elif isinstance(event, BindRequested):
                    session.refuse_bind(event.pdu, CommandStatus.ESME_RBINDFAIL)
            connection.sendall(session.bytes_to_send())


class Deliveries:
    """Receipts as a carrier hands them to a probe, and what each was answered."""

    def __init__(self, observed: Observed) -> None:
        self.observed = observed
        self.answers: list[CommandStatus] = []

    def come(self, message_id: str, number: str, esm_class: int = 4) -> list[CommandStatus]:
        text = f"id:{message_id} done date:2611221805 stat:DELIVRD err:000".encode()
        pdu = DeliverSm(source_addr=number, destination_addr="SHOP", esm_class=esm_class, short_message=text)
        self.observed.hear(Delivery(pdu, 0.0, 2.0, self.answers.append))
        return self.answers


OK, LEFT = CommandStatus.ESME_ROK, CommandStatus.ESME_RX_T_APPN


@pytest.mark.parametrize(
    ("message_id", "number", "answer"),
    [
        ("16", "34600000001", OK),
        ("16", "+34600000001", OK),
        ("16", "34600000002", LEFT),
        ("10", "34600000001", OK),
        ("10", "34600000002", LEFT),
        ("17", "34600000001", LEFT),
    ],
)
def test_a_receipt_is_acknowledged_when_number_and_id_are_a_test_messages(
    message_id: str, number: str, answer: CommandStatus
) -> None:
    observed = Observed(sent=[Sent("x", 1, 1, 0, "16", number="34600000001")])
    assert Deliveries(observed).come(message_id, number) == [answer]
    assert observed.acknowledged == ([message_id] if answer == OK else [])


def test_an_early_receipt_waits_unanswered_for_the_id_and_no_longer_than_its_limit() -> None:
    sent = Sent("x", 1, 1, number="34600000001")
    observed = Observed(sent=[sent, Sent("y", 1, 1, number="34600000001")])
    deliveries = Deliveries(observed)
    assert deliveries.come("7", "34600000001") == []
    assert deliveries.come("8", "34600000001") == []
    assert deliveries.come("9", "34600000002") == [LEFT]
    sent.status, sent.message_id = 0, "7"
    observed.hear_again()
    assert deliveries.answers == [LEFT, OK]
    observed.release(1.9)
    assert len(deliveries.answers) == 2
    observed.release(2.0)
    assert deliveries.answers == [LEFT, OK, LEFT]


@pytest.mark.parametrize(("text_receipts", "answer"), [(False, LEFT), (True, OK)])
def test_an_unmarked_receipt_teaches_and_is_acknowledged_only_with_text_receipts(
    text_receipts: bool, answer: CommandStatus
) -> None:
    sent = Sent("x", 1, 1, 0, "7", number="34600000001")
    observed = Observed(sent=[sent], text_receipts=text_receipts)
    assert Deliveries(observed).come("7", "34600000001", esm_class=0) == [answer]
    assert [heard.sent for heard in observed.receipts] == [sent]

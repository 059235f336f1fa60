"""Receipts in every dialect, one carrier each, from the wire to what the customer is told: pains 3, 5 and 8 to 17.

Spelled ids, early, doubled, foreign and forged receipts have their tests in tests/peers and test_receipt_ids.py.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from pain_stages import Pain, PainStage, staged
from scripted_smsc import Submit, receipt_body
from smpp_octets import DATA, DELIVER, data_body, delivery, tlv

pytestmark = pytest.mark.scenario

RECEIPT, ID, STATE, NETWORK_ERROR, PAYLOAD, PRIVATE = 0x04, 0x001E, 0x0427, 0x0423, 0x0424, 0x1400
DELIVERED, UNDELIVERABLE, SKIPPED = b"\x02", b"\x05", b"\x09"
USUAL = "id:{id} sub:001 dlvrd:001 submit date:{now} done date:{now} stat:{stat} err:{err} text:Hello"
Said = tuple[int, bytes]


class Dialect(NamedTuple):
    """One way to say what became of a message."""

    receipts: Callable[[Submit, str], list[Said]]
    """Of a submit_sm and the id in its answer: what is delivered."""
    status: str = "delivered"
    message_id: Callable[[int], str] = "{:08X}".format
    settings: Mapping[str, Any] = MappingProxyType({})
    err: str | None = None
    """What GET tells of the carrier's own words for an error."""
    network_error: str | None = None


def words(text: str, *, esm_class: int = RECEIPT, tlvs: str = "", end: bytes = b"", front: bytes = b"") -> Any:
    """A receipt by its text; `{id}` and so on stand for what they name. `tlvs`: hexadecimal, behind the text."""

    def say(submit: Submit, message_id: str) -> list[Said]:
        now = f"{datetime.now(UTC):%y%m%d%H%M}"
        filled = text.format(id=message_id, now=now, stat="DELIVRD", err="000").encode()
        return [
            (
                DELIVER,
                delivery(
                    submit.destination,
                    submit.source,
                    front + filled + end,
                    esm_class=esm_class,
                    tlvs=bytes.fromhex(tlvs),
                ),
            )
        ]

    return say


def parameters(
    *, text: str = "", named: bool = True, state: bytes = DELIVERED, end: bytes = b"", more: bytes = b""
) -> Any:
    """A receipt by its TLVs."""

    def say(submit: Submit, message_id: str) -> list[Said]:
        tlvs = (tlv(ID, message_id.encode() + end) if named else b"") + tlv(STATE, state) + more
        octets = text.format(id=message_id).encode()
        return [(DELIVER, delivery(submit.destination, submit.source, octets, esm_class=RECEIPT, tlvs=tlvs))]

    return say


def by_data_sm(submit: Submit, message_id: str) -> list[Said]:
    tlvs = tlv(ID, message_id.encode()) + tlv(STATE, DELIVERED)
    return [(DATA, data_body(submit.destination, submit.source, esm_class=RECEIPT, tlvs=tlvs))]


def in_message_payload(submit: Submit, message_id: str) -> list[Said]:
    text = tlv(PAYLOAD, f"id:{message_id} stat:DELIVRD err:000".encode())
    return [(DELIVER, delivery(submit.destination, submit.source, b"", esm_class=RECEIPT, tlvs=text))]


def with_both_addresses(which: str) -> Any:
    def say(submit: Submit, message_id: str) -> list[Said]:
        address = getattr(submit, which)
        return [(DELIVER, delivery(address, address, f"id:{message_id} stat:DELIVRD".encode(), esm_class=RECEIPT))]

    return say


def of_states(*stats: str) -> Any:
    def say(submit: Submit, message_id: str) -> list[Said]:
        return [(DELIVER, receipt_body(submit, message_id, stat)) for stat in stats]

    return say


def dated(form: str, **ahead: float) -> Any:
    """Both dates are of now in a zone so far ahead of UTC."""

    def say(submit: Submit, message_id: str) -> list[Said]:
        now = f"{datetime.now(UTC) + timedelta(**ahead):{form}}"
        text = f"id:{message_id} submit date:{now} done date:{now} stat:DELIVRD err:000".encode()
        return [(DELIVER, delivery(submit.destination, submit.source, text, esm_class=RECEIPT))]

    return say


DIALECTS: dict[str, Dialect] = {
    "pain_3_a_uuid_in_other_case": Dialect(
        words("id:{id} stat:DELIVRD"), message_id=lambda n: f"0F8FAD5B-d9cb-469f-A165-{n:012x}"
    ),
    "pain_3_a_number_of_64_bits_in_the_other_base": Dialect(
        lambda submit, message_id: words(f"id:{int(message_id, 16)} stat:DELIVRD")(submit, message_id),
        message_id=lambda n: f"812FC747{n:08X}",
    ),
    "pain_3_an_id_with_a_hyphen": Dialect(words("id:{id} stat:DELIVRD"), message_id="SAR-00a1-{}".format),
    "pain_9_accepted_by_the_carrier_is_not_delivered": Dialect(of_states("ACCEPTD"), status="sent"),
    "pain_12_id_and_state_alone": Dialect(words("id:{id} stat:DELIVRD")),
    "pain_12_state_before_id_and_no_dates": Dialect(words("stat:DELIVRD err:000 id:{id}")),
    "pain_12_keys_in_capitals_and_blanks_behind_them": Dialect(words("ID: {id} STAT: DELIVRD ERR: 000")),
    "pain_12_submitdate_as_one_word": Dialect(words("id:{id} submitdate:{now} donedate:{now} stat:DELIVRD")),
    "pain_13_a_stray_octet_before_the_text": Dialect(words(USUAL, front=b"\x6e")),
    "pain_13_nul_inside_sm_length": Dialect(words(USUAL, end=b"\0")),
    "pain_13_nul_after_short_message": Dialect(words(USUAL, tlvs="00")),
    "pain_13_an_id_with_nul_in_its_tlv": Dialect(parameters(end=b"\0")),
    "pain_13_an_id_without_nul_in_its_tlv": Dialect(parameters()),
    "pain_14_state_as_tlv_and_id_in_the_text": Dialect(parameters(text="id:{id} err:000", named=False)),
    "pain_14_another_id_in_the_text": Dialect(parameters(text="id:4711 stat:DELIVRD")),
    "pain_14_another_state_in_the_text": Dialect(parameters(text="id:{id} stat:UNDELIV err:001")),
    "pain_15_an_error_of_letters": Dialect(
        words("id:{id} stat:UNDELIV err:4A6 text:"), status="undelivered", err="4A6"
    ),
    "pain_15_an_error_of_four_digits": Dialect(words("id:{id} stat:REJECTD err:0042"), status="rejected", err="0042"),
    "pain_15_an_error_that_says_null": Dialect(
        words("id:{id} stat:UNDELIV err:null"), status="undelivered", err="null"
    ),
    "pain_15_network_error_code": Dialect(
        parameters(state=UNDELIVERABLE, more=tlv(NETWORK_ERROR, b"\x03\x00\x01")),
        status="undelivered",
        network_error="gsm:1",
    ),
    "pain_16_dates_of_ten_digits_and_another_zone": Dialect(
        dated("%y%m%d%H%M", hours=8), settings={"receipt_timezone": "Asia/Shanghai"}
    ),
    "pain_16_dates_of_twelve_digits_and_another_zone": Dialect(
        dated("%y%m%d%H%M%S", hours=5.5), settings={"receipt_timezone": "Asia/Kolkata"}
    ),
    "pain_16_dates_of_fourteen_digits": Dialect(dated("%Y%m%d%H%M%S")),
    "pain_17_a_data_sm": Dialect(by_data_sm),
    "pain_17_a_message_payload": Dialect(in_message_payload),
    "pain_26_private_tlvs_and_a_standard_one_of_no_length": Dialect(words(USUAL, tlvs="1400 0003 0102ff 020c 0000")),
    "trap_5_the_recipient_twice_as_address": Dialect(with_both_addresses("destination")),
    "trap_5_the_sender_twice_as_address": Dialect(with_both_addresses("source")),
    "trap_6_a_zero_as_id": Dialect(words("id:{id} stat:DELIVRD"), message_id=lambda n: "0"),
    "trap_6_an_id_of_64_characters": Dialect(words("id:{id} stat:DELIVRD"), message_id="{:064}".format),
    "trap_18_skipped_beside_undeliverable": Dialect(
        parameters(text="id:{id} stat:UNDELIVERABLE", state=SKIPPED), status="undelivered"
    ),
    "trap_19_month_and_year_of_zeros": Dialect(
        words("id:{id} submit date:0000100000 done date:000000000000 stat:DELIVRD err:000")
    ),
    "trap_19_done_before_submit": Dialect(
        words("id:{id} submit date:2611221900 done date:2611211900 stat:DELIVRD err:000")
    ),
}
OTHERS: dict[str, Dialect] = {
    "contradictory": Dialect(of_states("DELIVRD", "ENROUTE", "UNDELIV", "DELIVRD")),
    "pending_first": Dialect(of_states("ENROUTE", "ACCEPTD", "DELIVRD")),
}


def pain(dialect: Dialect) -> Pain:
    order = itertools.count(0xA1)

    def script(submit: Submit) -> None:
        message_id = dialect.message_id(next(order))
        submit.answer(message_id)
        for place, (command, body) in enumerate(dialect.receipts(submit, message_id)):
            smsc = submit.link.smsc
            smsc.later(0.05 * (1 + place), partial(smsc.deliver, body, command=command))

    return Pain(script, dialect.settings)


def on_another_session() -> Pain:
    """Answered, and then every connection breaks; the receipt comes on the next one, which only receives."""

    def script(submit: Submit) -> None:
        submit.answer("A1")
        smsc = submit.link.smsc

        def go_on() -> None:
            for link in list(smsc.links):
                link.cut()
            smsc.receipt(submit, "A1")

        smsc.later(0.2, go_on)

    return Pain(script, {"mode": "transmitter+receiver"})


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PainStage]:
    pains = {name: pain(dialect) for name, dialect in (DIALECTS | OTHERS).items()}
    with staged(tmp_path_factory.mktemp("dialects"), pains | {"another_session": on_another_session()}) as stage:
        yield stage


@pytest.mark.parametrize("name", DIALECTS)
def test_a_receipt_is_read_as_its_carrier_means_it(stage, name):
    dialect, smsc = DIALECTS[name], stage.smscs[name]
    before = datetime.now(UTC)
    message = stage.send(name)

    stage.webhooks.wait(message, dialect.status)
    steps = stage.wait_receipts(message, 1)

    seen = stage.gateway.message(message["id"])
    assert seen["status"] == dialect.status
    assert [step["applied"] for step in steps] == [dialect.status != "sent"]
    smsc.acknowledged.wait()
    assert set(smsc.acknowledged.all()) == {(0, 17)}, "as an SMSC wants it, and once for all"
    said = (seen["error"] or {}).get("carrier_code") or {}
    assert (said.get("err"), said.get("network_error_code")) == (dialect.err, dialect.network_error)
    if dialect.status != "sent":
        done = datetime.fromisoformat(seen["done_at"])
        assert before - timedelta(minutes=1) <= done <= datetime.now(UTC), "in UTC, whatever the receipt's zone"
    assert [event["status"] for event in events(stage, message)] == list(dict.fromkeys(["sent", dialect.status]))


def test_pain_8_delivered_stays_delivered_whatever_comes_after_and_all_is_kept(stage):
    message = stage.send("contradictory")

    steps = stage.wait_receipts(message, 3)

    assert [(step["state"], step["applied"]) for step in steps] == [
        ("DELIVRD", True),
        ("ENROUTE", False),
        ("UNDELIV", False),
    ]
    assert stage.gateway.message(message["id"])["status"] == "delivered"
    assert [event["status"] for event in events(stage, message)] == ["sent", "delivered"]


def test_pain_8_states_on_the_way_are_kept_and_told_to_nobody(stage):
    message = stage.send("pending_first")

    stage.webhooks.wait(message, "delivered")

    assert [step["state"] for step in stage.wait_receipts(message, 3)] == ["ENROUTE", "ACCEPTD", "DELIVRD"]
    assert [event["status"] for event in events(stage, message)] == ["sent", "delivered"]


def test_pain_5_a_receipt_on_a_later_session_that_only_receives_ends_its_message(stage):
    message = stage.send("another_session")

    stage.webhooks.wait(message, "delivered")

    (step,) = stage.timeline(message)
    assert step["applied"] is True
    assert len(stage.smscs["another_session"].binds) >= 3
    assert [event["status"] for event in events(stage, message)] == ["sent", "delivered"]


def events(stage: PainStage, message: dict[str, Any]) -> list[dict[str, Any]]:
    return stage.webhooks.events.all(lambda event: event.get("message_id") == message["id"])

from collections.abc import Callable
from typing import Any

import pytest

from gateway.flows.submits import Submits
from gateway.rules.options import MessageOptions
from gateway.store.interface import Claim, ClaimedSegment
from protocol.codec import encode
from protocol.errors import LocalProtocolError
from protocol.fields import HEADER_LENGTH, write_tlvs
from protocol.numbers import Tlv
from protocol.pdus import SubmitSm
from protocol.references import reference_16
from protocol.segments import Segment

NOW = 1_750_000_000_000
PLAIN = Segment(b"hello", esm_class=0, data_coding=0, part=1, total=1)
PART = Segment(b"\5\0\3\1\2\1\0h\0i", esm_class=0x40, data_coding=8, part=1, total=2)


def a_claim(**changes: Any) -> Claim:
    values = {
        "message": 1,
        "account": "shop",
        "lane": "otp",
        "sender": "SHOP",
        "recipient": "+34600000001",
        "expires_at": NOW + 90_000,
        "tries": 0,
        "throttles": 0,
        "segments": [ClaimedSegment(1, PLAIN)],
    }
    return Claim(**{**values, **changes})


def the_body(**fields: Any) -> bytes:
    """As the codec writes it."""
    values = {
        "source_addr_ton": 5,
        "source_addr": "SHOP",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": "34600000001",
        "validity_period": "000000000130000R",
        "registered_delivery": 1,
        "short_message": b"hello",
    }
    return encode(SubmitSm(**{**values, **fields}))[HEADER_LENGTH:]


def test_what_is_kept_of_one_message_is_not_mixed_up_with_another(carrier_settings: Callable[..., Any]) -> None:
    submits, others = Submits(carrier_settings()), Submits(carrier_settings(service_type="WAP", dest_ton=0))
    number = {"source_addr_ton": 1, "source_addr_npi": 1, "source_addr": "34600123456"}
    wide = {"esm_class": 0x40, "data_coding": 8, "short_message": PART.short_message}
    for _ in range(2):
        assert submits.body(a_claim(), PLAIN, NOW) == the_body()
        assert submits.body(a_claim(recipient="+34600000002"), PART, NOW) == the_body(
            destination_addr="34600000002", **wide
        )
        assert submits.body(a_claim(sender="+34600123456"), PLAIN, NOW) == the_body(**number)
        assert submits.body(a_claim(), PLAIN, NOW + 30_000) == the_body(validity_period="000000000100000R")
        assert others.body(a_claim(), PLAIN, NOW) == the_body(service_type="WAP", dest_addr_ton=0)


@pytest.mark.parametrize("late_ms", [90_000, 90_999, 10**9])
def test_at_least_a_second_of_validity_is_asked_for(carrier_settings: Callable[..., Any], late_ms: int) -> None:
    body = Submits(carrier_settings()).body(a_claim(), PLAIN, NOW + late_ms)
    assert body == the_body(validity_period="000000000001000R")


@pytest.mark.parametrize("changes", [{"sender": "x" * 21}, {"sender": "€"}, {"recipient": "+" + "1" * 21}])
def test_what_no_frame_can_hold_is_refused_each_time(
    carrier_settings: Callable[..., Any], changes: dict[str, str]
) -> None:
    submits = Submits(carrier_settings())
    for _ in range(2):
        with pytest.raises(LocalProtocolError):
            submits.body(a_claim(**changes), PLAIN, NOW)


def test_validity_is_told_as_an_absolute_time_in_utc_where_the_carrier_wants_that(
    carrier_settings: Callable[..., Any],
) -> None:
    submits = Submits(carrier_settings(validity_period="absolute"))
    for now in (NOW, NOW + 30_000):
        assert submits.body(a_claim(), PLAIN, now) == the_body(validity_period="250615150810000+")
    later = a_claim(expires_at=NOW + 91_000)
    assert submits.body(later, PLAIN, NOW) == the_body(validity_period="250615150811000+")


@pytest.mark.parametrize("late_ms", [90_000, 90_500])
def test_an_absolute_validity_is_never_over(carrier_settings: Callable[..., Any], late_ms: int) -> None:
    submits = Submits(carrier_settings(validity_period="absolute"))
    assert submits.body(a_claim(), PLAIN, NOW + late_ms) == the_body(validity_period="250615150811000+")


def test_no_validity_is_told_to_a_carrier_that_takes_none(carrier_settings: Callable[..., Any]) -> None:
    submits = Submits(carrier_settings(validity_period="none"))
    for claim in (a_claim(), a_claim(expires_at=0)):
        assert submits.body(claim, PLAIN, NOW) == the_body(validity_period="")


def test_priority_flag_follows_the_lane(carrier_settings: Callable[..., Any]) -> None:
    submits = Submits(carrier_settings(priority_flags={"otp": 3, "transactional": 1}))
    flags = {"otp": 3, "transactional": 1, "promotional": 0}
    for _ in range(2):
        for lane, flag in flags.items():
            assert submits.body(a_claim(lane=lane), PLAIN, NOW) == the_body(priority_flag=flag)


@pytest.mark.parametrize(
    ("receipts_of", "asking"),
    [("every", [1, 1, 1]), ("first", [1, 0, 0]), ("last", [0, 0, 1]), ("one", [1, 1, 1])],
)
def test_pain_22_the_parts_that_the_carrier_reports_ask_for_a_receipt(
    carrier_settings: Callable[..., Any], receipts_of: str, asking: list[int]
) -> None:
    submits = Submits(carrier_settings(receipts_of=receipts_of))
    for _ in range(2):
        for part, registered in enumerate(asking, 1):
            segment = Segment(b"hello", 0x40, 0, part, 3)
            body = submits.body(a_claim(), segment, NOW)
            assert body == the_body(esm_class=0x40, registered_delivery=registered)
        assert submits.body(a_claim(), PLAIN, NOW) == the_body()


def test_the_carriers_tlvs_stand_behind_every_submit(carrier_settings: Callable[..., Any]) -> None:
    submits = Submits(carrier_settings(tlvs={"0x1400": "1201159", "0x1500": "hex:0501"}))
    tlvs = {0x1400: b"1201159", 0x1500: b"\5\1"}
    assert submits.body(a_claim(), PLAIN, NOW) == the_body(tlvs=tlvs)
    assert submits.body(a_claim(options=MessageOptions(flash=True)), PLAIN, NOW) == the_body(tlvs=tlvs)


def test_a_messages_own_tlvs_go_where_the_carrier_takes_them_and_before_the_carriers(
    carrier_settings: Callable[..., Any],
) -> None:
    own = MessageOptions(tlvs={"0x1401": "template", "0x1400": "hex:ff", "0x1402": "secret"})
    claim = a_claim(options=own)
    picky = Submits(carrier_settings(tlvs={"0x1400": "entity"}, message_tlvs=["0x1401", "0x1400"]))
    assert picky.body(claim, PLAIN, NOW) == the_body(tlvs={0x1400: b"\xff", 0x1401: b"template"})
    assert picky.body(a_claim(), PLAIN, NOW) == the_body(tlvs={0x1400: b"entity"})
    assert Submits(carrier_settings()).body(claim, PLAIN, NOW) == the_body()


def test_the_tlvs_of_a_segment_are_sent_with_it(carrier_settings: Callable[..., Any]) -> None:
    payload = Segment(b"", 0, 0, 1, 1, write_tlvs({Tlv.MESSAGE_PAYLOAD: b"x" * 300}))
    expected = {Tlv.MESSAGE_PAYLOAD: b"x" * 300}
    assert Submits(carrier_settings()).body(a_claim(), payload, NOW) == the_body(short_message=b"", tlvs=expected)
    submits = Submits(carrier_settings(tlvs={"0x1400": "entity"}))
    expected |= {0x1400: b"entity"}
    assert submits.body(a_claim(), payload, NOW) == the_body(short_message=b"", tlvs=expected)


def test_user_message_reference_tells_the_attempt(carrier_settings: Callable[..., Any]) -> None:
    submits = Submits(carrier_settings(user_message_reference=True))
    for number in (1, 2):
        claim = a_claim(message=77, segments=[ClaimedSegment(number, PLAIN)])
        told = reference_16(77, 1, number).to_bytes(2, "big")
        assert submits.body(claim, PLAIN, NOW) == the_body(tlvs={Tlv.USER_MESSAGE_REFERENCE: told})


def test_no_time_of_delivery_is_asked_of_a_carrier(carrier_settings: Callable[..., Any]) -> None:
    # What is scheduled waits in the store, where it can still be canceled and told.
    assert Submits(carrier_settings()).body(a_claim(), PLAIN, NOW) == the_body(schedule_delivery_time="")


@pytest.mark.parametrize(
    ("form", "time"),
    [("relative", "000000000021000R"), ("absolute", "250615150701000+"), ("none", "")],
)
def test_a_time_is_told_in_the_carriers_form_rounded_up(
    carrier_settings: Callable[..., Any], form: str, time: str
) -> None:
    submits = Submits(carrier_settings(schedule_delivery_time=form))
    claim = a_claim(options=MessageOptions(deliver_at=NOW + 20_001))
    assert submits.body(claim, PLAIN, NOW) == the_body(schedule_delivery_time=time)
    assert submits.body(a_claim(), PLAIN, NOW) == the_body()


def test_a_time_that_is_over_is_not_told(carrier_settings: Callable[..., Any]) -> None:
    submits = Submits(carrier_settings(schedule_delivery_time="absolute"))
    assert submits.body(a_claim(options=MessageOptions(deliver_at=NOW)), PLAIN, NOW) == the_body()

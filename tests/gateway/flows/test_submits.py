from collections.abc import Callable
from typing import Any

import pytest

from gateway.flows.submits import Submits
from gateway.store.interface import Claim, ClaimedSegment
from protocol.codec import encode
from protocol.errors import LocalProtocolError
from protocol.fields import HEADER_LENGTH
from protocol.pdus import SubmitSm
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

from collections.abc import Callable
from typing import Any

import pytest

from gateway.carriers.addresses import Addresses, e164


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("SHOP", (5, 0, "SHOP")),
        ("+34600123456", (1, 1, "34600123456")),
        ("34600123456", (1, 1, "34600123456")),
        ("12345", (3, 0, "12345")),
    ],
)
def test_a_sender_has_its_kind_and_no_plus(
    carrier_settings: Callable[..., Any], sender: str, address: tuple[int, int, str]
) -> None:
    addresses = Addresses(carrier_settings())
    assert addresses.source(sender) == address


def test_a_carriers_settings_win_even_when_they_say_zero(carrier_settings: Callable[..., Any]) -> None:
    addresses = Addresses(carrier_settings(source_ton=0, source_npi=0, dest_ton=0, dest_npi=0))
    assert addresses.source("SHOP") == (0, 0, "SHOP")
    assert (addresses.dest_ton, addresses.dest_npi) == (0, 0)


def test_pain_41_numbers_keep_their_plus_where_the_carrier_wants_it(carrier_settings: Callable[..., Any]) -> None:
    addresses = Addresses(carrier_settings(keep_plus=True))
    assert [addresses.source(sender).addr for sender in ("34600000000", "SHOP")] == ["+34600000000", "SHOP"]
    assert "+34600000001".removeprefix(addresses.mark) == "+34600000001"


@pytest.mark.parametrize(
    ("ton", "addr", "number"),
    [(1, "34600000001", "+34600000001"), (1, "", ""), (5, "SHOP", "SHOP"), (3, "12345", "12345")],
)
def test_a_peers_address_has_its_plus_where_it_is_international(ton: int, addr: str, number: str) -> None:
    assert e164(ton, addr) == number

"""Which addresses may be reached."""

import ipaddress

import pytest

from gateway.webhooks.addresses import AddressGuard

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "192.0.1.1",
    "100.63.255.255",
    "100.128.0.0",
    "172.32.0.1",
    "223.255.255.255",
    "198.20.0.1",
    "2606:4700::1111",
    "2a00:1450:4003::200e",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "fe80::1",
    "fe80::1%lo",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "2001:0:a00:1::1",
    "2001:20::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_reached_with_tls_alone(address: str) -> None:
    guard = AddressGuard([])
    assert guard.refusal(address, encrypted=True) is None
    assert "use https" in str(guard.refusal(address, encrypted=False))


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("encrypted", [True, False])
def test_an_inside_address_is_refused_and_the_setting_named(address: str, encrypted: bool) -> None:
    reason = AddressGuard([]).refusal(address, encrypted=encrypted)
    assert reason is not None
    assert "webhooks.allow_networks" in reason
    assert address not in reason


def test_everything_that_python_calls_inside_is_inside_here_too() -> None:
    guard = AddressGuard([])
    for first in range(256):
        for second in (0, 31, 64, 88, 127, 168, 254, 255):
            address = ipaddress.IPv4Address(f"{first}.{second}.0.1")
            if not address.is_global or address.is_multicast:
                assert guard.refusal(str(address), encrypted=True) is not None, address


@pytest.mark.parametrize("encrypted", [True, False])
def test_an_allowed_network_is_reached_and_no_other(encrypted: bool) -> None:
    guard = AddressGuard([ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32")])
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::9"):
        assert guard.refusal(address, encrypted=encrypted) is None
    for address in ("10.2.0.1", "127.0.0.1", "fd00:2::9", "64:ff9b::a01:203", "2002:a01:203::1"):
        assert guard.refusal(address, encrypted=encrypted) is not None


def test_what_is_no_address_is_refused() -> None:
    for text in ("", "shop.example", "127.1", "0x7f.0.0.1", "2130706433", "/var/run/socket"):
        assert AddressGuard([]).refusal(text, encrypted=True) is not None

"""Whose address a request comes from, with and without proxies that are trusted."""

import ipaddress
from typing import Any

import pytest

from gateway.api.addresses import client_address

TRUSTED = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "forwarded", "expected"),
    [
        ("203.0.113.9", [], [], "203.0.113.9"),
        ("::ffff:203.0.113.9", [], [], "203.0.113.9"),
        ("203.0.113.9", ["10.1.1.1"], ["for=10.1.1.1"], "203.0.113.9"),
        ("10.0.0.1", [], [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], [], "198.51.100.7"),
        ("10.0.0.1", ["192.0.2.1, 198.51.100.7, 10.0.0.2"], [], "198.51.100.7"),
        ("10.0.0.1", ["192.0.2.1", "198.51.100.7"], [], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], [], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.7:4711"], [], "198.51.100.7"),
        ("fd00::1", [], ['For="[2001:db8::7]:4711";proto=https'], "2001:db8::7"),
        ("10.0.0.1", [], ["for=198.51.100.7, for=10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7"], ["for=198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7"], ["for=192.0.2.1"], None),
        ("10.0.0.1", ["192.0.2.1, unknown"], [], None),
        ("10.0.0.1", [], ["for=_hidden"], None),
        ("10.0.0.1", [], ["proto=https"], None),
        (None, ["10.0.0.1"], [], None),
        ("<local>", [], [], None),
    ],
)
def test_only_what_trusted_proxies_appended_is_believed(
    peer: str | None, forwarded_for: list[str], forwarded: list[str], expected: Any
) -> None:
    found = client_address(peer, forwarded_for, forwarded, TRUSTED)
    assert found == (None if expected is None else ipaddress.ip_address(expected))

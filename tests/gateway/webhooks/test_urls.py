"""URLs that events can be put to."""

import ipaddress

import pytest

from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.urls import Origin, UrlError, parse_url, url_refusal

NOBODY = AddressGuard([])
OFFICE = AddressGuard([ipaddress.ip_network("10.0.0.0/8")])


@pytest.mark.parametrize(
    ("url", "origin", "authority", "path"),
    [
        ("https://shop.example", Origin("shop.example", 443, True), b"shop.example", b"/"),
        ("https://SHOP.example:443/a?b=c#d", Origin("shop.example", 443, True), b"shop.example", b"/a?b=c"),
        ("http://10.0.0.7:8080/sms", Origin("10.0.0.7", 8080, False), b"10.0.0.7:8080", b"/sms"),
        ("https://[2a00::1]:8443/", Origin("2a00::1", 8443, True), b"[2a00::1]:8443", b"/"),
        ("https://0x8.8.2056/", Origin("8.8.8.8", 443, True), b"8.8.8.8", b"/"),
        ("https://bü.example/ñ?ñ", Origin("xn--b-eha.example", 443, True), b"xn--b-eha.example", b"/%C3%B1?%C3%B1"),
        ("https://a.example/x{1}|^", Origin("a.example", 443, True), b"a.example", b"/x%7B1%7D%7C%5E"),
    ],
)  # fmt: skip
def test_a_url_is_taken_apart(url: str, origin: Origin, authority: bytes, path: bytes) -> None:
    assert parse_url(url) == (origin, authority, path)


REFUSED = [
    "nowhere.invalid",
    "//nowhere.invalid",
    "ftp://nowhere.invalid/",
    "https://",
    "https:///x",
    "https://:443/",
    "https://.invalid/",
    "https://a..invalid/",
    "https://nowhere.invalid:0/",
    "https://nowhere.invalid:99999/",
    "https://nowhere.invalid:x/",
    "https://u:p@nowhere.invalid/",
    "https://u@nowhere.invalid/",
    "https://[::1",
    "https://[fe80::1%25lo]/",
    "https://a\\@b.invalid/",
]
REFUSED += ["https://nowhere.invalid/\r\nX: y", "https://nowhere.invalid/a b", "https://nowhere.invalid/" + "x" * 2048]
REFUSED += ["", "https://" + "a" * 64 + ".invalid/"]


@pytest.mark.parametrize("url", REFUSED)
def test_what_cannot_be_posted_to_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(UrlError) as refused:
        parse_url(url)
    assert "invalid" not in str(refused.value)
    assert url_refusal(url, OFFICE) == str(refused.value)


def test_when_submitted_https_is_taken_and_http_into_allowed_networks() -> None:
    assert url_refusal("https://shop.example/sms", NOBODY) is None
    assert "not https" in str(url_refusal("http://shop.example/sms", NOBODY))
    assert url_refusal("http://inside.example/sms", OFFICE) is None  # its address is checked when connecting
    assert url_refusal("http://10.0.0.7/sms", OFFICE) is None
    assert url_refusal("http://8.8.8.8/sms", OFFICE) is not None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "[::1]", "10.0.0.7", "localhost", "a.localhost", "[::ffff:127.0.0.1]", "169.254.169.254",
        "2130706433", "0x7f.1", "0X7F000001", "127.1", "0177.0.0.1", "017700000001", "１２７.1",
    ],
)  # fmt: skip
def test_when_submitted_an_inside_address_is_refused(host: str) -> None:
    assert "webhooks.allow_networks" in str(url_refusal(f"https://{host}/", NOBODY))


def test_when_submitted_a_fragment_is_refused_since_it_is_never_sent() -> None:
    assert "after #" in str(url_refusal("https://shop.example/sms#part", NOBODY))

"""The bench's sink by https: its certificate is one that the gateway takes from a CA made for the run."""

import http.client
import shutil
import ssl

import pytest
from needs import need

from gateway.cli.bench.certificates import certified
from gateway.cli.bench.configuration import Ports, Shape
from gateway.cli.bench.processes import BenchError, Child, module
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.rows import named
from gateway.settings import load


@pytest.fixture(autouse=True)
def openssl() -> str:
    return need("openssl", lambda: shutil.which("openssl"), install="`apt-get install openssl`")


def test_events_come_by_https_under_a_certificate_that_is_taken_at_its_strictest(tmp_path) -> None:
    authority, pem = certified(tmp_path)
    strict = ssl.create_default_context(cafile=authority)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    sink = Child("sink", module("gateway.cli.bench.sink", str(pem)), tmp_path)
    try:
        caller = http.client.HTTPSConnection("127.0.0.1", int(sink.hear()), timeout=10, context=strict)
        body = b'[{"type":"message.delivered","data":{"to":"+34600000001"}}]' + b" " * 100_000
        for _ in range(2):
            caller.request("POST", "/", body)
            assert caller.getresponse().read() == b""
        caller.close()
        counts = sink.ask("figures")
    finally:
        sink.end()
    assert (counts["requests"], counts["events"]) == (2, 2)


def test_a_caller_that_does_not_trust_the_sink_does_not_hold_it_up(tmp_path) -> None:
    _, pem = certified(tmp_path)
    sink = Child("sink", module("gateway.cli.bench.sink", str(pem)), tmp_path)
    try:
        caller = http.client.HTTPSConnection("127.0.0.1", int(sink.hear()), timeout=10)
        with pytest.raises(ssl.SSLCertVerificationError):
            caller.request("POST", "/", b"")
        assert sink.ask("figures")["requests"] == 0
    finally:
        sink.end()
    assert "no handshake" in sink.tail()


def test_the_gateway_of_such_a_row_posts_to_https(tmp_path) -> None:
    relay = Sluice(Shape(batch=1, by_tls=True))
    relay.write(tmp_path, Ports(1001, 1002, 1003, 1004, 1005))
    assert relay.by_tls
    assert str(load(tmp_path / "bench.toml").accounts["shop"].webhook.url) == "https://127.0.0.1:1005/"


def test_a_row_by_https_is_left_out_where_openssl_is_absent(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (plain, *_), (tls,) = named(["webhook-single"]), named(["webhook-single-tls"])
    assert (plain.lacks(), tls.lacks()) == (None, "openssl is not installed")
    with pytest.raises(BenchError, match="openssl"):
        certified(tmp_path)

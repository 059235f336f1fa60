"""Carriers that flood, lie, drip, send garbage or read nothing: the gateway stays up, small, and serves the others."""

import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from arrivals import wait_until
from daemons import carrier
from hostile_smscs import (
    ALERT,
    DELIVER,
    ENQUIRE,
    GENERIC_NACK,
    RESPONSE,
    SUBMIT,
    UNBIND,
    HostileSmsc,
    Link,
    deliver,
    frame,
)
from memory import rss_mib

pytestmark = pytest.mark.scenario

FLOOD = 10_000
MOST_GROWTH_MIB = 120
"""Of resident memory, with all carriers of a test at once."""
MOST_UNREAD = 16 << 20
"""Octets that the gateway and both kernels take from a carrier that reads none of the answers."""


def ten_thousand_deliveries_at_once(link: Link) -> None:
    text = b"id:%d sub:001 dlvrd:001 submit date:2603090814 done date:2603090815 stat:DELIVRD err:000 text:Hello"
    link.say(*[deliver(n, text % n, esm_class=4) for n in range(1, FLOOD + 1)])
    answers = link.hear(DELIVER | RESPONSE, FLOOD)
    assert sorted(sequence for _, _, sequence in answers) == list(range(1, FLOOD + 1))
    assert {status for _, status, _ in answers} == {0}


def bodies_that_make_no_sense(link: Link) -> None:
    odd = [b"", b"\x05\x00\x03\x01\x02", b"\xff" * 140, b"\x05\x00\x03\x01\x00\x00Hello", b"\0", b"\x1b", b"\xd8\x00"]
    frames = [deliver(1, text, esm_class=n, data_coding=n) for n in range(256) for text in odd]
    payload = bytes(range(256)) * 255
    for esm_class in (0x00, 0x04, 0x40, 0x44, 0xFF):
        frames.append(deliver(1, b"", esm_class=esm_class, tlvs=struct.pack(">HH", 0x0424, len(payload)) + payload))
        frames.append(deliver(1, b"id:1", esm_class=esm_class, tlvs=b"\x04\x24\xff\xff" + b"x" * 9))
    whole = deliver(1)
    cut = [frame(DELIVER, 1, whole[16:end]) for end in range(16, len(whole) - 8)]
    link.say(*frames, *cut)
    answers = link.hear(DELIVER | RESPONSE, len(frames) + len(cut))
    assert sum(status != 0 for _, status, _ in answers) >= len(cut) - 8


def a_flood_of_what_asks_for_nothing(link: Link) -> None:
    alert = frame(ALERT, 1, b"\0\0x\0\0\0y\0")
    for _ in range(100):
        link.say(frame(GENERIC_NACK, 0, status=3) * 100, alert * 100, frame(0x8000_7777, 5) * 100)
    link.say(frame(ENQUIRE, 77) * FLOOD)
    link.hear(ENQUIRE | RESPONSE, FLOOD, sequence=77)


def one_octet_at_a_time(link: Link) -> None:
    for octet in deliver(9, b"Hello"):
        link.stream.sendall(bytes((octet,)))
        time.sleep(0.03)
    link.hear(DELIVER | RESPONSE, sequence=9)


def answers_to_nothing(link: Link) -> None:
    link.say(*[frame(SUBMIT | RESPONSE, n, b"id-%d\0" % n) for n in range(50, 2_000)])
    link.say(frame(0x8000_0009, 1, b"telco\0") * 5, frame(0x8000_0009, 1, status=14))
    link.say(frame(UNBIND | RESPONSE, 3), frame(DELIVER | RESPONSE, 4, b"\0"), frame(0x0000_000B, 5, b"a\0b\0"))


STAYING: list[Callable[[Link], None]] = [
    ten_thousand_deliveries_at_once,
    bodies_that_make_no_sense,
    a_flood_of_what_asks_for_nothing,
    one_octet_at_a_time,
    answers_to_nothing,
]


def a_length_of_4_gib(link: Link) -> None:
    link.say(frame(DELIVER, 1, b"x" * 1000, length=0xFFFF_FFFF))
    link.wait_closed()


def garbage(link: Link) -> None:
    link.say(random.Random(7).randbytes(100_000))
    link.wait_closed()


def half_a_pdu_and_silence(link: Link) -> None:
    link.say(deliver(1)[:30])
    link.stream.settimeout(60.0)
    # Not even the enquire_link are answered.
    while link.stream.recv(65536):
        pass


def an_unbind_in_the_middle_of_a_pdu(link: Link) -> None:
    link.say(deliver(1)[:30], frame(UNBIND, 2), frame(UNBIND, 2))
    link.wait_closed()


def a_close_in_the_middle_of_a_pdu(link: Link) -> None:
    link.say(deliver(1)[:30])
    link.stream.close()


LEAVING: list[Callable[[Link], None]] = [
    a_length_of_4_gib,
    garbage,
    half_a_pdu_and_silence,
    an_unbind_in_the_middle_of_a_pdu,
    a_close_in_the_middle_of_a_pdu,
]


@pytest.fixture
def hostile() -> Iterator[Callable[[Callable[[Link], None]], HostileSmsc]]:
    """Starts an SMSC with a trick."""
    with ExitStack() as stack:
        yield lambda trick: stack.enter_context(closing(HostileSmsc(trick)))


def among(smscs: list[HostileSmsc], good: int) -> dict[str, object]:
    """Sections of a configuration in which only `good` takes messages."""
    others = {smsc.name: carrier(smsc.port, enquire_link_idle="500ms", enquire_link_timeout="500ms") for smsc in smscs}
    return {
        "carriers": {"good": carrier(good), **others},
        "routes": [{"name": "good", "tiers": ["good"]}],
    }


def proving_life(trick: Callable[[Link], None]) -> Callable[[Link], None]:
    def then_alive(link: Link) -> None:
        trick(link)
        link.prove_life()

    then_alive.__name__ = trick.__name__
    return then_alive


def test_no_nonsense_costs_a_bind_or_another_carriers_messages(gateway_with, hostile, simulator, webhooks):
    smscs = [hostile(proving_life(trick)) for trick in STAYING]
    gateway = gateway_with(**among(smscs, simulator.port))
    at_first = rss_mib(gateway.process.pid)

    gateway.wait_able("good")
    meanwhile = [gateway.send("+34600000001", f"Hello {n}") for n in range(20)]
    for message in meanwhile:
        webhooks.wait(message, "delivered")
    for smsc in smscs:
        smsc.wait_done()

    webhooks.wait(gateway.send("+34600000001"), "delivered")
    assert {smsc.name: smsc.binds for smsc in smscs} == {trick.__name__: 1 for trick in STAYING}
    assert rss_mib(gateway.process.pid) - at_first < MOST_GROWTH_MIB
    # Twenty thousand complaints of one bind are not twenty thousand lines.
    complained = gateway.process.errors.all(lambda line: "peer_complained" in line)
    assert 0 < len(complained) < 1_000


def test_a_link_that_cannot_be_read_any_more_ends_and_is_made_anew(gateway_with, hostile, simulator, webhooks):
    smscs = [hostile(trick) for trick in LEAVING]
    gateway = gateway_with(**among(smscs, simulator.port))

    for smsc in smscs:
        smsc.wait_done()
        wait_until(lambda smsc=smsc: smsc.binds >= 2, f"{smsc.name} is bound again")

    gateway.wait_able("good")
    webhooks.wait(gateway.send("+34600000001"), "delivered")


def test_wrong_answers_settle_no_message_and_the_right_one_does(gateway_with, hostile):
    def wrong_and_then_right(link: Link) -> None:
        ((_, _, sequence),) = link.hear(SUBMIT)
        link.say(frame(SUBMIT | RESPONSE, sequence + 1, b"wrong\0"), frame(SUBMIT | RESPONSE, 0, b"wrong\0"))
        link.say(frame(0x8000_0103, sequence + 1, b"wrong\0"), frame(GENERIC_NACK, sequence + 7, status=8))
        link.prove_life()
        link.say(frame(SUBMIT | RESPONSE, sequence, b"right\0"), frame(SUBMIT | RESPONSE, sequence, b"twice\0"))
        link.prove_life()

    smsc = hostile(wrong_and_then_right)
    gateway = gateway_with(carriers={"telco": carrier(smsc.port, response_timeout="10s")})
    message = gateway.send("+34600000001")

    smsc.wait_done()

    seen = gateway.wait_message(message["id"], status="sent")
    assert [part["carrier_message_id"] for part in seen["parts"]] == ["right"]
    assert smsc.binds == 1


def test_who_asks_without_end_and_reads_nothing_is_read_no_more(gateway_with, hostile, simulator, webhooks):
    taken = 0

    def asking_and_never_reading(link: Link) -> None:
        nonlocal taken
        link.stream.settimeout(3.0)
        piece = frame(ENQUIRE, 1) * 4096
        try:
            while taken < 4 * MOST_UNREAD:
                link.stream.sendall(piece)
                taken += len(piece)
        except (TimeoutError, ConnectionError):  # it waits for us, or has had enough
            return

    smsc = hostile(asking_and_never_reading)
    gateway = gateway_with(**among([smsc], simulator.port))
    at_first = rss_mib(gateway.process.pid)

    smsc.wait_done()

    grown = rss_mib(gateway.process.pid) - at_first
    assert taken < MOST_UNREAD
    assert grown < MOST_GROWTH_MIB
    gateway.wait_able("good")
    webhooks.wait(gateway.send("+34600000001"), "delivered")
    smsc.close()

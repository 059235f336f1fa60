import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import BadFrame
from protocol.framing import Framer


def a_frame(body: bytes = b"", sequence: int = 1) -> bytes:
    return struct.pack(">IIII", 16 + len(body), 0x15, 0, sequence) + body


def test_several_frames_in_one_piece_come_out_one_by_one():
    frames = [a_frame(bytes(n), n) for n in range(20)]
    assert list(Framer().feed(b"".join(frames))) == frames


def test_a_frame_in_single_octets_comes_out_at_its_last():
    framer, frame = Framer(), a_frame(b"body")
    assert [list(framer.feed(bytes([octet]))) for octet in frame] == [[]] * (len(frame) - 1) + [[frame]]


def test_the_beginning_of_a_frame_can_be_looked_at():
    framer, frame = Framer(), a_frame(b"body")
    list(framer.feed(frame + frame[:5]))
    assert framer.rest == frame[:5]


@given(st.lists(st.binary(max_size=60), max_size=12), st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_any_cutting_gives_the_same_frames(bodies, cuts):
    frames = [a_frame(body, number) for number, body in enumerate(bodies)]
    stream, framer, out, turn = b"".join(frames), Framer(), [], 0
    while stream:
        cut = cuts[turn % len(cuts)]
        out += framer.feed(stream[:cut])
        stream, turn = stream[cut:], turn + 1
    assert out == frames


@pytest.mark.parametrize("length", [0, 1, 15, 101, 0xFFFFFFFF])
def test_an_impossible_length_is_a_bad_frame_after_the_good_ones_before_it(length):
    frames = Framer(100).feed(a_frame(b"good") + struct.pack(">I", length) + bytes(12))
    assert next(frames) == a_frame(b"good")
    with pytest.raises(BadFrame, match=f"command_length {length} "):
        next(frames)


def test_the_limit_itself_is_allowed():
    frame = a_frame(bytes(84))
    assert list(Framer(100).feed(frame)) == [frame]


def test_a_bad_length_is_seen_once_its_header_is_whole():
    framer = Framer()
    assert list(framer.feed(struct.pack(">I", 5) + bytes(11))) == []
    with pytest.raises(BadFrame):
        list(framer.feed(b"\0"))


def test_nothing_is_kept_of_a_stream_that_cannot_be_read_any_more():
    framer = Framer(64)
    assert list(framer.feed(b"\0\0\0")) == []
    with pytest.raises(BadFrame):
        list(framer.feed(b"\xff" * 60_000))
    assert len(framer._rest) == 0

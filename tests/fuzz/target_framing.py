"""Fuzz target: a stream in any cutting gives the frames that are in it, and never keeps more than one frame of it."""

from draws import Draws

from protocol.errors import BadFrame
from protocol.framing import Framer

LONGEST_INPUT = 1024
_READS = (1, 3, 15, 16, 17, 64, 255, 4096)


def check(octets: bytes) -> None:
    draws = Draws(octets)
    most = 16 + draws.number(2) % 4096
    stream, reads = _stream(draws)
    framer, frames, is_bad, at = Framer(most), [], False, 0
    for size in reads:
        try:
            frames += framer.feed(stream[at : at + size])
        except BadFrame:
            is_bad = True
            break
        at += size
        assert len(framer._rest) <= most
    expected, is_expected_bad = _frames(stream, most)
    assert frames[: len(expected)] == expected[: len(frames)]
    if at >= len(stream) or is_bad:
        # What stands before a bad length in the same read is given out before it is told, and is not in `frames` here.
        assert is_bad == is_expected_bad
        assert is_bad or frames == expected


def _stream(draws: Draws) -> tuple[bytes, list[int]]:
    """Frames whose length is right, lengths at random, raw octets; and the reads that they come in."""
    pieces, reads = [], []
    while draws:
        kind = draws.number()
        reads.append(_READS[kind >> 5])
        body = draws.octets(kind & 31)
        if kind & 1:
            pieces.append((len(body) + 16).to_bytes(4, "big") + bytes(12) + body)
        else:
            pieces.append(body)
    stream = b"".join(pieces)
    return stream, [*reads, len(stream) or 1]


def _frames(stream: bytes, most: int) -> tuple[list[bytes], bool]:
    """The same by the plainest means."""
    frames = []
    while len(stream) >= 16:
        length = int.from_bytes(stream[:4], "big")
        if not 16 <= length <= most:
            return frames, True
        if len(stream) < length:
            break
        frames.append(stream[:length])
        stream = stream[length:]
    return frames, False


def seeds() -> list[bytes]:
    return [
        b"\x01\x00" + b"\xe1" + b"x" * 17 * 8,
        b"\x00\x20" + b"\x3f" + b"y" * 40,
        b"\xff\xff\x10\x7f\xff\xff\xff" + bytes(14),
    ]

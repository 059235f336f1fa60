"""Fuzz target: a stream in any cutting gives the frames that are in it, and never keeps more than one frame of it."""

from protocol.errors import BadFrame
from protocol.framing import Framer

LONGEST_INPUT = 1024
_READS = (1, 3, 15, 16, 17, 64, 255, 4096)
_HEADERS = [(16 + length).to_bytes(4, "big") + bytes(12) for length in range(32)]


def check(octets: bytes) -> None:
    most = 16 + int.from_bytes(octets[:2], "big") % 4096
    stream, reads = _stream(octets)
    frames, starts, expects_bad = _frames(stream, most)
    framer, given, at = Framer(most), 0, 0
    for size in reads:
        piece = stream[at : at + size]
        try:
            for frame in framer.feed(piece):
                assert frame == frames[given]
                given += 1
        except BadFrame:
            assert expects_bad
            assert given == len(frames)
            assert not framer._rest
            return
        at += len(piece)
        kept = len(framer._rest)
        assert kept <= most
        assert kept == at - starts[given]
    assert at == len(stream)
    assert not expects_bad
    assert given == len(frames)
    assert framer._rest == stream[starts[given] :]


def _stream(octets: bytes) -> tuple[bytes, list[int]]:
    """Frames whose length is right, lengths at random, raw octets; and the reads that they come in."""
    pieces: list[bytes] = []
    reads: list[int] = []
    at, end = 2, len(octets)
    while at < end:
        kind = octets[at]
        reads.append(_READS[kind >> 5])
        body = octets[at + 1 : at + 1 + (kind & 31)]
        at += 1 + len(body)
        if kind & 1:
            pieces.append(_HEADERS[len(body)])
        pieces.append(body)
    stream = b"".join(pieces)
    return stream, [*reads, len(stream) or 1]


def _frames(stream: bytes, most: int) -> tuple[list[bytes], list[int], bool]:
    """The same by the plainest means; where each frame begins and the last ends; whether a bad length follows."""
    frames: list[bytes] = []
    starts, at = [0], 0
    while at + 16 <= len(stream):
        length = int.from_bytes(stream[at : at + 4], "big")
        if not 16 <= length <= most:
            return frames, starts, True
        if at + length > len(stream):
            break
        frames.append(stream[at : at + length])
        at += length
        starts.append(at)
    return frames, starts, False


def seeds() -> list[bytes]:
    return [
        b"\x01\x00" + b"\xe1" + b"x" * 17 * 8,
        b"\x00\x20" + b"\x3f" + b"y" * 40,
        b"\xff\xff\x10\x7f\xff\xff\xff" + bytes(14),
    ]

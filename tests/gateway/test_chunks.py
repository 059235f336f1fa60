"""A body in chunks, read by the lean listener: what bounds the work that a caller can make of one read."""

import time

import pytest

from gateway.api import problem_types
from gateway.api.problems import Problem
from gateway.serving.chunks import Chunks

BLANKS = b" " * 60_000
"""As much as one read may bring."""


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"1;" + BLANKS + b"\0\r\n", problem_types.BAD_REQUEST),
        (b"1" + BLANKS + b"\0\r\n", problem_types.BAD_REQUEST),
        (b"0\r\na:" + BLANKS[:16_000] + b"\0\r\n\r\n", problem_types.BAD_REQUEST),
        (b"0\r\n" + b"a\r\n" * 20_000, problem_types.HEAD_TOO_LARGE),
    ],
    ids=["an extension", "a size", "a trailer", "many trailers"],
)
def test_what_is_no_chunk_is_refused_at_once(octets: bytes, kind: problem_types.ProblemType) -> None:
    before = time.process_time()
    with pytest.raises(Problem) as refused:
        Chunks().feed(octets)
    assert refused.value.kind is kind
    assert time.process_time() - before < 1.0  # it took from 2 to 19 s


@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
def test_blanks_are_passed_over(size: int) -> None:
    octets = b"1; a=b \t\r\nx\r\n1 \t\r\ny\r\n0;\r\nt:\r\nu: \xe9  z \r\n\r\nnext"
    chunks, body, at = Chunks(), b"", 0
    while not chunks.is_whole:
        body += chunks.feed(octets[at : at + size])
        at += size
    assert (body, chunks.rest + octets[at:]) == (b"xy", b"next")

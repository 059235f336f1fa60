"""The recipients of a campaign of a million, or of as many as SOAK_RECIPIENTS says, as rows of a CSV."""

import os
from collections.abc import Iterator

RECIPIENTS = int(os.environ.get("SOAK_RECIPIENTS", "1000000"))
MOST_MIB = 200
"""What a gateway may take of memory for them."""
_PART = 2_000


def number(n: int) -> str:
    return f"+346{n:08}"


def parts(until: int = RECIPIENTS) -> Iterator[bytes]:
    """A file of so many, in pieces of 2,000."""
    header = "phone,name,code\n"
    for first in range(0, until, _PART):
        rows = (f"{number(n)},Name {n},CODE{n}\n" for n in range(first, min(first + _PART, until)))
        yield (header + "".join(rows)).encode()
        header = ""

"""The lean path for the answers that flow: a 2xx that came whole, in one piece. A test holds it against h11.

h11 takes any answer, at ten times the cost; gateway.webhooks.client asks it for all that is not plain.
"""

import re
from functools import lru_cache

_HEAD = re.compile(rb"HTTP/1\.1 (2\d\d)(?: [ -~]*)?\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)*)\r\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,9})[ \t]*\r$", re.MULTILINE)
_CONNECTION = re.compile(rb"^connection:[ \t]*(.*?)[ \t]*\r$", re.MULTILINE)
_NO_CONTENT = 204


@lru_cache(maxsize=64)  # an endpoint says the same octets again and again, at least within a second
def plain_success(received: bytes) -> int | None:
    """The status, when `received` is one 2xx answer to its last byte and the connection goes on; else None: ask h11."""
    head = _HEAD.match(received)
    if head is None:
        return None
    status = int(head[1])
    fields = head[2].lower()
    if b"transfer-encoding:" in fields or any(option != b"keep-alive" for option in _CONNECTION.findall(fields)):
        return None
    if status == _NO_CONTENT:
        length = 0
        plain = b"content-length:" not in fields
    else:
        lengths = _LENGTH.findall(fields)
        plain = len(lengths) == 1 == fields.count(b"content-length:")
        length = int(lengths[0]) if plain else 0
    return status if plain and len(received) == head.end() + length else None

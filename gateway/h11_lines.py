"""The lines that h11 reads, in time that grows with their length alone; all else of h11 is as it comes.

As published, it tries a row of blanks anew for each blank in it, where an octet follows that may not stand there: 60 KB
of them, from anyone, hold up every other connection for half a minute. What the lines mean stays the same, but that a
chunk's extension may hold neither NUL nor a lone CR.
"""

import re

from h11 import _abnf, _readers

_HEADER_FIELD = rf"(?P<field_name>{_abnf.field_name}):[ \t]*+(?P<field_value>{_abnf.field_value})[ \t]*"
_CHUNK_HEADER = rf"(?P<chunk_size>{_abnf.chunk_size})(?P<chunk_ext>;[^\r\n\x00]*+)?[ \t]*+\r\n"


def read_in_time() -> None:
    """From now on, on every connection of the process."""
    _readers.header_field_re = re.compile(_HEADER_FIELD.encode())
    _readers.chunk_header_re = re.compile(_CHUNK_HEADER.encode())

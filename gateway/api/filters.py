"""What lists are filtered by, and what else is wrong with what was asked for by name, told as a problem document.

How it is read is gateway/desk's, for the console asks so, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.api.problems import invalid_fields
from gateway.desk import filters
from gateway.desk.faults import WrongFields


@contextmanager
def refusing_wrong(done: str) -> Iterator[None]:
    """Raises a Problem 422 where what is asked inside raises WrongFields. `done`: what became of the call."""
    try:
        yield
    except WrongFields as wrong:
        raise invalid_fields(wrong.fields, wrong.codes, done=done) from None


class Filters(filters.Filters):
    """The parameters of one call."""

    def refuse_wrong(self) -> None:
        """Raises a Problem 422 where anything was wrong."""
        with refusing_wrong("Nothing was looked up"):
            super().refuse_wrong()

"""Where a list goes on, as it is shown to who asked for it."""

from gateway import identifiers

CURSOR = "cur_"


def next_cursor(position: int | None) -> str | None:
    """A page's end as it is shown."""
    return None if position is None else identifiers.public(CURSOR, position)


def position_of(cursor: str) -> int | None:
    """Where a page begins; None: no list gave that."""
    return identifiers.internal(CURSOR, cursor)

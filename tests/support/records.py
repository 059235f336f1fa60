"""What a simulator wrote down of the segments it took (`--record`): the truth of what reached the carrier."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Record:
    """The file of one carrier; several simulators may have appended to it, one after the other.

    Read on from where it was left, for it is asked again and again.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: list[dict[str, Any]] = []
        self._offset = 0

    @property
    def option(self) -> tuple[str, str]:
        """For the simulator's command line."""
        return "--record", str(self.file)

    def taken(self) -> list[dict[str, Any]]:
        """A line for each segment, in the order of arrival; without what is not written whole yet."""
        return list(self._read())

    def numbers(self) -> list[str]:
        """Destinations as E.164, in the order of arrival."""
        return ["+" + line["destination"] for line in self._read()]

    def count(self) -> int:
        """Segments so far."""
        return len(self._read())

    def twice(self) -> set[str]:
        """Numbers that were sent to more than once; where each number has one message, these arrived twice."""
        return repeated(self.numbers())

    def _read(self) -> list[dict[str, Any]]:
        if self.file.exists():
            with self.file.open("rb") as file:
                file.seek(self._offset)
                whole, end, _ = file.read().rpartition(b"\n")
            self._offset += len(whole) + len(end)
            self._lines += map(json.loads, whole.splitlines())
        return self._lines


def repeated(items: Iterable[str]) -> set[str]:
    """What occurs more than once."""
    return {item for item, count in Counter(items).items() if count > 1}

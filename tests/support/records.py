"""What a simulator wrote down of the segments it took (`--record`): the truth of what reached the carrier."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Record:
    """The file of one carrier; several simulators may have appended to it, one after the other."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def option(self) -> tuple[str, str]:
        """For the simulator's command line."""
        return "--record", str(self.file)

    def taken(self) -> list[dict[str, Any]]:
        """A line for each segment, in the order of arrival; without what is not written whole yet."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text().split("\n")[:-1]]

    def numbers(self) -> list[str]:
        """Destinations as E.164, in the order of arrival."""
        return ["+" + line["destination"] for line in self.taken()]

    def count(self) -> int:
        """Segments so far."""
        return self.file.read_bytes().count(b"\n") if self.file.exists() else 0

    def twice(self) -> set[str]:
        """Numbers that were sent to more than once; where each number has one message, these arrived twice."""
        return repeated(self.numbers())


def repeated(items: Iterable[str]) -> set[str]:
    """What occurs more than once."""
    return {item for item, count in Counter(items).items() if count > 1}

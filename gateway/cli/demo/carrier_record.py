"""What really arrived at the carrier: the simulator's own record, a line for each segment that it took."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Arrival(NamedTuple):
    number: str
    """With its plus."""
    at: float
    """Unix seconds."""


class CarrierRecord:
    """Reads the file as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._arrivals: list[Arrival] = []

    def arrivals(self) -> list[Arrival]:
        """All until now, in their order."""
        if not self._path.exists():
            return self._arrivals
        with self._path.open("rb") as file:
            file.seek(self._offset)
            octets = file.read()
        # The last line may be half written.
        whole = octets[: octets.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            entry = json.loads(line)
            self._arrivals.append(Arrival(f"+{entry['destination']}", entry["at"]))
        return self._arrivals

    def counts(self, numbers: Iterable[str]) -> dict[str, int]:
        """How often each of these numbers was sent to."""
        counts = dict.fromkeys(numbers, 0)
        for arrival in self.arrivals():
            if arrival.number in counts:
                counts[arrival.number] += 1
        return counts

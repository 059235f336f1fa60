"""The record of what was taken: a JSON line for each segment, written out before its answer can leave."""

import json
import os
from hashlib import blake2b
from pathlib import Path

from gateway.simulator.segment_marks import Mark
from protocol.pdus import DataSm, SubmitSm


class Record:
    """Appends to one file; each batch is handed to the kernel, so that it survives a kill of this process."""

    def __init__(self, path: Path) -> None:
        """OSError if the file cannot be opened."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._lines: list[str] = []

    def add(self, at: float, message_id: str, system_id: str, pdu: SubmitSm | DataSm, mark: Mark) -> None:
        """Puts one line to the batch; `at` in wall-clock seconds."""
        line = {
            "at": round(at, 3),
            "id": message_id,
            "system_id": system_id,
            "source": pdu.source_addr,
            "destination": pdu.destination_addr,
            "reference": mark.reference,
            "part": mark.part,
            "parts": mark.parts,
            "data_coding": pdu.data_coding,
            "octets": len(mark.text),
            "digest": blake2b(mark.text, digest_size=8).hexdigest(),
        }
        self._lines.append(json.dumps(line, separators=(",", ":")))

    def write_out(self) -> None:
        """Hands the batch to the kernel. OSError ends the simulator: a record with holes would prove nothing."""
        if not self._lines:
            return
        octets = ("\n".join(self._lines) + "\n").encode("ascii")
        self._lines.clear()
        while octets:
            octets = octets[os.write(self._descriptor, octets) :]

    def close(self) -> None:
        """Writes out and closes."""
        self.write_out()
        os.close(self._descriptor)

"""A disk that loses power, fills up, slows down, hangs and fails, under one database file and the process that has it.

tests/preload/disk.c stands between that process and libc and keeps a journal of what was written and what was synced;
`Disk.cut_power` leaves of the files what a disk would have kept.
"""

import atexit
import os
import random
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

from daemons import Gateway, environment
from needs import need

SOURCE = Path(__file__).parents[1] / "preload" / "disk.c"
PAGE = 4096
_ENTRY = struct.Struct("=QQQQ")


class _Kind(IntEnum):
    OPENED = 1
    WRITTEN = 2
    CUT = 3
    SYNCED = 4
    UNLINKED = 5
    FOLDER_SYNCED = 6


_HAS_MORE = (_Kind.OPENED, _Kind.WRITTEN, _Kind.UNLINKED)


@dataclass(slots=True)
class _Write:
    number: int
    at: int
    octets: bytes | None
    """None: the file is cut (or stretched) to `at`."""


@dataclass(slots=True)
class _File:
    """What is on the disk of one file, and what is only on its way there."""

    kept: bytearray
    unsynced: list[_Write] = field(default_factory=list)

    def sync(self, until: int) -> None:
        """Everything before entry number `until` is on the disk."""
        for write in [write for write in self.unsynced if write.number < until]:
            self.apply(write)
        self.unsynced = [write for write in self.unsynced if write.number >= until]

    def apply(self, write: _Write) -> None:
        if write.octets is None:
            del self.kept[write.at :]
            self.kept.extend(bytes(write.at - len(self.kept)))
            return
        self.kept.extend(bytes(max(0, write.at - len(self.kept))))
        self.kept[write.at : write.at + len(write.octets)] = write.octets


@cache
def compiled(source: Path) -> Path:
    """A library to preload, for all tests of this process; without a compiler the test is skipped."""
    compiler = need("a C compiler", lambda: shutil.which("cc"), install="install gcc or clang")
    folder = Path(tempfile.mkdtemp(prefix="sluice-tests-"))
    atexit.register(shutil.rmtree, folder)
    library = folder / f"{source.stem}.so"
    options = ["-O1", "-Wall", "-Wextra", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library


class Disk:
    """Under `database`. A process is put on it by `mount` and the environment that this gives."""

    def __init__(self, folder: Path, database: Path) -> None:
        """`folder` holds what the disk needs for itself."""
        self.database = database
        self._library = compiled(SOURCE)
        self._faults = folder / "faults"
        self._faults.mkdir()
        self._journal = folder / "journal"
        self._names: dict[str, _File] = {}
        self._inodes: dict[int, _File] = {}
        self._looked_at = 0
        """Octets of the journal that `is_syncing` has read."""
        self._is_syncing = False

    def mount(self) -> dict[str, str]:
        """What the files hold now is on the disk; the variables for the process that writes to them from now on."""
        self._journal.unlink(missing_ok=True)
        self._looked_at, self._is_syncing = 0, False
        self._names = {path.name: _File(bytearray(path.read_bytes())) for path in self._files()}
        self._inodes = {path.stat().st_ino: self._names[path.name] for path in self._files()}
        return {
            "LD_PRELOAD": str(self._library),
            "DISK_FOLLOWS": str(self.database),
            "DISK_JOURNAL": str(self._journal),
            "DISK_FAULTS": str(self._faults),
        }

    def fail(self, how: str, number: int = 0) -> None:
        """From now on: `how` and the meaning of `number` are told in disk.c."""
        told = self._faults / f".{how}"
        told.write_text(str(number))
        told.rename(self._faults / how)

    def mend(self, how: str) -> None:
        (self._faults / how).unlink()

    def has_failed(self, how: str) -> bool:
        """Whether a fault that strikes once has struck."""
        return not (self._faults / how).exists()

    def is_syncing(self) -> bool:
        """Whether something is written that is not on the disk yet, as far as the journal has got."""
        if self._journal.exists():
            with self._journal.open("rb") as journal:
                journal.seek(self._looked_at)
                for kind, _, _, octets in _entries(journal.read()):
                    self._looked_at += _ENTRY.size + len(octets)
                    self._is_syncing = kind is not _Kind.SYNCED
        return self._is_syncing

    def cut_power(self, chance: random.Random | None = None) -> int:
        """After the process was killed: roll the files back to what was synced. How many writes had not been.

        With `chance`, any of those may be on the disk all the same, in pieces of a page; folders keep what was done to
        them up to a moment.
        """
        named = self._replay()
        files = list({id(file): file for file in [*self._names.values(), *self._inodes.values()]}.values())
        unsynced = sum(len(file.unsynced) for file in files) + len(named)
        if chance is not None:
            for file in files:
                share = chance.random()
                for piece in _pieces(file.unsynced):
                    if chance.random() < share:
                        file.apply(piece)
            self._rename(named[: chance.randint(0, len(named))])
        for path in [*self._files(), self.database.with_name(self.database.name + "-shm")]:
            path.unlink(missing_ok=True)
        for name, file in self._names.items():
            self.database.with_name(name).write_bytes(file.kept)
        return unsynced

    def _files(self) -> list[Path]:
        names = ("", "-wal", "-journal")
        paths = [self.database.with_name(self.database.name + name) for name in names]
        return [path for path in paths if path.exists()]

    def _replay(self) -> list[tuple[int, str, _File | None]]:
        """Take the journal in; the names that were made and taken away and are not known to be on the disk."""
        named: list[tuple[int, str, _File | None]] = []
        for number, (kind, inode, at, octets) in enumerate(_entries(self._journal.read_bytes())):
            if kind is _Kind.OPENED and at:
                self._inodes[inode] = _File(bytearray())
                named.append((number, os.fsdecode(octets), self._inodes[inode]))
            elif kind in (_Kind.WRITTEN, _Kind.CUT):
                what = octets if kind is _Kind.WRITTEN else None
                self._inodes[inode].unsynced.append(_Write(number, at, what))
            elif kind is _Kind.SYNCED:
                self._inodes[inode].sync(at)
            elif kind is _Kind.UNLINKED:
                named.append((number, os.fsdecode(octets), None))
            elif kind is _Kind.FOLDER_SYNCED:
                self._rename([one for one in named if one[0] < at])
                named = [one for one in named if one[0] >= at]
        return named

    def _rename(self, named: list[tuple[int, str, _File | None]]) -> None:
        for _, name, file in named:
            if file is None:
                self._names.pop(name, None)
            else:
                self._names[name] = file


class GatewayOnDisk(Gateway):
    """A gateway whose store lies on such a disk."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], disk: Disk) -> None:
        super().__init__(folder, settings)
        self.disk = disk
        self.more_environment: dict[str, str] = {}

    def start(self, *, log_level: str = "debug") -> None:
        self.environment = environment() | self.disk.mount() | self.more_environment
        super().start(log_level=log_level)

    def lose_power(self, chance: random.Random | None = None) -> int:
        """See Disk.cut_power."""
        self.kill()
        return self.disk.cut_power(chance)


def _entries(journal: bytes) -> Iterator[tuple[_Kind, int, int, bytes]]:
    """The last may be cut off, where the process was killed while it wrote it: then it was not done either."""
    told = memoryview(journal)
    at = 0
    while at + _ENTRY.size <= len(told):
        number, inode, where, length = _ENTRY.unpack_from(told, at)
        kind = _Kind(number)
        at += _ENTRY.size
        more = length if kind in _HAS_MORE else 0
        if at + more > len(told):
            return
        yield kind, inode, where, bytes(told[at : at + more])
        at += more


def _pieces(writes: list[_Write]) -> Iterator[_Write]:
    """Each within one page of the file, as a disk takes them."""
    for write in writes:
        if write.octets is None:
            yield write
            continue
        start = 0
        while start < len(write.octets):
            end = min(len(write.octets), start + PAGE - (write.at + start) % PAGE)
            yield _Write(write.number, write.at + start, write.octets[start:end])
            start = end

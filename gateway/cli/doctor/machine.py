"""The machine that the doctor looks at: its clock, disks, limits and service manager, asked of the operating system.

Nothing is judged here; tests put a machine of their own in its place.
"""

import ctypes
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import trio

_STA_UNSYNC = 0x40
_TIME_ERROR = 5
_MODES, _STATUS_AT, _TIMEX_SIZE = 0, 40, 208
"""struct timex of adjtimex(2) on 64-bit Linux: what is set, where `status` lies, octets."""
_SYSTEMCTL_SECONDS = 5.0
_PROBES = 20
_PROBE_OCTETS = 4096


class Space(NamedTuple):
    """Of a disk, in bytes."""

    free: int
    total: int


class Mount(NamedTuple):
    """The file system that a folder lies on."""

    kind: str
    """As in /proc/mounts: `ext4`, `nfs4`, `tmpfs`."""
    at: str


class Machine:
    """This one."""

    def now_seconds(self) -> float:
        """Wall-clock seconds since the epoch."""
        return time.time()

    def clock_is_synchronised(self) -> bool | None:
        """By the kernel; None: it does not say."""
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            timex = ctypes.create_string_buffer(_TIMEX_SIZE)
            state = libc.adjtimex(timex)
        except (OSError, AttributeError):
            return None
        if state < 0:
            return None
        status = int.from_bytes(timex.raw[_STATUS_AT : _STATUS_AT + 4], "little")
        return state != _TIME_ERROR and not status & _STA_UNSYNC

    def zone(self) -> str:
        """The name of its local time."""
        return time.tzname[0]

    def space(self, folder: Path) -> Space:
        """Raises OSError."""
        status = os.statvfs(folder)
        return Space(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)

    def mount(self, folder: Path) -> Mount | None:
        """What the folder lies on; None where the system does not say."""
        try:
            lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        mounts = [Mount(fields[2], _unescaped(fields[1])) for fields in map(str.split, lines) if len(fields) > 2]
        over = [mount for mount in mounts if folder.is_relative_to(mount.at)]
        # The last of those at one place lies on top of the others.
        return max(enumerate(over), key=lambda one: (len(one[1].at), one[0]), default=(0, None))[1]

    def fsync_seconds(self, folder: Path) -> list[float]:
        """How long a few small writes took to be on the disk. Raises OSError where none can be made."""
        path = folder / f".sluice-doctor-{os.getpid()}"
        taken = []
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            for _ in range(_PROBES):
                began = time.monotonic()
                os.write(descriptor, b"\0" * _PROBE_OCTETS)
                os.fsync(descriptor)
                taken.append(time.monotonic() - began)
        finally:
            os.close(descriptor)
            path.unlink()
        return taken

    def open_files(self, pid: str | None = None) -> int:
        """How many files a process may have open: this one, or the one named."""
        if pid is not None:
            try:
                for line in Path(f"/proc/{pid}/limits").read_text(encoding="utf-8").splitlines():
                    if line.startswith("Max open files"):
                        return int(line.split()[3])
            except (OSError, ValueError):
                pass
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    def cpus(self) -> list[int]:
        """Those that this process may use."""
        if hasattr(os, "sched_getaffinity"):
            return sorted(os.sched_getaffinity(0))
        return list(range(os.cpu_count() or 1))

    async def unit(self, name: str, properties: Sequence[str]) -> Mapping[str, str] | None:
        """What systemd says of a unit; None: it is not what runs this machine."""
        if not _runs_systemd() or shutil.which("systemctl") is None:
            return None
        command = ["systemctl", "show", name, f"--property={','.join(properties)}"]
        with trio.move_on_after(_SYSTEMCTL_SECONDS):
            try:
                done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.DEVNULL)
            except (OSError, subprocess.CalledProcessError):
                return None
            lines = done.stdout.decode("utf-8", "replace").splitlines()
            return dict(line.split("=", 1) for line in lines if "=" in line)
        return None


def _unescaped(text: str) -> str:
    """/proc/mounts writes a blank as \\040."""
    return text.encode("latin-1", "replace").decode("unicode_escape", "replace") if "\\" in text else text


def _runs_systemd() -> bool:
    """sd_booted(3)."""
    return Path("/run/systemd/system").is_dir()

"""What a process costs, as Linux tells it under /proc: CPU time and memory. None where there is no /proc."""

from pathlib import Path

_NANOSECONDS = 1e-9


def cpu_seconds(pid: int) -> float | None:
    """CPU time of all threads that live, to the nanosecond (/proc/PID/stat counts in hundredths of a second)."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) * _NANOSECONDS
    except OSError:
        return None


def resident_megabytes(pid: int) -> float | None:
    """Memory that is really held, in MB of 10^6 bytes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def file_system(path: Path) -> str | None:
    """The kind of file system that a path lies on: `ext4`, `tmpfs`."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    best, kind = "", None
    for mount in mounts:
        _, place, name = mount.split()[:3]
        if path.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, name
    return kind

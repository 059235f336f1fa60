"""The store's folder: whether this user may write there, how much room there is, on what it lies, how fast it is."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import trio

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings

NAME = "disk"
_find = Findings(NAME)
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "fuse.glusterfs", "ceph"})
_MEMORY = frozenset({"tmpfs", "ramfs"})
_LAYERS = frozenset({"overlay", "aufs"})
_SLOW_MS, _VERY_SLOW_MS = 20.0, 250.0
_TOO_QUICK_MS = 0.02
_MIB = 2**20
_BYTES_OF_QUEUED = 1024
"""Of one message that waits, with its row and its indexes; some 700 were measured."""


async def check(case: Case) -> list[Finding]:
    folder = case.settings.store.path.parent
    if not folder.is_dir():
        return [_missing(folder)]
    found = [*_room(case, folder), *_kind(case, folder)]
    try:
        taken = await trio.to_thread.run_sync(case.machine.fsync_seconds, folder, abandon_on_cancel=True)
    except OSError as error:
        found.append(_unwritable(folder, error))
    else:
        found += _speed(folder, taken)
    return found


def _missing(folder: Path) -> Finding:
    above = next(parent for parent in folder.parents if parent.is_dir())
    if os.access(above, os.W_OK | os.X_OK):
        return _find.note(str(folder), "is not there yet; the first start makes it")
    remedy = f"make it: install -d -m 0700 -o USER {folder}, with the user that the gateway runs as"
    return _find.fault(str(folder), f"is not there, and this user may not make it in {above}", remedy)


def _unwritable(folder: Path, error: OSError) -> Finding:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "free space on this disk, or raise the quota"
        return _find.fault(str(folder), f"nothing can be written: {error.strerror}", remedy)
    remedy = f"run this as the gateway's user; if that may not: chown USER {folder}; look for a mount that is `ro`"
    return _find.fault(str(folder), f"nothing can be written: {error.strerror}", remedy)


def _room(case: Case, folder: Path) -> Iterator[Finding]:
    settings, space = case.settings, case.machine.space(folder)
    reserve, low = settings.store.disk_reserve, settings.alerts.disk_low
    seen = f"{_shown(space.free)} free of {_shown(space.total)}"
    if space.free < reserve:
        remedy = f"free {_shown(reserve - space.free)} or more there, or move the store to a larger disk"
        yield _find.fault(
            str(folder), f"{seen}: below store.disk_reserve ({_shown(reserve)}), nothing is taken", remedy
        )
    elif space.free < low:
        remedy = "free space there soon: at store.disk_reserve submissions get 503"
        yield _find.warning(str(folder), f"{seen}: below alerts.disk_low ({_shown(low)})", remedy)
    else:
        yield _find.ok(str(folder), seen)
    needed = settings.store.backlog_limit * _BYTES_OF_QUEUED
    if space.free - reserve < needed:
        fit = max(space.free - reserve, 0) // _BYTES_OF_QUEUED
        remedy = "give the disk that room, or lower store.backlog_limit to what fits"
        words = f"room for a backlog of some {fit:,} messages; a full one takes {_shown(needed)}"
        yield _find.note("store.backlog_limit", f"{settings.store.backlog_limit:,}, and {words}", remedy)


def _kind(case: Case, folder: Path) -> Iterator[Finding]:
    mount = case.machine.mount(folder.resolve())
    if mount is None:
        yield _find.note(str(folder), "the system does not say on what file system it lies")
    elif mount.kind in _NETWORK:
        seen = f"lies on {mount.kind} ({mount.at}), whose locks and fsync can't be relied on: the store may break"
        yield _find.fault(str(folder), seen, "move the store to a local disk, and store.url with it")
    elif mount.kind in _MEMORY:
        seen = f"lies on {mount.kind} ({mount.at}): all that was accepted is gone when the machine restarts"
        yield _find.fault(str(folder), seen, "move the store to a disk, and store.url with it")
    elif mount.kind in _LAYERS:
        seen = f"lies on {mount.kind} ({mount.at}), the layer of a container: it goes with the container"
        yield _find.warning(str(folder), seen, "mount a volume of the host there")
    else:
        yield _find.ok(str(folder), f"lies on {mount.kind} ({mount.at})")


def _speed(folder: Path, taken: list[float]) -> Iterator[Finding]:
    """A 201 waits for one commit at least, and a commit for one fsync."""
    usual, worst = median(taken) * 1000, max(taken) * 1000
    seen = f"a small write is on the disk after {usual:.2f} ms, the slowest of {len(taken)} after {worst:.1f} ms"
    means = f"{seen}: a 201 and the answer to a receipt take that long at least, whatever the load"
    remedy = "use a local SSD with power-loss protection; look what else writes to this disk (`iostat -x 1`)"
    if usual > _SLOW_MS or worst > _VERY_SLOW_MS:
        yield _find.warning(str(folder), means, remedy)
    elif usual < _TOO_QUICK_MS:
        words = f"{seen}: so quick that it may not be on the disk, but in a cache that loses power with the machine"
        yield _find.note(str(folder), words, "make sure that the disk's write cache has a battery, or is off")
    else:
        yield _find.ok(str(folder), means)


def _shown(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB" if size >= 1024**3 else f"{size // _MIB} MiB"

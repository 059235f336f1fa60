"""`sluice doctor`: a disk that will not do, and one that will not be written to."""

import errno
from pathlib import Path
from typing import Any

import pytest
from examined_machines import GIB, SomeMachine, a_case, findings, the, written

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Verdict
from gateway.cli.doctor.machine import Machine


@pytest.mark.parametrize(
    ("told", "verdict", "words"),
    [
        ({"free": 10 * 2**20}, Verdict.FAULT, "below store.disk_reserve"),
        ({"free": 700 * 2**20}, Verdict.WARNING, "below alerts.disk_low"),
        ({"mount": "nfs4"}, Verdict.FAULT, "lies on nfs4"),
        ({"mount": "tmpfs"}, Verdict.FAULT, "lies on tmpfs"),
        ({"mount": "overlay"}, Verdict.WARNING, "layer of a container"),
        ({"fsync": [0.05] * 20}, Verdict.WARNING, "after 50.00 ms"),
        ({"write_fails": errno.EROFS}, Verdict.FAULT, "Read-only file system"),
        ({"write_fails": errno.ENOSPC}, Verdict.FAULT, "No space left"),
    ],
)
async def test_a_disk_that_will_not_do_is_told(
    tmp_path: Path, told: dict[str, Any], verdict: Verdict, words: str
) -> None:
    the(await findings(a_case(written(tmp_path), SomeMachine(**told)), "disk"), verdict, words)


async def test_a_backlog_for_which_there_is_no_room_is_a_note(tmp_path: Path) -> None:
    found = await findings(a_case(written(tmp_path), SomeMachine(free=3 * GIB)), "disk")
    assert "lower store.backlog_limit" in str(the(found, Verdict.NOTE, "room for a backlog").remedy)


async def test_a_folder_where_nothing_can_be_written_is_a_fault(tmp_path: Path) -> None:
    """The real machine: not even root writes there."""
    case = a_case(written(tmp_path), Machine())
    store = case.settings.store.model_copy(update={"url": "sqlite:///sys/kernel/sluice.db"})
    found = await findings(Case(case.config, case.settings.model_copy(update={"store": store})), "disk")
    assert "chown" in str(the(found, Verdict.FAULT, "nothing can be written").remedy)


def test_the_machine_measures_its_disk_and_leaves_nothing_behind(tmp_path: Path) -> None:
    machine = Machine()
    assert len(machine.fsync_seconds(tmp_path)) == 20
    assert list(tmp_path.iterdir()) == []
    assert machine.space(tmp_path).total > machine.space(tmp_path).free > 0
    mount = machine.mount(tmp_path)
    assert mount is None or tmp_path.is_relative_to(mount.at)
    assert machine.clock_is_synchronised() in (None, True, False)

"""`sluice doctor`: a database that is torn, and whose it is."""

import os
from pathlib import Path

from examined_machines import a_case, findings, the, written

from gateway.cli.doctor.findings import Verdict
from gateway.store.connection import lock


async def test_a_store_that_is_torn_is_a_fault(tmp_path: Path) -> None:
    case = a_case(written(tmp_path))
    case.settings.store.path.write_bytes(b"SQLite format 3\0" + b"torn" * 1000)
    assert "sluice restore" in str(the(await findings(case, "database"), Verdict.FAULT, "sluice.db").remedy)


async def test_who_owns_the_store_is_told(tmp_path: Path) -> None:
    config, store = written(tmp_path), tmp_path / "sluice.db"
    with lock(store):
        store.touch()
        found = await findings(a_case(config), "database")
    assert any(f"process {os.getpid()} runs on it" in finding.seen for finding in found)

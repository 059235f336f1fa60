"""`sluice doctor`: too few open files, and processors that are not there."""

from pathlib import Path

from examined_machines import SomeMachine, a_case, findings, the, written

from gateway.cli.doctor.findings import Verdict


async def test_too_few_open_files_and_processors_that_are_not_there_are_told(tmp_path: Path) -> None:
    config = written(tmp_path, top="[process]\ncpus = [7]")
    found = await findings(a_case(config, SomeMachine(files=1024)), "limits")
    assert "LimitNOFILE=65536" in str(the(found, Verdict.NOTE, "1,024 open files").remedy)
    the(found, Verdict.FAULT, "names 7")

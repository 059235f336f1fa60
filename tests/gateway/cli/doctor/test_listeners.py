"""`sluice doctor`: ports that others hold, and operators' that are open to the world."""

import socket
from pathlib import Path

from examined_machines import SomeMachine, a_case, findings, the, worst, written

from gateway.cli.doctor.findings import Verdict


async def test_a_port_that_another_holds_is_a_fault(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        config = written(tmp_path)
        config.write_text(config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}", 1))
        assert "ss -ltnp" in str(the(await findings(a_case(config), "listeners"), Verdict.FAULT, "another").remedy)
        systemds = SomeMachine(unit={"ActiveState": "active"})
        assert worst(await findings(a_case(config, systemds), "listeners")) == []


async def test_operators_calls_open_to_the_world_are_a_warning(tmp_path: Path) -> None:
    config = written(tmp_path)
    config.write_text(
        config.read_text().replace('[operator]\nlisten = ["127.0.0.1:0"]', '[operator]\nlisten = ["0.0.0.0:0"]')
    )
    the(await findings(a_case(config), "listeners"), Verdict.WARNING, "every address")

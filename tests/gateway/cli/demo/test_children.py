"""The demo's processes: what ends by itself is told with its log, what is ended is gone, no user's setting gets in."""

import os
from pathlib import Path

import pytest
import trio

from gateway.cli.demo.children import Child, DemoError
from gateway.cli.demo.setting import a_setting


async def test_a_child_that_ends_by_itself_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = Child("gateway", ["run", "--config", str(tmp_path / "missing.toml")], tmp_path / "log")
    await child.start()
    with pytest.raises(DemoError, match="The gateway ended by itself, with status 2") as failure:
        await child.watch()
    assert "missing.toml" in "\n".join(failure.value.log_tail)


async def test_a_child_speaks_and_is_gone_after_its_end(tmp_path: Path) -> None:
    child = Child("simulator", ["simulator", "--listen=127.0.0.1:0"], tmp_path / "log", speaks=True)
    await child.start()
    pid = child.pid
    try:
        with trio.fail_after(30):
            assert (await child.hear()).startswith("listening on 127.0.0.1:")
            assert await child.tell("set throttle-share 3%") == "set"
            assert (await child.tell("set throttle-share 300%")).startswith("error: ")
    finally:
        await child.end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(DemoError, match="The simulator is gone"):
        await child.tell("figures")


async def test_a_killed_child_is_dead_and_not_told_as_a_failure(tmp_path: Path, nursery: trio.Nursery) -> None:
    child = Child("simulator", ["simulator", "--listen=127.0.0.1:0"], tmp_path / "log", speaks=True)
    await child.start()
    nursery.start_soon(child.watch)
    await child.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


async def test_the_users_own_settings_do_not_reach_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_HTTP__LISTEN", '["203.0.113.1:1"]')
    with a_setting(4711) as world:
        child = Child("check", ["check", "--config", str(world.configuration)], tmp_path / "log", speaks=True)
        await child.start()
        printed = [await child.hear() for _ in range(6)]
        await child.end()
    assert any(str(world.http_port) in line for line in printed)
    assert not any("203.0.113.1" in line for line in printed)

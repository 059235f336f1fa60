"""What aiosqlite's thread gives back, and to whom."""

import gc
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.store.connection import connect, open_loop


async def test_a_fault_in_a_call_whose_caller_was_cancelled_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def broken(_: Any) -> None:
        done.append("broken")
        raise ValueError("a fault that nobody waits for")

    async with open_loop():
        connection = await connect(tmp_path / "sluice.db")
        try:
            with trio.CancelScope() as scope:
                scope.cancel()
                await connection.call(broken)
            assert scope.cancelled_caught
            # By the second one the thread has let go of the first's future.
            for _ in range(2):
                await connection.call(lambda _: done.append("next"))
            gc.collect()
        finally:
            await connection.close()
    assert done == ["broken", "next", "next"]
    assert caplog.text == ""


async def test_a_new_store_and_its_log_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "sluice.db"
    async with open_loop():
        connection = await connect(path)
        try:
            await connection.call(lambda own: own.execute("CREATE TABLE t (a)").close())
            modes = [path.with_name(f"sluice.db{end}").stat().st_mode & 0o777 for end in ("", "-wal", "-shm")]
        finally:
            await connection.close()
    assert modes == [0o600, 0o600, 0o600]

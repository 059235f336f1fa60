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

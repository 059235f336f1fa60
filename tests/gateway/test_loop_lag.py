"""How late the event loop is, by a clock that is moved by hand."""

import trio
import trio.testing

from gateway import loop_lag


async def test_what_holds_the_loop_shows_as_its_lag(mock_clock):
    told = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(loop_lag.watch, told.append)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(loop_lag.EVERY_SECONDS)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(loop_lag.EVERY_SECONDS + 0.25)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert told == [0.0, 0.25]

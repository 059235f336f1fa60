"""Turns when connections are scarce."""

import trio
from trio.testing import wait_all_tasks_blocked

from gateway.webhooks.turns import Turns


async def taken_at_once(turns: Turns, account: str, times: int) -> int:
    taken = 0
    for _ in range(times):
        with trio.move_on_after(0) as scope:
            await turns.take(account)
            taken += 1
        if scope.cancelled_caught:
            break
    return taken


async def test_a_greedy_account_leaves_room_for_others() -> None:
    turns = Turns(100)
    assert await taken_at_once(turns, "greedy", 1000) == 50
    assert await taken_at_once(turns, "modest", 1) == 1


async def test_several_greedy_accounts_still_leave_a_turn_to_a_new_one() -> None:
    turns = Turns(256)
    for number in range(7):
        await taken_at_once(turns, f"greedy {number}", 1000)
    assert await taken_at_once(turns, "new", 1) == 1


async def test_never_more_than_all_turns_are_held() -> None:
    turns = Turns(10)
    held = sum([await taken_at_once(turns, f"account {number}", 10) for number in range(30)])
    assert held == 10


async def test_a_turn_given_back_goes_to_whoever_holds_least(nursery: trio.Nursery) -> None:
    turns, order = Turns(2), list[str]()

    async def take(account: str) -> None:
        await turns.take(account)
        order.append(account)

    await turns.take("a")
    await turns.take("b")
    for account in ("a", "c"):
        nursery.start_soon(take, account)
        await wait_all_tasks_blocked()
    assert order == []
    turns.give_back("b")
    await wait_all_tasks_blocked()
    assert order == ["c"]
    turns.give_back("c")
    turns.give_back("a")
    await wait_all_tasks_blocked()
    assert order == ["c", "a"]


async def test_whoever_gives_up_waiting_keeps_no_turn(nursery: trio.Nursery) -> None:
    turns = Turns(1)
    await turns.take("a")
    assert await taken_at_once(turns, "b", 1) == 0
    turns.give_back("a")
    assert await taken_at_once(turns, "c", 1) == 1


async def test_a_turn_given_to_a_task_that_is_being_cancelled_comes_back() -> None:
    turns = Turns(1)
    await turns.take("a")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.take, "b")
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        turns.give_back("a")
    assert await taken_at_once(turns, "c", 1) == 1

"""Questions that fail whoever asked them: the rest of what a bind has to tell is told."""

from typing import Any

import pytest
from bound_binds import quiet

from gateway.carriers.bind_states import BindState
from protocol.pdus import QuerySm, QuerySmResp
from protocol.session_events import QuestionAnswered


def fails(answer: Any) -> None:
    raise LookupError("a fault of ours")


async def test_answers_are_handed_on_although_the_asker_of_a_question_beside_them_fails(
    bound: Any, autojump_clock: Any
) -> None:
    asked: list[Any] = []
    with pytest.RaisesGroup(pytest.RaisesExc(LookupError), flatten_subgroups=True):
        async with bound() as it:
            it.smsc.script = lambda pdu: 0
            it.smsc.reply = lambda pdu: QuerySmResp(sequence=pdu.sequence)
            it.bind.question(QuerySm("id-0"), fails)
            it.bind.question(QuerySm("id-0"), asked.append)
            it.submit(1)
            await quiet()
    assert it.feed.told() == [("t0", 0, "id-1", False)]
    assert [type(answer) for answer in asked] == [QuestionAnswered], "the next asker is told too"
    assert it.feed.end == ([], [])


async def test_the_end_is_told_although_the_asker_of_a_question_that_it_left_fails(
    bound: Any, autojump_clock: Any
) -> None:
    asked: list[Any] = []
    with pytest.RaisesGroup(pytest.RaisesExc(LookupError), flatten_subgroups=True):
        async with bound() as it:
            it.bind.question(QuerySm("id-0"), fails)
            it.bind.question(QuerySm("id-0"), asked.append)
            it.submit(1)
            await quiet()
            await it.smsc.hang_up()
            await quiet()
    assert asked == [None]
    assert it.feed.end == (["t0"], [])
    assert it.states[-1] is BindState.CLOSED

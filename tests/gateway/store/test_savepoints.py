"""A transaction keeps savepoints only once one had to be undone alone, and for a while after that."""

from gateway.messages import MessageState
from gateway.store import transaction


async def recorded(bench):
    """What the writer executes from now on."""
    statements: list[str] = []
    await bench.store._writer._connection.call(lambda c: c.set_trace_callback(statements.append))
    return statements


async def many_sent(bench, count=2):
    messages = await bench.accept(*(bench.a_message() for _ in range(count)))
    bind = bench.bind()
    await bind.ask(count)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    return messages, bind


async def test_where_nothing_is_undone_no_savepoint_is_kept(bench):
    statements = await recorded(bench)
    messages, _ = await many_sent(bench)
    assert [await bench.state(message) for message in messages] == [MessageState.SENT] * 2
    assert [sql for sql in statements if "SAVEPOINT" in sql] == []


async def test_what_must_be_undone_alone_runs_its_transaction_again_with_savepoints(bench):
    messages, bind = await many_sent(bench)
    (third,) = await bench.accept(bench.a_message())
    await bind.ask(1)
    statements = await recorded(bench)
    await bind.answer(*(bind.an_answer(message) for message in (*messages, third)))
    assert await bench.state(third) is MessageState.SENT
    assert "ROLLBACK TO ordinary" in statements
    assert statements.index("ROLLBACK") < statements.index("SAVEPOINT ordinary")
    assert bench.told(third) == ["message.sent"]


async def test_savepoints_are_kept_for_a_while_and_then_no_more(bench):
    messages, bind = await many_sent(bench)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    mirrors = bench.store._writer.mirrors
    assert 0 < mirrors.careful < transaction._CAREFUL
    for _ in range(mirrors.careful):
        await bench.store.keep_alive()
    statements = await recorded(bench)
    await many_sent(bench)
    assert [sql for sql in statements if "SAVEPOINT" in sql] == []

"""A lost link may leave hundreds of doubts: each is settled by its own receipt all the same."""

from gateway.messages import MessageState

MANY = 550
RECEIVED = 30
MINUTE = 60_000


def number(n):
    return f"+34611{n:06}"


async def many_doubts(bench, **changes):
    messages = await bench.accept(*[bench.a_message(recipient=number(n), **changes) for n in range(MANY)])
    bind = bench.bind()
    await bind.ask(MANY)
    return messages, bind


async def receive(bench, count=RECEIVED):
    for n in range(count):
        await bench.receipt(f"X{n}", to=number(n)[1:])


async def lose(bench, bind, messages):
    """The link is lost with all of them unanswered."""
    bench.store.doubt(bind.name, [name for message in messages for name in bind.names(message)], 0)
    await bench.commit()


async def states(bench, messages):
    return {await bench.state(message) for message in messages}


async def test_receipts_settle_doubts_however_many_there_are(bench):
    messages, bind = await many_doubts(bench)
    await lose(bench, bind, messages)
    await receive(bench)
    assert await states(bench, messages[:RECEIVED]) == {MessageState.DELIVERED}
    assert await states(bench, messages[RECEIVED:]) == {MessageState.IN_DOUBT}
    assert bench.store.counts()["parked"] == 0


async def test_receipts_that_came_before_the_link_was_lost_settle_them_too(bench):
    messages, bind = await many_doubts(bench)
    await receive(bench)
    await lose(bench, bind, messages)
    assert await states(bench, messages[:RECEIVED]) == {MessageState.DELIVERED}


async def test_pain_6_an_id_given_again_after_a_restart_settles_the_doubt_for_the_number_it_names(bench):
    """The message that has the id from before the restart is open too, and its receipt comes later."""
    before = await bench.sent("A1", recipient=number(1))
    after = await bench.accept_one(recipient=number(2))
    bind = bench.bind()
    await bind.ask(1)
    await bind.doubt(after)

    await bench.receipt("A1", to=number(2)[1:])

    assert [await bench.state(m) for m in (before, after)] == [MessageState.SENT, MessageState.DELIVERED]
    await bench.receipt("A1", "UNDELIV", to=number(1)[1:])
    assert await bench.state(before) is MessageState.UNDELIVERED


async def test_of_many_doubts_two_for_one_number_are_settled_by_no_receipt(bench):
    messages, bind = await many_doubts(bench)
    (again,) = await bench.accept(bench.a_message(recipient=number(0)))
    other = bench.bind("telco/2")
    await other.ask(1)
    await other.doubt(again)
    await lose(bench, bind, messages)
    await receive(bench, 2)
    assert [await bench.state(m) for m in (messages[0], again, messages[1])] == [
        MessageState.IN_DOUBT,
        MessageState.IN_DOUBT,
        MessageState.DELIVERED,
    ]

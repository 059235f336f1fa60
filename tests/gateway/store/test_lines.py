"""The lines of a stream are filed each on its own, and under a key each of them once, with what is answered to it."""

import pytest

from gateway.store.interface import Accepted, StoreFull
from gateway.store.lines import filing
from gateway.store.lines.interface import MOST_LINES, LineKeys, LinesIn


def digest(number, what="first"):
    return f"{what} {number}".encode().rjust(16, b"-")[-16:]


def asked(bench, numbers, *, key="k", refused=(), what="first"):
    """An ask of these lines; `refused`: those that a rule does not take."""
    good = [number for number in numbers if number not in refused]
    submission = bench.a_submission(*[bench.a_message() for _ in good])
    digests = {number: digest(number, what) for number in numbers}
    keys = (
        None
        if key is None
        else LineKeys(key, digests, {number: b'{"no":%d}' % number for number in refused if number in numbers})
    )
    return LinesIn(submission, good, keys)


def count(bench):
    return bench.sql("SELECT count(*) FROM messages")[0][0]


async def test_lines_without_a_key_are_filed_and_nothing_is_kept_of_them(bench):
    filed = await bench.store.file_lines(asked(bench, range(1, 4), key=None))
    assert (filed.accepted, list(filed.filed), filed.refusal) == (Accepted(), [0, 1, 2], None)
    assert (count(bench), bench.sql("SELECT count(*) FROM stream_lines")) == (3, [(0,)])


async def test_an_ask_keeps_one_row_however_many_lines_it_has(bench):
    lines = asked(bench, range(1, MOST_LINES + 1), refused=(7,))
    await bench.store.file_lines(lines)
    assert bench.sql("SELECT first, length(digests), length(messages) FROM stream_lines") == [(1, 8_000, 4_000)]


async def test_a_repeat_is_found_across_the_rows_that_its_lines_lie_in(bench):
    first = {}
    for numbers in (range(1, 4), range(4, 6), range(6, 11)):
        lines = asked(bench, numbers, refused=(5,))
        await bench.store.file_lines(lines)
        first |= dict(zip(lines.numbers, (message.id for message in lines.submission.messages), strict=True))
    again = await bench.store.file_lines(asked(bench, range(3, 13), refused=(5,)))
    assert sorted(again.again) == list(range(3, 11))
    found = {number: told.message.id for number, told in again.again.items() if told.message is not None}
    assert found == {number: first[number] for number in (3, 4, 6, 7, 8, 9, 10)}
    assert again.again[5].errors == b'{"no":5}'
    assert [again.filed[at] for at in range(2)] == [7, 8]  # lines 11 and 12, behind the seven that came before
    assert count(bench) == 11


async def test_rows_that_end_before_the_lines_asked_for_are_not_read(bench):
    for number in range(1, 40):
        await bench.store.file_lines(asked(bench, [number]))
    least, most = 40, 41
    assert bench.sql(filing._FIRST, "shop", "k", least - MOST_LINES + 1, most, least, 0) == []
    assert len(bench.sql(filing._FIRST, "shop", "k", least - MOST_LINES, most, least - 1, 0)) == 1


async def test_lines_that_a_rule_refuses_are_not_kept_below_the_disk_reserve(open_store):
    async with open_store(disk_reserve=1 << 60) as bench:
        with pytest.raises(StoreFull, match="reserve"):
            await bench.store.file_lines(asked(bench, [1, 2], refused=(1, 2)))
        assert bench.sql("SELECT count(*) FROM stream_lines") == [(0,)]


async def test_what_came_otherwise_is_told_and_not_filed(bench):
    await bench.store.file_lines(asked(bench, range(1, 4)))
    again = await bench.store.file_lines(asked(bench, range(2, 5), what="other"))
    assert (set(again.reused), list(again.filed), count(bench)) == ({2, 3}, [2], 4)


async def test_lines_left_out_for_want_of_room_are_remembered_under_no_number(open_store):
    async with open_store(backlog_limit=5) as bench:
        filed = await bench.store.file_lines(asked(bench, range(1, 9)))
        assert (len(filed.filed), list(filed.left_out)) == (5, [5, 6, 7])
        assert isinstance(filed.refusal, StoreFull)
        again = await bench.store.file_lines(asked(bench, range(1, 9)))
        assert (sorted(again.again), list(again.left_out), count(bench)) == ([1, 2, 3, 4, 5], [5, 6, 7], 5)


async def test_a_message_that_is_no_longer_kept_is_told_as_that(bench):
    lines = asked(bench, [1])
    await bench.store.file_lines(lines)
    await bench.store._writer._connection.call(lambda c: c.execute("DELETE FROM messages"))
    again = await bench.store.file_lines(asked(bench, [1]))
    assert again.again[1] == (lines.submission.id, None, None, None, None, None)

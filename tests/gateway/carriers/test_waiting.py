"""What waits in a bind: in order, and given back once it has waited for too long."""

from gateway.carriers.waiting import WAIT_BEYOND_ANSWER_SECONDS, Waiting

LONGEST = 10 + WAIT_BEYOND_ANSWER_SECONDS


def test_what_passes_others_is_overdue_no_later_than_they_are() -> None:
    waiting = Waiting(10)
    waiting.add([(b"", "a"), (b"", "b")], 0)
    waiting.put_in(0, [(b"", "first"), (b"", "second")], 20)
    waiting.add([(b"", "c")], 20)
    assert [waiting.token(place) for place in range(5)] == ["first", "second", "a", "b", "c"]
    assert waiting.until == LONGEST, "nothing behind it is forgotten for it"
    assert waiting.take_overdue(LONGEST) == ["first", "second", "a", "b"]
    assert waiting.until == 20 + LONGEST


def test_what_is_put_behind_all_waits_from_now_on() -> None:
    waiting = Waiting(10)
    waiting.put_in(0, [(b"", "a")], 5)
    assert waiting.until == 5 + LONGEST

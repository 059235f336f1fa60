from hypothesis import given
from hypothesis import strategies as st

from gateway.simulator.agenda import Agenda


def test_items_come_out_when_due_and_not_before() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.add(2.0, "later")
    agenda.add(1.0, "soon")
    assert agenda.take_due(0.9) == []
    assert agenda.take_due(1.0) == ["soon"]
    assert agenda.next_due == 2.0
    assert agenda.take_due(5.0) == ["later"]
    assert agenda.next_due is None


def test_an_item_that_becomes_the_first_is_told() -> None:
    agenda: Agenda[str] = Agenda()
    assert agenda.add(2.0, "a")
    assert not agenda.add(3.0, "b")
    assert not agenda.add(2.0, "as early, but behind")
    assert agenda.add(1.0, "c")


def test_a_flood_is_taken_in_pieces() -> None:
    agenda: Agenda[int] = Agenda()
    for number in range(10):
        agenda.add(1.0, number)
    assert agenda.take_due(1.0, limit=4) == [0, 1, 2, 3]
    assert len(agenda) == 6


@given(st.lists(st.integers(0, 20)))
def test_order_is_by_time_and_then_by_arrival(times: list[int]) -> None:
    agenda: Agenda[tuple[int, int]] = Agenda()
    for position, due in enumerate(times):
        agenda.add(due, (due, position))
    assert agenda.take_due(100) == sorted((due, position) for position, due in enumerate(times))

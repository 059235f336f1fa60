"""Whether a carrier sends fewer receipts than usual."""

from gateway.rules.receipt_rates import ReceiptRates, is_amiss

LIMIT = 0.5


class Played:
    """A carrier that takes so many a minute, of which a share has a receipt so many minutes later."""

    def __init__(self, delay_minutes: int = 0) -> None:
        self.rates = ReceiptRates(600.0)
        self.delay = delay_minutes
        self.taken = self.receipts = 0.0
        self.due: list[float] = [0.0] * delay_minutes
        self.minute = 0

    def play(self, minutes: int, taken: int, share: float) -> list[bool | None]:
        """For each minute whether it is amiss; None: nothing to go by."""
        seen: list[bool | None] = []
        for _ in range(minutes):
            self.taken += taken
            self.due.append(taken * share)
            self.receipts += self.due.pop(0)
            self.minute += 1
            now = 60.0 * self.minute
            rates = self.rates.look(round(self.taken), round(self.receipts), 60.0 * self.delay, now)
            seen.append(None if rates is None else is_amiss(rates, LIMIT, is_raised=bool(seen and seen[-1])))
        return seen


def test_a_carrier_that_does_as_usual_is_well_however_low_that_is() -> None:
    assert set(Played().play(120, 100, 0.3)[20:]) == {False}


def test_half_of_the_usual_is_told_within_the_window() -> None:
    carrier = Played()
    carrier.play(120, 100, 0.9)
    assert True in carrier.play(10, 100, 0.2)


def test_it_is_over_when_they_come_again() -> None:
    carrier = Played()
    carrier.play(120, 100, 0.9)
    assert carrier.play(15, 100, 0.0)[-1] is True
    assert carrier.play(15, 100, 0.9)[-1] is False


def test_more_traffic_all_at_once_is_no_want_of_receipts_where_they_come_late() -> None:
    carrier = Played(delay_minutes=5)
    carrier.play(120, 10, 0.9)
    assert True not in carrier.play(30, 1_000, 0.9)


def test_too_little_traffic_says_nothing() -> None:
    carrier = Played()
    carrier.play(120, 100, 0.9)
    assert carrier.play(15, 2, 0.0)[-1] is None


def test_it_is_over_when_the_carrier_gets_no_messages_any_more() -> None:
    carrier = Played()
    carrier.play(120, 100, 0.9)
    assert carrier.play(15, 100, 0.0)[-1] is True
    assert carrier.play(15, 0, 0.0)[-1] is False


def test_a_carrier_that_never_sent_any_is_not_low() -> None:
    assert set(Played().play(120, 100, 0.0)) == {None}


def test_nothing_is_usual_before_there_was_enough() -> None:
    assert set(Played().play(40, 10, 0.9)) == {None}


def test_it_is_sampled_once_a_minute_however_often_it_is_looked_at() -> None:
    rates = ReceiptRates(600.0)
    for second in range(30 * 60):
        seen = rates.look(second * 10, second * 9, 0.0, float(second))
    assert seen is not None
    assert round(seen.rate, 2) == 0.9
    assert seen.taken == 6_000

"""Whether a lane's deliveries take too long."""

from gateway.rules.delivery_times import LEAST, DeliveryTimes, Slowness

LIMIT = 30.0
WINDOW = 300.0


def seen(*seconds: float) -> Slowness | None:
    times = DeliveryTimes(LIMIT, WINDOW)
    for value in seconds:
        times.add(round(value * 1000))
    return times.slowness()


def is_slow(*seconds: float, is_raised: bool = False) -> bool:
    slowness = seen(*seconds)
    assert slowness is not None
    return DeliveryTimes(LIMIT, WINDOW).is_amiss(slowness, is_raised=is_raised)


def test_one_in_ten_above_the_limit_is_not_yet_slow_and_more_are() -> None:
    assert not is_slow(*[1.0] * 90, *[31.0] * 10)
    assert is_slow(*[1.0] * 89, *[31.0] * 11)


def test_the_limit_itself_is_in_time() -> None:
    assert not is_slow(*[LIMIT] * 100)
    assert is_slow(*[LIMIT + 0.001] * 100)


def test_once_slow_it_has_to_be_well_below_the_limit() -> None:
    assert is_slow(*[29.0] * 100, is_raised=True)
    assert not is_slow(*[29.0] * 100)
    assert not is_slow(*[24.0] * 100, is_raised=True)


def test_few_say_nothing_and_none_are_not_slow() -> None:
    assert seen(*[99.0] * (LEAST - 1)) is None
    assert seen(*[99.0] * LEAST) is not None
    nothing = seen()
    assert nothing == Slowness(0, 0.0)


def test_what_took_longer_than_any_bucket_counts() -> None:
    assert is_slow(*[10_000_000.0] * LEAST)


def test_only_the_last_five_minutes_count() -> None:
    times = DeliveryTimes(LIMIT, WINDOW)
    for _ in range(100):
        times.add(99_000)
    for now in range(int(WINDOW)):
        times.slide(float(now))
        assert times.slowness() is not None
    times.slide(WINDOW)
    assert times.slowness() == Slowness(0, 0.0)

"""Buckets that fill by the second and lend, and UTC days."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.limits import DAY_MS, AccountLimit, Bucket, LimitReached, day_of, to_next_day

NOW = 1_800_000_000_000


def test_a_bucket_gives_a_seconds_worth_at_once_and_then_by_the_second() -> None:
    bucket = Bucket(10, NOW)
    assert (bucket.left(NOW), bucket.wait_ms(10, NOW)) == (10, 0)
    bucket.take(10, NOW)
    assert bucket.wait_ms(1, NOW) == 100
    assert bucket.wait_ms(1, NOW + 99) == 1
    assert bucket.wait_ms(1, NOW + 100) == 0


def test_a_bucket_never_holds_more_than_a_seconds_worth() -> None:
    assert Bucket(10, NOW).left(NOW + 3_600_000) == 10


def test_more_than_it_holds_is_lent_by_a_full_bucket_alone_and_paid_back_first() -> None:
    bucket = Bucket(10, NOW)
    assert bucket.wait_ms(500, NOW) == 0
    bucket.take(500, NOW)
    assert bucket.wait_ms(1, NOW) == 49_100
    assert bucket.wait_ms(500, NOW) == 50_000


def test_what_is_about_to_be_taken_counts() -> None:
    assert Bucket(10, NOW).wait_ms(5, NOW, also=6) == 100


def test_a_clock_that_goes_back_fills_nothing_twice_and_stops_nothing() -> None:
    bucket = Bucket(10, NOW)
    bucket.take(10, NOW)
    assert bucket.left(NOW - 3_600_000) == 0
    assert bucket.wait_ms(1, NOW - 3_600_000 + 100) == 0


@given(st.integers(1, 1000), st.lists(st.tuples(st.integers(0, 2_000), st.integers(1, 50)), max_size=60))
def test_no_more_is_given_than_the_rate_and_one_seconds_worth_let_through(
    rate: int, calls: list[tuple[int, int]]
) -> None:
    bucket, now, given_ = Bucket(rate, NOW), NOW, 0
    for pause, count in calls:
        now += pause
        if count <= rate and not bucket.wait_ms(count, now):
            bucket.take(count, now)
            given_ += count
    assert given_ <= rate * (1 + (now - NOW) / 1000) + 1e-3


def test_a_day_ends_at_midnight_utc() -> None:
    midnight = NOW - NOW % DAY_MS
    assert (day_of(midnight), to_next_day(midnight)) == (midnight // DAY_MS, DAY_MS)
    assert (day_of(midnight - 1), to_next_day(midnight - 1)) == (midnight // DAY_MS - 1, 1)


def test_only_a_day_or_a_backlog_can_be_too_small_for_ever() -> None:
    ends = {limit: LimitReached(limit, 10, 11, 0).is_for_ever for limit in AccountLimit}
    assert {limit for limit, ever in ends.items() if ever} == {AccountLimit.DAY, AccountLimit.BACKLOG}
    assert not LimitReached(AccountLimit.DAY, 10, 10, 0).is_for_ever

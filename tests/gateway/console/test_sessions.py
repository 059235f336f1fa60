"""How long a session lasts, and how many there are; how many wrong tokens may be tried."""

from ipaddress import ip_address

from gateway.console.attempts import MOST_ADDRESSES, Attempts
from gateway.console.sessions import MOST_SESSIONS, Sessions


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_that_is_used_lasts_twelve_hours() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    cookie = sessions.begin("a")
    for _ in range(23):
        clock.now += 1800
        assert sessions.of(cookie) is not None
    clock.now += 1800
    assert sessions.of(cookie) is None
    assert len(sessions) == 0


def test_a_session_ends_after_an_hour_without_use() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    cookie = sessions.begin("a")
    session = sessions.of(cookie)
    assert session is not None
    clock.now += 3599
    assert sessions.is_open(session)
    clock.now += 1
    assert not sessions.is_open(session), "to ask is not to use it"
    assert sessions.of(cookie) is None


def test_a_page_that_renews_itself_keeps_no_session_alive() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    cookie = sessions.begin("a")
    clock.now += 3000
    assert sessions.of(cookie, is_use=False) is not None
    clock.now += 600
    assert sessions.of(cookie, is_use=False) is None
    assert len(sessions) == 0


def test_the_session_that_was_not_used_for_longest_makes_room() -> None:
    sessions = Sessions(Clock())
    first, second = sessions.begin("a"), sessions.begin("a")
    assert sessions.of(first) is not None
    for _ in range(MOST_SESSIONS - 1):
        sessions.begin("b")
    assert len(sessions) == MOST_SESSIONS
    assert sessions.of(second) is None
    assert sessions.of(first) is not None


def test_no_cookie_is_no_session() -> None:
    sessions = Sessions(Clock())
    sessions.begin("a")
    assert sessions.of(None) is sessions.of("") is sessions.of("\ud800é") is None


def test_cookies_and_fields_are_told_apart() -> None:
    sessions = Sessions(Clock())
    cookies = [sessions.begin("a") for _ in range(50)]
    fields = {session.csrf for cookie in cookies if (session := sessions.of(cookie)) is not None}
    assert len({*cookies, *fields}) == 100


def test_wrong_tokens_are_forgotten_after_a_minute() -> None:
    clock = Clock()
    attempts, home = Attempts(clock), ip_address("203.0.113.9")
    for _ in range(10):
        assert attempts.wait_seconds(home) == 0
        attempts.wrong(home)
        clock.now += 1
    assert attempts.wait_seconds(home) == 50
    clock.now += 50
    assert attempts.wait_seconds(home) == 0
    attempts.wrong(home)
    assert attempts.wait_seconds(home) == 1


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    attempts = Attempts(Clock())
    for host in range(10):
        attempts.wrong(ip_address(f"2001:db8::{host}"))
    assert attempts.wait_seconds(ip_address("2001:db8::ffff")) == 60
    assert attempts.wait_seconds(ip_address("2001:db8:0:1::1")) == 0


def test_addresses_without_number_share_one_count() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for number in range(MOST_ADDRESSES + 10):
        attempts.wrong(ip_address(number))
    assert attempts.wait_seconds(ip_address("203.0.113.9")) == 60
    clock.now += 60
    attempts.wrong(ip_address("203.0.113.9"))
    assert attempts.wait_seconds(ip_address("203.0.113.9")) == 0

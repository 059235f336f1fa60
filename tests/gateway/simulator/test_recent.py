from gateway.simulator.recent import Recent


def test_what_was_put_is_found_and_replaced() -> None:
    recent: Recent[str, int] = Recent(10)
    recent.put("a", 1)
    recent.put("a", 2)
    assert "a" in recent
    assert recent.get("a") == 2
    assert recent.get("b") is None


def test_the_oldest_are_forgotten_and_the_latest_half_never() -> None:
    recent: Recent[int, int] = Recent(100)
    for number in range(1000):
        recent.put(number, number)
        assert len(recent) <= 100
        assert all(earlier in recent for earlier in range(max(0, number - 49), number + 1))
    assert 800 not in recent
    assert recent.get(800) is None

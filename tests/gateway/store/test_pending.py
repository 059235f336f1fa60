"""How much is taken into one transaction."""

import pytest

from gateway.store import pending


def test_a_batch_is_as_large_as_ten_milliseconds_allow():
    asked = pending.Pending()
    asked.receipts = [(None, None)] * 100_000
    assert len(asked.take().receipts) == 2_000
    for _ in range(30):
        asked.learn(1_000, 0.025)
    assert len(asked.take().receipts) == pytest.approx(400, abs=2)
    for _ in range(30):
        asked.learn(500, 1.0)
    assert len(asked.take().receipts) == 200
    for _ in range(60):
        asked.learn(500, 0.001)
    assert len(asked.take().receipts) == 2_000
    asked.learn(1, 1.0)
    assert len(asked.take().receipts) == 2_000, "a small batch tells nothing of what a row costs"

"""The look that every gateway's log is given (tests/support/quiet_logs.py) finds what it is for, and nothing else."""

import pytest
from quiet_logs import note, private_in


@pytest.mark.parametrize(
    "line",
    [
        "level=info room=messages msg=accepted to=+34600000001",
        "level=info room=messages msg=accepted to=34600000001",
        'level=warning room=api msg="no route for 15551234567"',
        "level=debug room=api text=Hello",
        "level=debug room=api authorization=sk_live_0123",
        "level=debug room=webhooks secret=whsec_MfKQ",
        "level=debug room=messages msg=claimed text=Kolibri-in-the-log",
        'level=debug room=messages msg=claimed text="caf\\u00e9 at the corner"',
    ],
)
def test_a_line_that_tells_too_much_is_found(line: str) -> None:
    note([{"to": "+34600000001", "text": "Kolibri-in-the-log"}, {"text": "caf\u00e9 at the corner"}])
    assert private_in(["level=info room=daemon msg=started", line]) == [line]


def test_what_a_log_is_for_is_let_pass() -> None:
    lines = [
        "at=2026-11-21T18:04:05.123Z room=messages msg=answered message=msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD ms=10",
        "level=debug room=messages msg=receipt bind=telco/1 carrier_message_id=1795339374968017 state=DELIVERED",
        "level=info room=messages msg=accepted to=...001 segments=1",
        "level=info room=store disk_reserve=268435456 path=/tmp/sluice.db",
    ]
    assert private_in(lines) == []

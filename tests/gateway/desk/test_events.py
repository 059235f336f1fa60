"""What operators see of events: what they tell, but never a text, and numbers as far as they may see them."""

import json
from typing import Any

import pytest

from gateway.desk.events import event
from gateway.desk.masks import Sight
from gateway.store.views import EventRow


def a_row(body: dict[str, Any], url: str = "https://shop.example:8443/sms?token=secret") -> EventRow:
    return EventRow(
        7 << 20, "", "message.inbound", None, "pending", url, 2, None, 500, "said 500", json.dumps(body).encode()
    )


@pytest.mark.parametrize(("sight", "number"), [(Sight.MASKED, "+34•••••••01"), (Sight.WHOLE, "+34600000001")])
def test_texts_are_never_shown_and_numbers_as_far_as_they_may_be_seen(sight: Sight, number: str) -> None:
    data = {"from": "+34600000001", "to": "SHOP", "text": "my secret", "parts": 1}
    shown = event(a_row({"id": "evt_1", "data": data}), sight)
    assert shown["event"]["data"] == {"from": number, "to": "SHOP", "text": None, "parts": 1}
    assert "secret" not in json.dumps(shown)


def test_urls_are_shown_without_what_may_be_a_secret_in_them() -> None:
    shown = event(a_row({"id": "evt_1"}), Sight.WHOLE)
    assert (shown["url"], shown["account"]) == ("https://shop.example:8443/sms", "operator")
    at_address = event(a_row({"id": "evt_1"}, "https://me:secret@[2001:db8::1]:8443/sms"), Sight.WHOLE)
    assert at_address["url"] == "https://[2001:db8::1]:8443/sms"

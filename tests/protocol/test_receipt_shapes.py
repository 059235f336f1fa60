"""Receipts that are written as something else than `key:value`."""

from protocol.receipt_shapes import as_keys


def test_pairs_that_a_receipt_does_not_have_are_left_out():
    assert as_keys('{"route": "7", "messageId": "5F3A", "status": "DELIVRD"}') == "id:5F3A stat:DELIVRD"
    assert as_keys("route=7&cost=1") is None

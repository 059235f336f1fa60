"""A message's story in the words of callers: from rows to parts, timeline and error."""

from typing import Any

import pytest
from msgspec import json

from gateway.api import timeline
from gateway.messages import AttemptState, MessageState
from gateway.store.views import AttemptRow, MessageRow, MessageStory, ReceiptRow, WebhookTry
from protocol.command_status import CommandStatus

AT = 1_795_284_245_123
ID = AT << 20
SUBMIT = ["at", "what", "part", "attempt", "carrier", "bind", "outcome", "command_status"]


def a_row(**changes: Any) -> MessageRow:
    given: dict[str, Any] = {
        "id": ID,
        "account": "shop",
        "submission": ID + 1,
        "request_id": ID + 2,
        "lane": "transactional",
        "route": "rest",
        "state": MessageState.QUEUED,
        "sender": "SHOP",
        "recipient": "+34600000001",
        "text": "Hello",
        "text_erased_at": None,
        "encoding": "gsm7",
        "segments": 1,
        "country": "ES",
        "allow_unicode": 0,
        "client_id": None,
        "tag": None,
        "scheduled_at": None,
        "expires_at": AT + 86_400_000,
        "due": None,
        "sent_at": None,
        "done_at": None,
        "tries": 0,
        "throttles": 0,
        "attempts": 0,
        "possible_duplicate": 0,
        "error": None,
        "endpoint": 1,
    }
    return MessageRow(**{**given, **changes})


def an_attempt(state: AttemptState, **changes: Any) -> AttemptRow:
    given: dict[str, Any] = {
        "message": ID,
        "part": 1,
        "attempt": 1,
        "state": state,
        "carrier": "telco",
        "bind": "telco/1",
        "claimed_at": AT + 10,
        "answered_at": None,
        "latency_ms": None,
        "command_status": None,
        "carrier_message_id": None,
        "retry_at": None,
        "done_at": None,
        "err": None,
        "network_error": None,
    }
    return AttemptRow(**{**given, **changes})


def a_receipt(state: str, **changes: Any) -> ReceiptRow:
    given: dict[str, Any] = {
        "message": ID,
        "part": 1,
        "attempt": 1,
        "carrier": "telco",
        "bind": "telco/1",
        "at": AT + 3000,
        "state": state,
        "err": "000",
        "matched": "exact",
        "applied": 1,
        "raw": f"id:1 stat:{state} text:Hello",
    }
    return ReceiptRow(**{**given, **changes})


def told(row: MessageRow, attempts: Any = (), receipts: Any = (), webhooks: Any = ()) -> dict[str, Any]:
    found: dict[str, Any] = json.decode(
        json.encode(timeline.full(MessageStory(row, list(attempts), list(receipts), list(webhooks))))
    )
    return found


def test_the_story_of_the_contract_reads_as_the_contract_shows_it() -> None:
    row = a_row(state=MessageState.DELIVERED, sent_at=AT + 1100, done_at=AT + 3000, attempts=2)
    throttled = an_attempt(
        AttemptState.POSTPONED,
        command_status=CommandStatus.ESME_RTHROTTLED,
        latency_ms=41,
        answered_at=AT + 51,
        retry_at=AT + 1000,
    )
    sent = an_attempt(
        AttemptState.DELIVERED, attempt=2, bind="telco/2", claimed_at=AT + 1050, answered_at=AT + 1088, latency_ms=38,
        command_status=0, carrier_message_id="5F3A", done_at=AT + 3000,
    )  # fmt: skip
    webhook = WebhookTry(
        ID + 9, "message.delivered", "https://shop.example/sms?key=hidden", 1, AT + 3100, 200, 62, None
    )
    message = told(row, [throttled, sent], [a_receipt("DELIVRD")], [webhook])
    assert (message["status"], message["attempts"], message["error"]) == ("delivered", 2, None)
    assert message["parts"] == [
        {"part": 1, "status": "delivered", "carrier": "telco", "carrier_message_id": "5F3A", "attempts": 2}
    ]
    assert [list(step) for step in message["timeline"]] == [
        ["at", "what", "request_id"],
        [*SUBMIT, "latency_ms", "next_try_at"],
        [*SUBMIT, "carrier_message_id", "latency_ms"],
        ["at", "what", "part", "carrier", "state", "err", "raw", "applied"],
        ["at", "what", "event_id", "type", "host", "attempt", "http_status", "latency_ms"],
    ]
    assert message["timeline"][1]["command_status"] == "ESME_RTHROTTLED"
    assert message["timeline"][1]["outcome"] == "throttled"
    assert message["timeline"][1]["next_try_at"] == "2026-11-21T18:04:06.123Z"
    assert message["timeline"][2]["outcome"] == "sent"
    assert message["timeline"][3]["applied"] is True
    assert message["timeline"][4]["host"] == "shop.example"
    assert (message["allow_unicode"], message["possible_duplicate"]) == (False, False)


@pytest.mark.parametrize(
    ("state", "changes", "outcome", "status"),
    [
        (AttemptState.SUBMITTING, {}, "submitting", "queued"),
        (AttemptState.IN_DOUBT, {}, "in_doubt", "queued"),
        (AttemptState.SENT, {"command_status": 0, "answered_at": AT}, "sent", "sent"),
        (AttemptState.POSTPONED, {"command_status": int(CommandStatus.ESME_RMSGQFUL)}, "throttled", "queued"),
        (AttemptState.POSTPONED, {"command_status": int(CommandStatus.ESME_RSYSERR)}, "temporary_error", "queued"),
        (AttemptState.REFUSED, {"command_status": int(CommandStatus.ESME_RINVDSTADR)}, "refused", "failed"),
        (AttemptState.RELEASED, {}, "released", "queued"),
        (AttemptState.RESENT, {}, "resent", "queued"),
        (AttemptState.REROUTED, {}, "sent", "sent"),
        (AttemptState.UNKNOWN, {}, "unknown", "unknown"),
        (AttemptState.UNKNOWN, {"answered_at": AT, "command_status": 0}, "sent", "unknown"),
        (AttemptState.DELIVERED, {}, "sent", "delivered"),
        (AttemptState.UNDELIVERED, {}, "sent", "undelivered"),
        (AttemptState.EXPIRED, {}, "sent", "expired"),
        (AttemptState.REJECTED, {}, "sent", "rejected"),
        (AttemptState.CANCELED, {}, "sent", "canceled"),
    ],
)
def test_every_state_of_an_attempt_has_its_outcome_and_its_part_a_public_status(
    state: AttemptState, changes: dict[str, Any], outcome: str, status: str
) -> None:
    message = told(a_row(), [an_attempt(state, **changes)])
    assert message["timeline"][1]["outcome"] == outcome
    assert message["parts"][0]["status"] == status


def test_every_attempt_state_is_named_above() -> None:
    marks = test_every_state_of_an_attempt_has_its_outcome_and_its_part_a_public_status.pytestmark
    assert {case[0] for case in marks[0].args[1]} == set(AttemptState)


def test_a_part_stands_where_its_latest_attempt_stands() -> None:
    attempts = [
        an_attempt(AttemptState.POSTPONED, part=2),
        an_attempt(AttemptState.SENT, part=2, attempt=2),
        an_attempt(AttemptState.SENT, part=1),
    ]
    assert [
        (part["part"], part["status"], part["attempts"]) for part in told(a_row(segments=2), attempts)["parts"]
    ] == [
        (1, "sent", 1),
        (2, "sent", 2),
    ]


def test_a_part_whose_first_attempt_arrived_after_all_is_delivered_by_it() -> None:
    attempts = [
        an_attempt(AttemptState.DELIVERED, carrier_message_id="first", carrier="one"),
        an_attempt(AttemptState.SENT, attempt=2, carrier_message_id="second", carrier="two"),
    ]
    (part,) = told(a_row(state=MessageState.DELIVERED, done_at=AT), attempts)["parts"]
    shown = {"part": 1, "status": "delivered", "carrier": "one", "carrier_message_id": "first", "attempts": 2}
    assert part == shown


@pytest.mark.parametrize(
    ("state", "attempt", "status"),
    [
        (MessageState.CANCELED, AttemptState.POSTPONED, "canceled"),
        (MessageState.EXPIRED, AttemptState.RELEASED, "expired"),
        (MessageState.UNKNOWN, AttemptState.RESENT, "unknown"),
        (MessageState.FAILED, AttemptState.IN_DOUBT, "unknown"),
        (MessageState.RETRYING, AttemptState.POSTPONED, "queued"),
    ],
)
def test_a_part_that_waits_no_more_ends_with_its_message(
    state: MessageState, attempt: AttemptState, status: str
) -> None:
    (part,) = told(a_row(state=state), [an_attempt(attempt)])["parts"]
    assert part["status"] == status


def test_the_unknown_that_a_late_receipt_replaced_stays_in_the_timeline() -> None:
    unknown_at = AT + 2000
    told_of_it = WebhookTry(
        (unknown_at << 20) + 7, "message.unknown", "https://shop.example", 1, AT + 2100, 200, 5, None
    )
    row = a_row(state=MessageState.DELIVERED, done_at=AT + 3000)
    steps = told(row, [an_attempt(AttemptState.DELIVERED)], [a_receipt("DELIVRD")], [told_of_it])["timeline"]
    assert [step["what"] for step in steps] == ["accepted", "submit", "unknown", "webhook", "receipt"]
    assert steps[2] == {"at": "2026-11-21T18:04:07.123Z", "what": "unknown"}


def test_steps_stand_by_time_whichever_table_they_come_from() -> None:
    late = an_attempt(AttemptState.DELIVERED, claimed_at=AT + 500)
    message = told(a_row(), [late], [a_receipt("DELIVRD", at=AT + 400)])
    assert [step["what"] for step in message["timeline"]] == ["accepted", "receipt", "submit"]


def test_an_erased_text_is_erased_from_receipts_too() -> None:
    row = a_row(state=MessageState.DELIVERED, done_at=AT, text=None, text_erased_at=AT + 9)
    message = told(row, [], [a_receipt("DELIVRD", raw="id:1 stat:DELIVRD err:000 Text:Hel\nlo")])
    assert (message["text"], message["text_erased_at"]) == (None, "2026-11-21T18:04:05.132Z")
    assert message["timeline"][1]["raw"] == "id:1 stat:DELIVRD err:000 Text:"


def test_a_contradicting_or_converted_receipt_says_so() -> None:
    message = told(a_row(), [], [a_receipt("UNDELIV", applied=0, matched="converted")])
    assert message["timeline"][1]["applied"] is False
    assert message["timeline"][1]["matched"] == "converted"


def test_the_error_gives_cause_words_and_what_the_carrier_said() -> None:
    row = a_row(state=MessageState.UNDELIVERED, done_at=AT + 3000, error="unknown_subscriber")
    attempt = an_attempt(
        AttemptState.UNDELIVERED, command_status=0, answered_at=AT, done_at=AT + 3000, err="001", network_error="3:1"
    )
    error = told(row, [attempt], [a_receipt("UNDELIV", err="001")])["error"]
    assert list(error) == ["class", "code", "description", "carrier_code"]
    assert (error["class"], error["code"]) == ("permanent", "unknown_subscriber")
    assert error["carrier_code"] == {
        "command_status": None,
        "receipt_state": "UNDELIV",
        "err": "001",
        "network_error_code": "gsm:1",
    }


def test_the_error_of_a_long_message_is_that_of_the_part_that_decided() -> None:
    row = a_row(state=MessageState.UNDELIVERED, done_at=AT + 3000, error="unknown_subscriber", segments=2)
    failed = an_attempt(AttemptState.UNDELIVERED, part=1, done_at=AT + 2000, err="001")
    taken = an_attempt(AttemptState.DELIVERED, part=2, done_at=AT + 3000, err="000")
    receipts = [a_receipt("UNDELIV", part=1, err="001"), a_receipt("DELIVRD", part=2, err="000")]
    said = told(row, [failed, taken], receipts)["error"]["carrier_code"]
    assert (said["receipt_state"], said["err"]) == ("UNDELIV", "001")


def test_a_refusal_shows_its_command_status() -> None:
    row = a_row(state=MessageState.FAILED, done_at=AT + 60, error="destination_not_served")
    attempt = an_attempt(AttemptState.REFUSED, command_status=int(CommandStatus.ESME_RINVDSTADR), answered_at=AT + 60)
    message = told(row, [attempt])
    assert message["error"]["carrier_code"]["command_status"] == "ESME_RINVDSTADR"
    assert [step["what"] for step in message["timeline"]] == ["accepted", "submit"]


@pytest.mark.parametrize(
    ("state", "error", "what"),
    [
        (MessageState.CANCELED, "canceled", "canceled"),
        (MessageState.EXPIRED, "expired", "expired"),
        (MessageState.OPTED_OUT, "opted_out", "opted_out"),
        (MessageState.FAILED, "no_route", "failed"),
        (MessageState.UNKNOWN, "no_receipt", "unknown"),
    ],
)
def test_an_end_that_no_carrier_told_is_a_step_of_its_own(state: MessageState, error: str, what: str) -> None:
    message = told(a_row(state=state, done_at=AT + 50, error=error))
    end = message["timeline"][-1]
    assert list(end) == ["at", "what", "code", "reason"]
    assert (end["at"], end["what"], end["code"]) == ("2026-11-21T18:04:05.173Z", what, error)
    assert end["reason"] == message["error"]["description"]
    assert message["error"]["carrier_code"] is None


def test_an_expiry_by_receipt_is_told_once() -> None:
    row = a_row(state=MessageState.EXPIRED, done_at=AT + 3000, error="expired")
    message = told(row, [an_attempt(AttemptState.EXPIRED)], [a_receipt("EXPIRED")])
    assert [step["what"] for step in message["timeline"]] == ["accepted", "submit", "receipt"]


def test_a_schedule_shows_in_the_timeline() -> None:
    message = told(a_row(state=MessageState.SCHEDULED, scheduled_at=AT + 1000))
    assert message["status"] == "scheduled"
    assert [step["what"] for step in message["timeline"]] == ["accepted", "scheduled"]
    assert message["timeline"][1]["schedule"] == "2026-11-21T18:04:06.123Z"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"state": MessageState.QUEUED}, ["queued"]),
        ({"state": MessageState.EXPIRED, "done_at": AT + 2000, "error": "expired"}, ["queued", "expired"]),
        ({"state": MessageState.CANCELED, "done_at": AT + 500, "error": "canceled"}, ["canceled"]),
        ({"state": MessageState.QUEUED, "options": f'{{"deliver_at": {AT + 1000}}}'}, []),
    ],
    ids=["fired", "fired and ended", "ended before", "held by its carrier"],
)
def test_a_schedule_that_has_fired_shows_when_it_was_queued(changes: Any, expected: list[str]) -> None:
    message = told(a_row(scheduled_at=AT + 1000, **changes))
    assert [step["what"] for step in message["timeline"]] == ["accepted", "scheduled", *expected]
    if "queued" in expected:
        assert message["timeline"][2]["at"] == "2026-11-21T18:04:06.123Z"

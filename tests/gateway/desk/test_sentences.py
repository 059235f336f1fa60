"""A message's story begins with a sentence that tells what became of it, whatever that was."""

from typing import Any

import pytest

from gateway.desk.sentences import sentence
from gateway.messages import Status

AT = "2026-11-21T18:04:05.000Z"
LATER = "2026-11-21T18:04:09.200Z"
NEXT = "2026-11-21T18:04:35.000Z"


def submit(
    outcome: str, command_status: str | None = None, *, carrier: str = "telco", **further: Any
) -> dict[str, Any]:
    status = {} if command_status is None else {"command_status": command_status}
    return {"at": AT, "what": "submit", "part": 1, "attempt": 1, "carrier": carrier, "bind": f"{carrier}/1",
            "outcome": outcome, **status, **further}  # fmt: skip


def receipt(state: str, *, applied: bool = True, err: str | None = None) -> dict[str, Any]:
    told = {} if err is None else {"err": err}
    return {"at": AT, "what": "receipt", "part": 1, "carrier": "telco", "state": state, "applied": applied, **told}


def webhook(status: str, http_status: int | None = None, *, error: str | None = None) -> dict[str, Any]:
    answer = {"error": error} if http_status is None else {"http_status": http_status}
    return {"at": AT, "what": "webhook", "type": f"message.{status}", "host": "shop.example", **answer}


def story(status: str, *steps: dict[str, Any], **further: Any) -> dict[str, Any]:
    return {"status": status, "created_at": AT, "done_at": LATER, "sent_at": None, "schedule": None, "expires_at": NEXT,
            "route": "rest", "segments": 1, "attempts": len(steps) or 1, "possible_duplicate": False, "error": None,
            "timeline": [{"at": AT, "what": "accepted"}, *steps], **further}  # fmt: skip


def failure(description: str, code: str = "unmapped") -> dict[str, Any]:
    return {"class": "permanent", "code": code, "description": description, "carrier_code": None}


SENT = submit("sent", "ESME_ROK")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (story("scheduled", schedule=NEXT), "Waits for its time, 2026-11-21 18:04:35 UTC."),
        (story("queued"), "Waits to be sent: no carrier has had it yet (route rest)."),
        (
            story("queued", {"at": AT, "what": "unfit", "carrier": "telco", "reason": "it has no UCS-2"}),
            "Waits to be sent; telco can't carry it: it has no UCS-2.",
        ),
        (story("queued", submit("submitting")), "On its way: it was put to telco/1, whose answer is waited for."),
        (
            story("queued", submit("in_doubt")),
            "In doubt: telco/1 gave no answer, so nobody knows whether telco has it.",
        ),
        (
            story("queued", submit("throttled", "ESME_RTHROTTLED", next_try_at=NEXT)),
            "Waits: telco answered ESME_RTHROTTLED (too fast) at the latest of 1 try, and is tried again at 2026-11-21 18:04:35 UTC.",  # noqa: E501
        ),
        (
            story("sent", SENT, sent_at=LATER),
            "Sent: telco took it at 2026-11-21 18:04:09 UTC, and has said nothing since.",
        ),
        (
            story("sent", SENT, receipt("ENROUTE", applied=False), sent_at=LATER),
            "Sent: telco took it at 2026-11-21 18:04:09 UTC and says that it is on its way; its end is not told yet.",
        ),
        (
            story("delivered", SENT, receipt("DELIVRD"), attempts=1),
            "Delivered: telco said so 4.2 s after it was accepted.",
        ),
        (
            story("delivered", submit("throttled", "ESME_RTHROTTLED"), SENT, receipt("DELIVRD"), attempts=2),
            "Delivered: telco said so 4.2 s after it was accepted, at the last of 2 tries.",
        ),
        (
            story("undelivered", SENT, receipt("UNDELIV", err="001"), error=failure("The number is not in use.", "unknown_subscriber")),  # noqa: E501
            "Not delivered: the number is not in use; telco said UNDELIV with err 001. Sending again won't help; check the number.",  # noqa: E501
        ),
        (
            story("rejected", SENT, error=failure("The recipient does not take it.", "blocked_by_recipient")),
            "Rejected by the carrier: the recipient does not take it. Sending again won't help; only the recipient can change that.",  # noqa: E501
        ),
        (
            story("failed", submit("refused", "ESME_RINVSRCADR"), error=failure("The carrier does not allow it.")),
            "Never sent: the carrier does not allow it; telco answered ESME_RINVSRCADR (wrong sender).",
        ),
        (story("failed", error=failure("No route leads there.")), "Never sent: no route leads there."),
        (
            story("expired", submit("throttled", "ESME_RTHROTTLED")),
            "Never sent: its validity ended after 1 try; telco answered ESME_RTHROTTLED (too fast) last.",
        ),
        (story("expired"), "Never sent: its validity ended at 2026-11-21 18:04:35 UTC before any carrier had it."),
        (
            story("expired", SENT, receipt("EXPIRED", err="027")),
            "Expired: telco took it and could not deliver it within its validity (err 027).",
        ),
        (story("canceled", error=failure("The message was canceled.")), "Canceled."),
        (story("canceled", SENT, sent_at=LATER), "Canceled at the carrier."),
        (story("opted_out", error=failure("The recipient has opted out.")), "Not sent: the recipient has opted out."),
        (
            story("unknown", SENT, error=failure("No receipt came in time.")),
            "telco took it, and nobody knows whether it arrived: no receipt came in time.",
        ),
    ],
)  # fmt: skip
def test_what_became_of_a_message_is_one_sentence(told: dict[str, Any], words: str) -> None:
    assert sentence(told) == words


@pytest.mark.parametrize("status", ["scheduled", "queued"])
def test_what_a_restore_holds_says_so(status: str) -> None:
    told = story(status, schedule=NEXT, waits={"for": "release", "since": AT, "until": None})
    assert sentence(told) == (
        "Held since 2026-11-21 18:04:05 UTC, when a backup was restored, until an operator releases or ends it."
    )


CANT = {"for": "carrier", "since": AT, "until": None, "ahead": 3}
TURN = {"for": "turn", "since": None, "until": None, "carriers": []}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            story("queued", waits=CANT | {"carriers": [{"name": "telco", "able": False, "why": "no bind is up"}]}),
            (
                "Waits: no carrier of its route can send since 2026-11-21 18:04:05 UTC (telco: no bind is up). "
                "It expires at 2026-11-21 18:04:35 UTC."
            ),
        ),
        (
            story("queued", waits={"for": "campaign", "since": None, "until": None, "campaign_id": "cmp_1"}),
            "Waits: its campaign is paused. It expires at 2026-11-21 18:04:35 UTC.",
        ),
        (
            story("queued", waits=TURN | {"ahead": 61_200}),
            (
                "Waits for its turn: 61,200 messages are ready in its lane (route rest). "
                "It expires at 2026-11-21 18:04:35 UTC."
            ),
        ),
        (
            story("queued", submit("throttled", "ESME_RTHROTTLED"), waits=TURN | {"ahead": 1}),
            (
                "Waits for its turn again, after 1 try: 1 message is ready in its lane (route rest). "
                "It expires at 2026-11-21 18:04:35 UTC."
            ),
        ),
        (
            story("queued", submit("submitting"), waits={"for": "answer", "since": None, "until": None}),
            "On its way: it was put to telco/1, whose answer is waited for.",
        ),
    ],
)
def test_what_an_open_message_waits_for_is_said_where_it_is_known(told: dict[str, Any], words: str) -> None:
    assert sentence(told) == words


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"status": "pending", "next_try_at": NEXT}, "got 500, the next is at 2026-11-21 18:04:35 UTC."),
        ({"status": "pending", "next_try_at": None}, "got 500."),
        ({"status": "failed", "next_try_at": None}, "got 500, and it is not tried again unless it is replayed."),
    ],
)
def test_a_webhook_that_fails_is_told_with_its_next_try(event: dict[str, Any], words: str) -> None:
    events = [{"type": "message.sent", "status": "delivered"}, {"type": "message.delivered", **event}]
    told = story("delivered", SENT, receipt("DELIVRD"), webhook("delivered", 500), events=events)
    assert sentence(told).endswith(words)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_its_sentence(status: Status) -> None:
    assert sentence(story(status, schedule=NEXT)).endswith(".")


def test_what_was_sent_twice_and_what_the_webhook_answered_is_said_behind_it() -> None:
    told = story("delivered", SENT, receipt("DELIVRD"), webhook("delivered", 200), possible_duplicate=True, attempts=1)
    assert sentence(told).endswith(
        " It was sent again after a doubt, so it may have arrived twice."
        " The customer's webhook at shop.example was told."
    )


@pytest.mark.parametrize(("answer", "said"), [({"http_status": 500}, "500"), ({"error": "timed out"}, "timed out")])
def test_a_webhook_that_did_not_take_the_end_is_named(answer: dict[str, Any], said: str) -> None:
    tries = [webhook("sent", 200), webhook("delivered", 503), webhook("delivered", **answer)]
    told = sentence(story("delivered", SENT, receipt("DELIVRD"), *tries))
    assert told.endswith(f"The customer's webhook at shop.example has not been told: the latest of 2 tries got {said}.")

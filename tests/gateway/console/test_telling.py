"""A message's timeline told as a story: what support reads out on the telephone."""

from typing import Any

import pytest

from gateway.console.telling import chapters_of, told
from gateway.console.told import Kind, Mood, span

SUBMIT = {"what": "submit", "part": 1, "attempt": 1, "carrier": "telco", "bind": "telco/1"}
TAKEN = SUBMIT | {"outcome": "sent", "command_status": "ESME_ROK", "carrier_message_id": "5F3A", "latency_ms": 38}
RECEIPT = {
    "what": "receipt",
    "part": 1,
    "carrier": "telco",
    "state": "UNDELIV",
    "err": "027",
    "raw": "id:5F3A",
    "applied": True,
}
WEBHOOK = {
    "what": "webhook",
    "event_id": "evt_1",
    "type": "message.sent",
    "host": "shop.example",
    "attempt": 1,
    "latency_ms": 62,
}


def story(*steps: dict[str, Any], segments: int = 1) -> dict[str, Any]:
    return {"account": "shop", "segments": segments, "timeline": [{"at": at(0), **step} for step in steps]}


def at(seconds: float) -> str:
    return f"2026-11-22T09:{int(seconds // 60):02}:{seconds % 60:06.3f}Z"


def titles(*steps: dict[str, Any], segments: int = 1) -> list[str]:
    return [step.title for step in told(story(*steps, segments=segments))]


def test_a_submit_and_its_answer_are_two_steps_with_the_time_between() -> None:
    submit, answer = told(story(TAKEN))
    assert (submit.title, submit.kind, submit.mood) == ("Put to telco", Kind.SUBMIT, Mood.CALM)
    assert (answer.title, answer.kind, answer.mood) == ("telco took it", Kind.ANSWER, Mood.GOOD)
    assert answer.since == "38 ms"
    assert dict(answer.facts) == {"Answer": "ESME_ROK", "Carrier's id": "5F3A"}


def test_a_receipt_that_overtakes_the_answer_stands_before_it() -> None:
    early = RECEIPT | {"at": at(0.010), "state": "DELIVRD", "matched": "parked"}
    assert titles(TAKEN, early) == ["Put to telco", "telco says: delivered", "telco took it"]


def test_a_submit_without_an_answer_so_far_is_one_step() -> None:
    (only,) = told(story(SUBMIT | {"outcome": "submitting"}))
    assert only.words == "No answer so far."


@pytest.mark.parametrize(
    ("outcome", "kind", "mood"),
    [
        ("throttled", Kind.RETRY, Mood.WARN),
        ("temporary_error", Kind.RETRY, Mood.WARN),
        ("refused", Kind.ANSWER, Mood.BAD),
        ("in_doubt", Kind.DOUBT, Mood.WARN),
        ("released", Kind.RETRY, Mood.CALM),
        ("resent", Kind.DOUBT, Mood.WARN),
        ("unknown", Kind.DOUBT, Mood.BAD),
    ],
)
def test_every_outcome_has_its_kind_and_its_mood(outcome: str, kind: Kind, mood: Mood) -> None:
    answer = told(story(SUBMIT | {"outcome": outcome}))[-1]
    assert (answer.kind, answer.mood) == (kind, mood)
    assert answer.words


def test_when_it_came_to_a_doubt_is_not_made_up() -> None:
    submit, doubt, receipt = told(story(SUBMIT | {"outcome": "in_doubt"}, RECEIPT | {"at": at(30)}))
    assert (submit.is_timed, doubt.is_timed, doubt.since) == (True, False, "")
    assert receipt.since == "30.0 s"


def test_of_a_long_story_the_middle_is_told_apart() -> None:
    steps = told(story(*[{"what": "queued", "at": at(second)} for second in range(100)]))
    beginning, left_out, middle, end = chapters_of(steps)
    assert [*beginning, *middle, *end] == steps
    assert (len(beginning), left_out, len(end)) == (20, 0, 20)
    assert chapters_of(steps[:60]) == (steps[:60], 0, (), ())


def test_a_page_holds_no_more_of_a_story_than_it_can_render_at_once() -> None:
    steps = told(story(*[{"what": "queued", "at": at(second)} for second in range(1_000)]))
    beginning, left_out, middle, end = chapters_of(steps)
    assert (len(beginning), left_out, len(middle), len(end)) == (20, 760, 200, 20)
    assert [*middle, *end] == steps[-220:]


def test_a_receipt_that_may_quote_the_text_says_that_it_is_hidden() -> None:
    (receipt,) = told(story(RECEIPT | {"raw": None}))
    assert "As the carrier sent it" in dict(receipt.facts)


def test_what_is_taken_without_an_answer_says_how_that_is_known() -> None:
    answer = told(story(SUBMIT | {"outcome": "sent"}))[-1]
    assert answer.title == "telco has it"
    assert "never came" in answer.words


def test_a_retry_says_when_it_is_tried_again() -> None:
    answer = told(story(SUBMIT | {"outcome": "throttled", "next_try_at": at(2)}))[-1]
    assert answer.then == ("Tried again from", at(2))


def test_a_receipt_is_read_and_its_raw_text_kept() -> None:
    (receipt,) = told(story(RECEIPT))
    assert (receipt.title, receipt.mood, receipt.raw) == ("telco says: not delivered", Mood.BAD, "id:5F3A")
    assert ("Carrier's error code", "027") in receipt.facts


def test_a_receipt_that_contradicts_an_end_is_told_as_one() -> None:
    (receipt,) = told(story(RECEIPT | {"state": "DELIVRD", "applied": False}))
    assert receipt.mood is Mood.WARN
    assert "changes nothing" in receipt.words


def test_a_receipt_on_the_way_is_no_contradiction() -> None:
    (receipt,) = told(story(RECEIPT | {"state": "ENROUTE", "applied": False}))
    assert (receipt.mood, receipt.words) == (Mood.CALM, "It tells of no end.")


def test_a_state_that_nobody_knows_is_shown_as_it_came() -> None:
    assert titles(RECEIPT | {"state": "{carrier} <b>"}) == ["telco says: {carrier} <b>"]


def test_webhook_tries_say_whether_the_customer_knows() -> None:
    lost = WEBHOOK | {"type": "message.opted_out", "http_status": 503}
    taken = WEBHOOK | {"at": at(10), "http_status": 204, "attempt": 2}
    refused, told_it = told(story(lost, taken))
    assert (refused.title, refused.mood) == ("Customer could not be told: opted out", Mood.WARN)
    assert refused.words == "The endpoint answered 503."
    assert (told_it.title, told_it.mood, told_it.since) == ("Customer told: sent", Mood.GOOD, "10.0 s")
    assert told(story(WEBHOOK | {"error": "connection refused"}))[0].words == "Connection refused."


def test_what_was_done_by_hand_names_who_did_it() -> None:
    done = {
        "what": "by_hand",
        "who": "operator:anna",
        "did": "settle_doubt",
        "outcome": "resend",
        "request_id": "req_1",
    }
    (step,) = told(story(done))
    assert (step.title, step.kind) == ("anna settled a doubt", Kind.BY_HAND)
    assert dict(step.facts) == {"Outcome": "resend", "Request": "req_1"}
    assert titles(done | {"who": "account:shop", "did": "cancel"}) == ["account shop canceled a message"]


def test_parts_are_named_only_where_there_are_several() -> None:
    assert all("Part" not in dict(step.facts) for step in told(story(TAKEN, RECEIPT)))
    steps = told(story(TAKEN | {"part": 2}, RECEIPT | {"part": 2}, segments=3))
    assert [dict(step.facts)["Part"] for step in steps] == ["2 of 3"] * 3


@pytest.mark.parametrize("what", ["canceled", "expired", "opted_out", "failed", "unknown"])
def test_ends_that_no_carrier_told_say_why(what: str) -> None:
    (end,) = told(story({"what": what, "code": "no_route", "reason": "No route leads to this number."}))
    assert (end.kind, end.words) == (Kind.END, "No route leads to this number.")


def test_every_other_kind_of_step_is_told() -> None:
    assert titles(
        {"what": "accepted", "request_id": "req_1", "options": ["flash"]},
        {"what": "scheduled", "schedule": at(60)},
        {"what": "queued"},
        {"what": "unfit", "carrier": "telco", "reason": "has no alphabet for it"},
        {"what": "query_sm", "carrier": "telco", "bind": "telco/1", "outcome": "accepted", "state": "ENROUTE"},
        {"what": "cancel_sm", "carrier": "telco", "bind": "telco/1", "outcome": "no_answer"},
        {"what": "something_new"},
    ) == [
        "Accepted from shop",
        "Waits for its schedule",
        "Its time came",
        "telco can't carry it",
        "Asked telco what became of it",
        "Asked telco not to deliver it",
        "Something new",
    ]


def test_a_long_time_between_steps_stands_out() -> None:
    first, second, third = told(
        story({"what": "queued"}, {"what": "queued", "at": at(59)}, {"what": "queued", "at": at(300)})
    )
    assert (first.since, first.is_long, second.is_long, third.is_long) == ("", False, False, True)
    assert third.since == "4 min 1 s"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 ms"),
        (0.038, "38 ms"),
        (4.2, "4.2 s"),
        (200, "3 min 20 s"),
        (600, "10 min"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_spans_are_as_exact_as_the_eye_wants_them(seconds: float, words: str) -> None:
    assert span(seconds) == words

"""What guards the console: forms of ours alone, roles, headers of every answer, errors as pages, ends of sessions."""

from typing import Any

import pytest
from console_callers import OPERATOR, ConsoleCaller
from daemons import sha256

from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem
from gateway.console.headers import CONTENT_SECURITY_POLICY
from gateway.console.rendering import static_files
from gateway.store.interface import StoreBusy, StoreFull

VIEWER = "viewer-token-of-tests"


async def test_an_operator_acts_by_a_form_of_ours_and_is_told_once(stage: Any, operator: ConsoleCaller) -> None:
    answer = await operator.post("/console/things/one", {"why": "it is broken"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/things")
    assert stage.things.done == [("operator:anna", "one", {"why": "it is broken"})]
    await operator.get("/console/things")
    assert "Done to one." in operator.last
    await operator.get("/console/things")
    assert "Done to one." not in operator.last


@pytest.mark.parametrize("field", [None, "", "wrong", "é"])
async def test_a_form_without_its_field_does_nothing(stage: Any, operator: ConsoleCaller, field: str | None) -> None:
    fields = {} if field is None else {"csrf": field}
    answer = await operator.call("POST", "/console/things/one", fields)
    assert answer.status_code == 403
    assert "not sent by a page of this console" in operator.last
    assert stage.things.done == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "null"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
        {"Origin": "https://console.example", "X-Forwarded-Host": "console.example"},
    ],
)
async def test_a_form_from_elsewhere_does_nothing(stage: Any, operator: ConsoleCaller, headers: dict[str, str]) -> None:
    answer = await operator.post("/console/things/one", headers=headers)
    assert answer.status_code == 403
    assert stage.things.done == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
    ],
)
async def test_a_form_of_ours_is_taken_as_browsers_tell_of_it(
    stage: Any, operator: ConsoleCaller, headers: dict[str, str]
) -> None:
    assert (await operator.post("/console/things/one", headers=headers)).status_code == 303
    assert len(stage.things.done) == 1


async def test_a_field_of_another_session_does_nothing(stage: Any, operator: ConsoleCaller) -> None:
    other = stage.caller()
    await other.sign_in()
    await other.get("/console/things")
    assert (await operator.call("POST", "/console/things/one", {"csrf": other.csrf})).status_code == 403
    assert stage.things.done == []


async def test_a_viewer_sees_no_action_and_gets_403_for_one(stage: Any, viewer: ConsoleCaller) -> None:
    assert "/console/things/one" not in viewer.last
    assert "viewer" in viewer.last
    answer = await viewer.post("/console/things/one")
    assert answer.status_code == 403
    assert "may look and not act" in viewer.last
    assert stage.things.done == []


async def test_nobody_acts_who_is_not_signed_in(stage: Any) -> None:
    answer = await stage.caller().call("POST", "/console/things/one", {"csrf": ""})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/sign-in")
    assert stage.things.done == []


async def test_a_session_ends_with_its_token(stage: Any, operator: ConsoleCaller, viewer: ConsoleCaller) -> None:
    stage.reload({"sha256": sha256(VIEWER), "name": "victor", "role": "viewer"})
    assert (await operator.get("/console/things")).status_code == 303
    assert (await viewer.get("/console/things")).status_code == 200
    stage.reload({"sha256": sha256(OPERATOR)}, {"sha256": sha256(VIEWER)})
    assert (await operator.get("/console/things")).status_code == 303, "what has ended does not come back"


async def test_a_role_that_changes_counts_at_once(stage: Any, operator: ConsoleCaller) -> None:
    stage.reload({"sha256": sha256(OPERATOR), "name": "anna", "role": "viewer"})
    assert (await operator.post("/console/things/one")).status_code == 403


EVERY = [
    ("/console/things", 200),
    ("/console/no-such-page", 404),
    ("/console/sign-in", 303),
    ("/console/", 303),
    ("/console/static/0/console.css", 404),
]


@pytest.mark.parametrize(("path", "status"), EVERY)
async def test_every_answer_carries_what_keeps_others_out(operator: ConsoleCaller, path: str, status: int) -> None:
    answer = await operator.get(path)
    assert answer.status_code == status
    headers = answer.headers
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Request-Id"].startswith("req_")


async def test_static_files_are_kept_for_ever_under_their_digest(stage: Any) -> None:
    for name, file in static_files().items():
        answer = await stage.caller().get(f"/console/static/{file.digest}/{name}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, file.content_type)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert await answer.get_data() == file.octets
    assert {"console.css", "console.js", "mark.svg"} <= set(static_files())


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (Problem(NOT_FOUND, "There is no <b>such</b> thing."), 404, "There is no &lt;b&gt;such&lt;/b&gt; thing."),
        (StoreBusy("another holds it"), 503, "store"),
        (StoreFull("the disk is full"), 503, "full"),
        (ValueError("+34600000001"), 500, "Something went wrong inside"),
    ],
)
async def test_errors_are_pages_in_words(
    stage: Any, operator: ConsoleCaller, fault: Exception, status: int, words: str
) -> None:
    stage.things.fault = fault
    answer = await operator.get("/console/things")
    assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8")
    assert words in operator.last
    assert "+34600000001" not in operator.last
    assert 'href="/console"' in operator.last


async def test_a_form_that_is_too_large_is_a_page_too(stage: Any, operator: ConsoleCaller) -> None:
    answer = await operator.post("/console/things/one", {"why": "x" * 70_000})
    assert (answer.status_code, answer.content_type) == (413, "text/html; charset=utf-8")
    assert stage.things.done == []


async def test_what_pages_are_given_shows_as_text(stage: Any, operator: ConsoleCaller) -> None:
    stage.notices.append(stage.notice("<script>1</script>", "/console/held"))
    await operator.get("/console/things")
    assert "<p>&lt;b&gt;&amp;words</p>" in operator.last
    assert "<title>&lt;i&gt;Things" in operator.last
    assert "&lt;script&gt;1&lt;/script&gt;" in operator.last
    assert "<script>1" not in operator.last
    assert 'name="q" value="&lt;x&gt;"' in operator.last


async def test_a_notice_stands_on_every_page_but_that_it_leads_to(stage: Any, operator: ConsoleCaller) -> None:
    stage.notices += [stage.notice("Here", "/console/things#one"), stage.notice("There", "/console/held")]
    await operator.get("/console/things")
    assert "There" in operator.last
    assert "Here" not in operator.last


async def test_a_browser_that_waits_for_events_is_not_led_to_the_sign_in(stage: Any) -> None:
    answer = await stage.caller().get("/console/things", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 401

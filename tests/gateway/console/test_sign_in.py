"""Signing in to the console and out again, by whom and how often, and where it leads."""

from typing import Any

import pytest
from console_callers import OPERATOR, ConsoleCaller

from gateway.console.sign_in import within


async def test_a_token_opens_the_page_that_was_asked_for(stage: Any) -> None:
    caller = stage.caller()
    asked = await caller.get("/console/audit?limit=5&who=anna")
    assert (asked.status_code, asked.headers["Location"]) == (
        303,
        "/console/sign-in?to=/console/audit%3Flimit%3D5%26who%3Danna",
    )
    await caller.get(asked.headers["Location"])
    assert 'name="to" value="/console/audit?limit=5&amp;who=anna"' in caller.last
    answer = await caller.post("/console/sign-in", {"token": OPERATOR, "to": "/console/audit?limit=5&who=anna"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/audit?limit=5&who=anna")
    assert (await caller.get("/console")).status_code == 200
    assert "anna" in caller.last


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites(stage: Any) -> None:
    caller = stage.caller()
    answer = await caller.sign_in()
    (given,) = [value for value in answer.headers.getlist("Set-Cookie") if value.startswith("sluice_console=")]
    parts = given.split("; ")
    assert {"HttpOnly", "Path=/console", "SameSite=Strict", "Max-Age=43200"} <= set(parts)
    assert "Secure" not in parts


@pytest.mark.parametrize(
    ("address", "headers", "is_secure"),
    [
        ("10.1.2.3", {"X-Forwarded-Proto": "https"}, True),
        ("10.1.2.3", {"Forwarded": "for=203.0.113.9;proto=https"}, True),
        ("10.1.2.3", {"X-Forwarded-Proto": "https, http"}, False),
        ("203.0.113.9", {"X-Forwarded-Proto": "https"}, False),
    ],
)
async def test_the_cookie_is_secure_where_a_trusted_proxy_speaks_tls(
    stage: Any, address: str, headers: dict[str, str], is_secure: bool
) -> None:
    caller = stage.caller(address)
    await caller.get("/console/sign-in")
    answer = await caller.post("/console/sign-in", {"token": OPERATOR}, headers=headers)
    (given,) = [value for value in answer.headers.getlist("Set-Cookie") if value.startswith("sluice_console=")]
    assert ("Secure" in given.split("; ")) is is_secure


async def test_a_wrong_token_is_told_so_and_opens_nothing(stage: Any) -> None:
    caller = stage.caller()
    answer = await caller.sign_in("not-a-token-of-anybody")
    assert answer.status_code == 401
    assert "There is no operator with this token." in caller.last
    assert "not-a-token-of-anybody" not in caller.last
    assert (await caller.get("/console")).status_code == 303


async def test_ten_wrong_tokens_a_minute_are_all_that_an_address_may_try(stage: Any) -> None:
    caller, elsewhere = stage.caller(), stage.caller("203.0.113.77")
    assert [(await caller.sign_in("wrong")).status_code for _ in range(11)] == [401] * 10 + [429]
    answer = await caller.sign_in()
    assert answer.status_code == 429, "not even the right one, or it would tell which is"
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert "Too many wrong tokens" in caller.last
    assert (await elsewhere.sign_in()).status_code == 303


async def test_a_form_to_sign_in_of_another_page_is_refused(stage: Any) -> None:
    caller = stage.caller()
    await caller.get("/console/sign-in")
    for fields, headers in [
        ({"csrf": "", "token": OPERATOR}, {}),
        ({"csrf": "wrong", "token": OPERATOR}, {}),
        ({"csrf": caller.csrf, "token": OPERATOR}, {"Origin": "https://evil.example"}),
        ({"csrf": caller.csrf, "token": OPERATOR}, {"Sec-Fetch-Site": "cross-site"}),
    ]:
        answer = await ConsoleCaller.call(caller, "POST", "/console/sign-in", fields, headers)
        assert answer.status_code == 403
    assert caller.cookie("sluice_console") is None


async def test_signing_out_ends_the_session_and_not_only_the_cookie(stage: Any, operator: ConsoleCaller) -> None:
    kept = operator.cookie("sluice_console").value
    answer = await operator.post("/console/sign-out")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/sign-in")
    again = await stage.caller().get("/console", headers={"Cookie": f"sluice_console={kept}"})
    assert again.status_code == 303


async def test_who_is_signed_in_already_is_led_on(operator: ConsoleCaller) -> None:
    answer = await operator.get("/console/sign-in?to=/console/audit")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/audit")


@pytest.mark.parametrize(
    "to",
    [
        None,
        "",
        "https://evil.example/console",
        "//evil.example/console",
        "/admin/status",
        "/console\\evil",
        "/consoles",
        "/console/../admin",
        "/console/sign-in?to=/console",
        "/console/sign-out",
        "/console/live",
        "/console/\r\nSet-Cookie: a=b",
    ],
)
def test_nobody_is_led_out_of_the_console(to: str | None) -> None:
    assert within(to) == "/console"


@pytest.mark.parametrize("to", ["/console", "/console/messages?q=%2B34600000001", "/console/messages/msg_01K"])
def test_one_is_led_to_pages_of_the_console(to: str) -> None:
    assert within(to) == to

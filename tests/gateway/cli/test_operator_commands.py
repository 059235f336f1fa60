"""The console's pages as commands: carriers, queues, events, campaigns, opt-outs, audit; tables, or lines of JSON."""

import json
from typing import Any

import pytest

from gateway.cli import main

BIND = {
    "name": "telco/1", "state": "bound", "since": "2026-11-21T18:04:05.000Z", "window": 20, "window_limit": 20,
    "in_flight": 7, "room": 13, "submit_rate": 50, "last_error": None,
}  # fmt: skip
CARRIER = {"name": "telco", "able": True, "alarm": None, "receipt_ids": None, "breaker": None, "held": None,
           "binds": [BIND]}  # fmt: skip
EVENT = {
    "id": "evt_01M7ZMFAW90000209Y3M6SPD3Y", "type": "message.delivered", "account": "shop", "status": "failed",
    "message_id": "msg_1", "url": "https://shop.example/sms?key=secret", "attempts": 12, "next_try_at": None,
    "last_http_status": 503, "last_error": None, "event": {},
}  # fmt: skip
CAMPAIGN = {
    "id": "cmp_01M7ZMFAW90000209Y3M6SPD3Y", "account": "shop", "campaign_name": "May Promotion", "status": "running",
    "recipients": {"received": 10, "accepted": 8, "rejected": 1, "duplicates": 1, "opted_out": 0},
    "counts": {"waiting": 4, "queued": 0, "sent": 0, "delivered": 3, "undelivered": 1}, "progress": 0.5, "rate": 98.4,
    "expected_end": None, "finished_at": None, "failure": None,
    "variants": [{"variant": "Hi", "sent": 2, "delivered": 1, "opted_out": 1},
                 {"variant": "Hello", "sent": 2, "delivered": 2, "opted_out": 0}],
}  # fmt: skip
OPT_OUT = {"number": "+34600000001", "sender": None, "source": "operator", "why": "ticket 8841",
           "at": "2026-11-21T18:04:05.000Z"}  # fmt: skip
AUDITED = {"at": "2026-11-21T18:04:05.000Z", "who": "operator:anna", "what": "reveal", "outcome": None,
           "message": "msg_01M7ZMF6M300074FN98JWZNKSB", "event": None, "request_id": "req_1"}  # fmt: skip

LISTS = [
    ("carriers", "/admin/carriers", CARRIER),
    ("queues", "/admin/queues", {"lane": "otp", "route": "rest", "account": "shop", "ready": 3, "stay": None,
                                 "avoid": None, "unfit": []}),
    ("events", "/admin/outbox?limit=50", EVENT),
    ("campaigns", "/admin/campaigns?limit=50", CAMPAIGN),
    ("opt-out shop", "/admin/opt-outs/shop?limit=500", OPT_OUT),
    ("audit", "/admin/audit?limit=50", AUDITED),
]  # fmt: skip


def page(*entities: Any, cursor: str | None = None) -> dict[str, Any]:
    return {"entities": list(entities), "next_cursor": cursor}


def rows(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]


@pytest.mark.parametrize(("command", "path", "entity"), LISTS)
def test_programs_get_a_json_object_a_line(
    command: str, path: str, entity: Any, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("GET", path, page(entity, entity))
    assert main([*command.split(), "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [entity, entity]


@pytest.mark.parametrize(("command", "path", "entity"), LISTS)
def test_a_list_of_nothing_says_so_in_words_and_ends_well(
    command: str, path: str, entity: Any, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("GET", path, page())
    assert main(command.split()) == 0
    (line,) = rows(capsys)
    assert line.endswith(".")


@pytest.mark.parametrize(("command", "path", "entity"), LISTS)
def test_what_goes_wrong_is_told_on_standard_error(
    command: str, path: str, entity: Any, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("GET", path, {"code": "insufficient_scope", "detail": "Your role may only look."}, status=403)
    assert main(command.split()) == 1
    assert capsys.readouterr() == ("", "Your role may only look.\n")


@pytest.mark.parametrize(("command", "path", "entity"), LISTS)
def test_no_colour_is_piped_on(
    command: str, path: str, entity: Any, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("GET", path, page(entity))
    assert main(command.split()) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(("command", "path", "entity"), LISTS)
def test_80_columns_hold_a_list_and_its_ids_whole(
    command: str, path: str, entity: Any, gateway: Any, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    gateway.on("GET", path, page(entity))
    assert main(command.split()) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert str(entity.get("id") or entity.get("message") or "") in printed


def test_carriers_that_do_not_have_their_share_stand_first_with_the_reason(
    gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    held = {"how": "pause", "since": "2026-11-21T18:04:05.000Z", "who": "operator:anna", "why": "ticket 8841"}
    down = {**BIND, "state": "waiting", "last_error": "the connection was refused"}
    opened = {
        "state": "open",
        "cause": "errors",
        "detail": "errors 0.82 of 40",
        "since": AUDITED["at"],
        "retry_at": None,
    }
    gateway.on(
        "GET",
        "/admin/carriers",
        page(
            CARRIER,
            {**CARRIER, "name": "resting", "held": held},
            {**CARRIER, "name": "away", "able": False, "binds": [down]},
            {**CARRIER, "name": "sick", "breaker": opened},
        ),
    )
    assert main(["carriers"]) == 0
    shown = rows(capsys)[2:]
    table, whys = shown[:4], shown[4:]
    assert [row.split()[:2] for row in table] == [
        ["resting", "paused"], ["away", "unable"], ["sick", "open"], ["telco", "able"],
    ]  # fmt: skip
    assert whys[0].startswith("resting: by operator:anna")
    assert whys[0].endswith("ticket 8841")
    assert whys[1:] == ["away: the connection was refused", "sick: errors 0.82 of 40"]


def test_queues_show_how_long_their_oldest_has_waited(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    queue = LISTS[1][2]
    gateway.on("GET", "/admin/queues", page(queue, {**queue, "ready": 0, "route": "other"}))
    gateway.on("GET", "/metrics", 'sluice_queue_oldest_seconds{lane="otp",route="rest"} 7.5\n')
    assert main(["queues"]) == 0
    assert rows(capsys)[2:] == ["otp rest shop 3 7.5 s"]


def test_one_carrier_is_shown_with_its_binds(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    busy = {**BIND, "latency_ms": 41, "mode": "transceiver", "host": "smpp1.telco.example:2776", "losses": 3}
    errors = {"throttled": 12, "permanent": 0}
    telco = {**CARRIER, "errors": errors, "binds": [busy]}
    gateway.on("GET", "/admin/carriers", page(telco, {**CARRIER, "name": "other"}))
    assert main(["carriers", "telco"]) == 0
    shown = rows(capsys)
    assert "carrier telco" in shown
    assert "errors since the start throttled 12" in shown
    assert next(row for row in shown if row.startswith("telco/1 bound")).endswith("20 7 50 41 ms")
    assert shown[-1] == "telco/1 transceiver smpp1.telco.example:2776 3"


def test_a_carrier_that_is_none_is_told_as_such(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", "/admin/carriers", page(CARRIER))
    assert main(["carriers", "telko"]) == 1
    assert capsys.readouterr().err.startswith("There is no carrier 'telko'.")


@pytest.mark.parametrize(
    ("options", "action", "body"),
    [
        (["--pause", "ticket 8841"], "pause", {"why": "ticket 8841"}),
        (["--pause", ""], "pause", {"why": ""}),
        (["--drain", "moves house"], "drain", {"why": "moves house"}),
        (["--resume"], "resume", {}),
        (["--rebind"], "rebind", {}),
    ],
)
def test_a_carrier_is_held_and_let_go(
    options: list[str], action: str, body: Any, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.on("POST", f"/admin/carriers/telco/{action}", {"name": "telco"})
    assert main(["carriers", "telco", *options]) == 0
    assert gateway.asked == [("POST", f"/admin/carriers/telco/{action}", "Bearer op_test", body)]
    assert "telco" in capsys.readouterr().out


@pytest.mark.parametrize(
    "given",
    ["carriers --resume", "campaigns --pause", "opt-out shop --add", "messages --since yesterday"],
)
def test_what_was_called_wrongly_is_said_before_anything_is_asked(
    given: str, gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(given.split()) == 2
    assert capsys.readouterr().err
    assert gateway.asked == []


def test_events_are_filtered_and_their_urls_shown_without_secrets(
    gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/admin/outbox?account=shop&status=failed&type=message.delivered&message_id=msg_1&limit=2"
    gateway.on("GET", path, page(EVENT, EVENT, cursor="cur_1"))
    words = "events --failed --account shop --type message.delivered --message msg_1 --limit 2"
    assert main(words.split()) == 0
    printed = capsys.readouterr().out
    assert "shop.example" in printed
    assert "secret" not in printed
    assert [line.split()[-1] for line in printed.splitlines()[2:]] == ["503", "503"]


@pytest.mark.parametrize(("replayed", "words"), [(1, "It is told again."), (0, "nothing to do.")])
def test_an_event_is_told_again(replayed: int, words: str, gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("POST", f"/admin/outbox/{EVENT['id']}/replay", {"replayed": replayed}, status=202)
    assert main(["events", "--replay", EVENT["id"]]) == 0
    assert capsys.readouterr().out.strip().endswith(words)


def test_lists_are_read_page_by_page_up_to_their_limit(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", "/admin/audit?limit=3", page(AUDITED, AUDITED, cursor="cur_2"))
    gateway.on("GET", "/admin/audit?limit=3&cursor=cur_2", page(AUDITED, AUDITED, cursor="cur_4"))
    assert main(["audit", "--limit", "3", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert len(gateway.asked) == 2


def test_one_campaign_is_shown_with_its_variants_side_by_side(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.on("GET", f"/admin/campaigns/{CAMPAIGN['id']}", CAMPAIGN)
    assert main(["campaigns", CAMPAIGN["id"]]) == 0
    shown = rows(capsys)
    assert "stand waiting 4, delivered 3, undelivered 1" in shown
    assert shown[-2:] == ["Hi 2 1 50.0% 1", "Hello 2 2 100.0% 0"]


@pytest.mark.parametrize("action", ["pause", "resume", "cancel"])
def test_a_campaign_is_moved(action: str, gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"/admin/campaigns/{CAMPAIGN['id']}/{action}"
    gateway.on("POST", path, CAMPAIGN)
    assert main(["campaigns", CAMPAIGN["id"], f"--{action}"]) == 0
    assert gateway.asked[0][:2] == ("POST", path)


def test_a_campaign_that_cannot_be_moved_says_why(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    detail = "The campaign is completed, so it cannot be paused. Nothing was changed."
    path = f"/admin/campaigns/{CAMPAIGN['id']}/pause"
    gateway.on("POST", path, {"code": "campaign_status", "detail": detail}, status=409)
    assert main(["campaigns", CAMPAIGN["id"], "--pause"]) == 1
    assert capsys.readouterr().err == f"{detail}\n"


def test_an_opt_out_is_looked_up_added_and_removed(gateway: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = "/admin/opt-outs/shop/+34600000001"
    gateway.on("GET", path, page(OPT_OUT))
    gateway.on("PUT", path, OPT_OUT, status=201)
    gateway.on("DELETE", f"{path}?sender=SHOP", "", status=204)
    number = "+34600000001"
    assert main(["opt-out", "shop", number]) == 0
    assert rows(capsys)[-1] == f"{number} the account 2026-11-21 18:04:05 operator ticket 8841"
    assert main(["opt-out", "shop", number, "--add", "--sender", "SHOP", "--why", "ticket 8841"]) == 0
    assert rows(capsys) == [f"{number} has opted out of what shop sends from SHOP."]
    assert main(["opt-out", "shop", number, "--remove", "--sender", "SHOP"]) == 0
    assert rows(capsys) == [f"{number} may be written to again by shop from SHOP."]
    assert gateway.asked[1] == ("PUT", path, "Bearer op_test", {"sender": "SHOP", "why": "ticket 8841"})
    assert gateway.asked[2] == ("DELETE", f"{path}?sender=SHOP", "Bearer op_test", None)

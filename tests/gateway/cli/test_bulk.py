"""`sluice bulk` sends each row of a file once, however often it is called, and tells what became of each."""

import csv
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bulk_gateways import HANG_UP, BulkGateway

from gateway.cli import main

TEMPLATE = "Hi {first_name:there}, your code is {code}."
LATER = {"code": "store_full", "detail": "The gateway has no room for more.", "retryable": True}


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[BulkGateway]:
    served = BulkGateway()
    monkeypatch.setenv("SLUICE_URL", served.url)
    monkeypatch.setenv("SLUICE_TOKEN", "sk_test")
    yield served
    served.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Five rows."""
    path = tmp_path / "people.csv"
    rows = [f"+3460000000{n},Name {n},C{n}" for n in range(5)]
    path.write_text("\n".join(["phone,first_name,code", *rows]) + "\n")
    return path


def bulk(file: Path, *options: str) -> int:
    return main(["bulk", str(file), "--template", TEMPLATE, "--batch", "2", "--patience", "5", *options])


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The line of JSON."""
    summary: dict[str, Any] = json.loads(capsys.readouterr().out)
    return summary


def short(item: dict[str, Any]) -> dict[str, str] | None:
    return {"to": "number_too_short"} if item["to"].endswith(("1", "3")) else None


def test_each_row_becomes_a_message_and_the_gateway_fills_the_template(gateway: BulkGateway, file: Path) -> None:
    assert bulk(file, "--from", "SHOP", "--lane", "otp", "--tag", "may", "--concurrency", "1") == 0
    assert gateway.items[0] == {
        "to": "+34600000000", "text": TEMPLATE, "variables": {"first_name": "Name 0", "code": "C0"},
        "from": "SHOP", "lane": "otp", "tag": "may", "client_id": gateway.items[0]["client_id"],
    }  # fmt: skip
    assert [item["to"][-1] for item in gateway.items] == list("01234")
    assert gateway.batches == [2, 2, 1]
    assert gateway.tokens == {"Bearer sk_test"}


def test_a_named_template_goes_by_its_name(gateway: BulkGateway, file: Path) -> None:
    assert main(["bulk", str(file), "--template-name", "login-code", "--locale", "es"]) == 0
    item = gateway.items[0]
    assert (item["template"], item["locale"], item["variables"]["code"]) == ("login-code", "es", "C0")
    assert "text" not in item


def test_without_a_template_the_columns_are_the_fields_of_a_message(gateway: BulkGateway, tmp_path: Path) -> None:
    file = tmp_path / "messages.csv"
    file.write_text("to;text;client_id;allow_unicode;validity\n+34600000001;{Hi};a-1;true;60\n+34600000002;Ho;;;\n")
    assert main(["bulk", str(file), "--tag", "x"]) == 0
    first, second = gateway.items
    assert first == {
        "to": "+34600000001", "text": "{Hi}", "client_id": "a-1", "allow_unicode": True, "validity": 60, "tag": "x"
    }  # fmt: skip
    assert second == {"to": "+34600000002", "text": "Ho", "client_id": second["client_id"], "tag": "x"}
    assert second["client_id"].endswith("-3")


def test_the_end_is_a_table_of_outcomes(gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.refusal = short
    assert bulk(file) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for line in (["in", "the", "file", "5"], ["accepted", "3"], ["refused", "2"], ["to:", "number_too_short", "2"]):
        assert line in lines


def test_the_same_command_again_sends_nothing_again(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bulk(file) == 0
    capsys.readouterr()
    assert bulk(file, "--json") == 0
    summary = told(capsys)
    assert (summary["accepted"], summary["accepted_before"]) == (5, 5)
    assert [what for _, what in gateway.calls] == ["accepted"] * 3 + ["repeated"] * 3
    assert len(gateway.items) == 5


def test_once_the_keys_are_forgotten_the_client_ids_still_keep_rows_from_being_sent_again(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bulk(file) == 0
    capsys.readouterr()
    gateway.forget()
    assert bulk(file, "--json") == 0
    summary = told(capsys)
    assert (summary["accepted"], summary["accepted_before"], summary["refused"]) == (5, 5, 0)
    assert len(gateway.items) == 5


def test_rows_whose_messages_are_erased_count_as_accepted_before(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.line_troubles = [{"code": "first_answer_erased", "detail": "Gone.", "retryable": False}] * 2
    assert bulk(file, "--json") == 0
    summary = told(capsys)
    assert (summary["accepted"], summary["accepted_before"], summary["not_followed"]) == (5, 2, 2)


@pytest.mark.parametrize("change", [["--run", "june"], ["--from", "OTHER"], ["--template", "Ho {code}"]])
def test_another_run_or_another_wording_is_another_job(gateway: BulkGateway, file: Path, change: list[str]) -> None:
    assert bulk(file) == 0
    assert bulk(file, *change) == 0
    assert len(gateway.items) == 10


def test_another_file_is_another_job(gateway: BulkGateway, file: Path) -> None:
    assert bulk(file) == 0
    file.write_text(file.read_text().replace("Name 0", "Name zero"))
    assert bulk(file) == 0
    assert len({item["client_id"] for item in gateway.items}) == 10


def test_refused_rows_are_listed_with_line_and_reason_and_can_be_given_back_corrected(
    gateway: BulkGateway, file: Path, tmp_path: Path
) -> None:
    gateway.refusal = short
    errors = tmp_path / "errors.csv"
    assert bulk(file, "--errors", str(errors)) == 1
    rows = list(csv.DictReader(errors.read_text().splitlines()))
    assert [(row["refused_line"], row["refused_code"], row["refused_reason"]) for row in rows] == [
        ("3", "to: number_too_short", "to is number_too_short"),
        ("5", "to: number_too_short", "to is number_too_short"),
    ]
    errors.write_text(errors.read_text().replace("+3460000000", "+3460000001").replace("1,Name", "2,Name"))
    errors.write_text(errors.read_text().replace("3,Name 3", "4,Name 3"))
    assert bulk(errors, "--errors", str(tmp_path / "second.csv")) == 0
    assert gateway.items[-1]["variables"] == {"first_name": "Name 3", "code": "C3"}
    assert len(gateway.items) == 5


def test_a_run_that_is_repeated_lists_all_refused_rows_again(gateway: BulkGateway, file: Path, tmp_path: Path) -> None:
    gateway.refusal = short
    errors = tmp_path / "errors.csv"
    assert bulk(file, "--errors", str(errors)) == 1
    first = errors.read_text()
    assert bulk(file, "--errors", str(errors)) == 1
    assert (errors.read_text(), len(first.splitlines())) == (first, 3)


def test_something_else_behind_the_address_is_told(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.troubles = [(200, {"hello": "world"}, {})]
    assert bulk(file) == 2
    assert "does not speak like a Sluice gateway" in capsys.readouterr().err


def test_rows_that_can_be_no_message_are_refused_and_the_others_go_out(
    gateway: BulkGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, errors = tmp_path / "people.ndjson", tmp_path / "errors.csv"
    deep = '{"to": "+34600000002", "a": [[[[]]]]}'
    lines = [
        '{"phone": "+34600000000", "code": 7}',
        "{",
        '{"to": NaN}',
        '{"to": 1e999}',
        "[]",
        deep,
        "",
        '"+34600000001"',
    ]
    file.write_text("\n".join(lines))
    assert bulk(file, "--json", "--errors", str(errors)) == 1
    assert told(capsys)["refused_by"] == {"row: unreadable": 5}
    assert [(item["to"], item["variables"]) for item in gateway.items] == [
        ("+34600000000", {"code": 7}),
        ("+34600000001", {}),
    ]
    rows = list(csv.DictReader(errors.read_text().splitlines()))
    assert [(row["refused_line"], row["row"]) for row in rows] == [(str(n), lines[n - 1]) for n in (2, 3, 4, 5, 6)]


def test_what_is_wrong_with_every_row_is_found_with_the_first_request(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.refusal = lambda item: {"from": "sender_not_allowed"}
    assert bulk(file, "--from", "BANK") == 1
    assert len(gateway.calls) == 1
    said = capsys.readouterr()
    assert "Each of the first 2 rows was refused: from is sender_not_allowed" in said.err
    assert ["not", "sent", "3"] in [line.split() for line in said.out.splitlines()]


def test_a_full_gateway_is_waited_for_and_asked_again_under_the_same_key(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.troubles = [(503, LATER, {"Retry-After": "0"}), (429, LATER, {"Retry-After": "0"})]
    assert bulk(file, "--concurrency", "1") == 0
    assert [what for _, what in gateway.calls] == ["trouble", "trouble", "accepted", "accepted", "accepted"]
    assert len({key for key, _ in gateway.calls[:3]}) == 1
    assert "asks to wait 0 s: The gateway has no room for more." in capsys.readouterr().err


def test_what_no_wait_helps_against_is_not_asked_for_again(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for_ever = {"code": "too_many_requests", "detail": "3 at once are more than that.", "retryable": False}
    gateway.troubles = [(429, for_ever, {})]
    assert bulk(file, "--concurrency", "1") == 2
    assert [what for _, what in gateway.calls] == ["trouble"]
    assert "3 at once are more than that." in capsys.readouterr().err


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_sent_twice(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.troubles = [(503, LATER, {"Retry-After": "0"}), (HANG_UP, {}, {})]
    assert bulk(file, "--concurrency", "1", "--json") == 0
    assert [what for _, what in gateway.calls] == ["trouble", "accepted", "repeated", "accepted", "accepted"]
    assert len(gateway.items) == 5


def test_a_line_that_finds_no_room_is_waited_for_and_comes_again_with_those_behind_it(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    no_room = {"code": "too_many_requests", "detail": "Not so fast.", "retryable": True, "retry_after": 0}
    gateway.line_troubles = [no_room] * 2
    assert bulk(file, "--json") == 0
    assert len(gateway.items) == 5
    assert len({key for key, _ in gateway.calls}) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["accepted"] == 5
    assert "asks to wait 0 s: Not so fast." in said.err


def test_a_line_that_is_refused_for_no_field_is_told_by_its_code(gateway: BulkGateway, file: Path) -> None:
    gateway.line_troubles = [{"code": "invalid_json", "detail": "Line 1, column 1: no.", "retryable": False}]
    errors = file.with_name("errors.csv")
    assert bulk(file, "--errors", str(errors)) == 1
    (row,) = csv.DictReader(errors.read_text().splitlines())
    assert (row["refused_line"], row["refused_code"]) == ("2", "row: invalid_json")


def test_a_stream_that_is_refused_ends_the_run_with_advice(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.troubles = [(401, {"code": "unauthorized", "detail": "No."}, {})] * 9
    assert bulk(file) == 2
    assert "does not know this token" in capsys.readouterr().err
    assert len(gateway.calls) == 1


def test_without_a_gateway_it_ends_with_3(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # not listening: nobody answers, and nobody else can take the port
        monkeypatch.setenv("SLUICE_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        assert bulk(file, "--token", "sk_test") == 3
    assert "No gateway answers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("name,code\nA,1\n", "one of them `to` or `phone`"),
        ("to,code,code\n+34600000001,1,2\n", "names the column 'code' twice"),
        ("to,code\n", "has no rows"),
        ("", "one of them `to` or `phone`"),
        ('to,code\n+34600000001,1\n+34600000002,"2\n', "begins in line 3 is not CSV: a quote is opened"),
        (b"to,code\n+34600000001,\xe9\n", "Line 2 is not UTF-8"),
        ("to,code\n+34600000001," + "x" * 140_000, "Line 2 is longer"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_is_told_before_anything_is_sent(
    gateway: BulkGateway, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes, words: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert bulk(file) == 2
    assert words in capsys.readouterr().err
    assert gateway.calls == []


def test_usage_that_cannot_work_is_told_before_anything_is_sent(
    gateway: BulkGateway,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = file.read_text()
    for arguments, words in (
        ([str(file)], "There is no text"),
        ([str(tmp_path / "none.csv"), "--template", "x"], "cannot be read"),
        (["/dev/null", "--template", "x"], "is not a plain file"),
        ([str(file), "--template", "x", "--errors", str(file)], "names the file itself"),
        ([str(file), "--template", "x", "--errors", str(tmp_path)], "cannot be written"),
    ):
        assert main(["bulk", *arguments]) == 2
        assert words in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        bulk(file, "--batch", "0")
    assert ended.value.code == 2
    monkeypatch.delenv("SLUICE_TOKEN")
    assert bulk(file) == 2
    assert (gateway.calls, file.read_text()) == ([], before)


def test_the_ends_are_waited_for_submission_by_submission(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.statuses = lambda looked: "sent" if looked == 1 else "delivered"
    assert bulk(file, "--wait", "--json", "--batch", "3") == 0
    assert told(capsys)["outcomes"] == {"delivered": 5}


def test_a_wait_that_is_over_says_where_the_messages_stand(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.statuses = lambda looked: "sent"
    assert bulk(file, "--wait-at-most", "0.4", "--json", "--batch", "5") == 4
    assert told(capsys)["outcomes"] == {"sent": 5}


def test_a_dry_run_shows_the_first_rows_and_sends_nothing(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.refusal = short
    assert bulk(file, "--dry-run") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "line 2: SHOP -> +34600000000, transactional, 1 part, gsm7"
    assert "line 3: refused: to is number_too_short" in lines
    assert lines[-1].startswith("5 rows in ")
    assert gateway.items == []


def test_the_bar_is_for_terminals_and_standard_output_is_for_the_end(
    gateway: BulkGateway, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bulk(file) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert bulk(file, "--wait") == 0
    said = capsys.readouterr()
    assert "rows" in said.err
    assert "5/5" in said.err
    assert "5/5" not in said.out

"""The calls about opt-outs and opt-ins, and submissions to who may not be written to."""

import csv
import io
import json
import logging
from contextlib import AsyncExitStack
from typing import Any

import pytest
import trio
from houses import House
from uploading import uploading

from gateway.api.consents import calls
from gateway.identifiers import now_ms
from gateway.store.interface import InboundIn

NUMBER = "+34600000001"
BOTH = pytest.mark.parametrize("path", ["/v1/opt-outs", "/v1/opt-ins"])


async def put(house: House, path: str = "/v1/opt-outs", number: str = NUMBER, **body: Any) -> Any:
    return await house.client().call("PUT", f"{path}/{number}", json=body)


async def says(house: House, text: str, account: str = "shop") -> None:
    kept = trio.Event()
    inbound = InboundIn(now_ms() << 20, "telco", account, NUMBER, "SHOP", text, "gsm7", now_ms())
    house.store.inbound(inbound, lambda _: kept.set())
    await kept.wait()


async def upload(house: House, path: str, body: bytes | str, kind: str = "text/csv") -> Any:
    answer = await house.client().post(f"{path}/import", data=body, headers={"Content-Type": kind})
    return answer.status_code, await answer.get_json()


@BOTH
async def test_one_is_kept_shown_replaced_and_deleted(house: House, path: str) -> None:
    made = await put(house, path, source="form", evidence="7", at="2025-05-24T09:30:00+02:00", sender="+34600111222")
    kept = await made.get_json()
    assert made.status_code == 201
    assert {name: kept[name] for name in ("number", "sender", "at", "source", "evidence")} == {
        "number": NUMBER, "sender": "34600111222", "at": "2025-05-24T07:30:00.000Z", "source": "form", "evidence": "7",
    }  # fmt: skip
    assert (await put(house, path, sender="34600111222")).status_code == 200
    assert (await put(house, path)).status_code == 201, "of all senders is another"
    shown = await (await house.client().get(f"{path}/%2B34600000001")).get_json()
    assert (shown["number"], [one["sender"] for one in shown["entities"]]) == (NUMBER, [None, "34600111222"])
    assert [one["source"] for one in shown["entities"]] == ["api", "api"]
    gone = await house.client().call("DELETE", f"{path}/{NUMBER}?sender=%2B34600111222")
    assert gone.status_code == 204
    assert len((await (await house.client().get(f"{path}/{NUMBER}")).get_json())["entities"]) == 1
    assert (await house.client().call("DELETE", f"{path}/{NUMBER}")).status_code == 204
    for method in ("GET", "DELETE"):
        answer = await house.client().call(method, f"{path}/{NUMBER}")
        assert (answer.status_code, (await answer.get_json())["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("number", "body", "field", "code"),
    [
        ("12", {}, "number", "number_too_short"),
        ("import", {}, "number", "not_a_number"),
        (NUMBER, {"sender": 5}, "sender", "wrong_type"),
        (NUMBER, {"sender": "x" * 22}, "sender", "too_long"),
        (NUMBER, {"source": ""}, "source", "empty"),
        (NUMBER, {"evidence": "x" * 1001}, "evidence", "too_long"),
        (NUMBER, {"evidence": "\0"}, "evidence", "nul"),
        (NUMBER, {"at": "yesterday"}, "at", "not_a_time"),
        (NUMBER, {"at": "1969-01-01T00:00:00Z"}, "at", "too_small"),
        (NUMBER, {"at": "2999-01-01T00:00:00Z"}, "at", "too_far_ahead"),
        (NUMBER, {"at": 5}, "at", "wrong_type"),
        (NUMBER, {"reason": "x"}, "reason", "unknown_field"),
    ],
)
async def test_what_is_wrong_is_told_by_field(house: House, number: str, body: Any, field: str, code: str) -> None:
    answer = await put(house, number=number, **body)
    assert (answer.status_code, (await answer.get_json())["codes"]) == (422, {field: [code]})


async def test_it_takes_the_scope_opt_outs_and_the_own_account(house: House) -> None:
    await put(house)
    for method in ("GET", "PUT", "DELETE"):
        answer = await house.client("shop-read").call(method, f"/v1/opt-outs/{NUMBER}", json={})
        assert (answer.status_code, (await answer.get_json())["code"]) == (403, "insufficient_scope")
    assert (await house.client("other").get(f"/v1/opt-outs/{NUMBER}")).status_code == 404
    assert (await (await house.client("other").get("/v1/opt-outs")).get_json())["entities"] == []


@BOTH
async def test_a_list_goes_by_number_in_pages(house: House, path: str) -> None:
    for number in ("+34600000003", "+34600000001", "+34600000002"):
        await put(house, path, number)
    await put(house, path, "+34600000002", sender="SHOP")
    seen, cursor = [], ""
    for _ in range(4):
        page = await (await house.client().get(f"{path}?limit=1{cursor}")).get_json()
        seen += [(one["number"][-1], one["sender"]) for one in page["entities"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [("1", None), ("2", None), ("2", "SHOP"), ("3", None)]
    assert page["next_cursor"] is None
    for query in ("limit=0", "cursor=No!", "cursor=WyJhIl0", "number=a"):
        assert (await house.client().get(f"{path}?{query}")).status_code == 422


@BOTH
@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_what_is_exported_is_imported_as_it_was(
    house: House, path: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PAGE", 3)
    for number in range(7):
        await put(house, path, f"+3460000000{number}", evidence='a "quoted", text', source="form")
    answer = await house.client().get(f"{path}/export?format={form}")
    body = await answer.get_data()
    assert answer.status_code == 200
    lines = list(csv.reader(io.StringIO(body.decode()))) if form == "csv" else body.decode().splitlines()
    assert len(lines) == 7 + (form == "csv")
    listed = await (await house.client().get(path)).get_json()
    status, done = await upload(house, path, body, answer.headers["Content-Type"])
    assert (status, done["added"], done["unchanged"]) == (200, 0, 7)
    for number in range(7):
        await house.client().call("DELETE", f"{path}/+3460000000{number}")
    status, done = await upload(house, path, body, answer.headers["Content-Type"])
    assert (status, done["added"], done["rejected"]) == (200, 7, 0)
    assert await (await house.client().get(path)).get_json() == listed


async def test_an_export_of_nothing_has_its_header(house: House) -> None:
    answer = await house.client().get("/v1/opt-ins/export")
    assert await answer.get_data() == b"number,sender,at,source,evidence\r\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="opt-ins.csv"'
    assert await (await house.client().get("/v1/opt-ins/export?format=ndjson")).get_data() == b""
    assert (await house.client().get("/v1/opt-ins/export?format=xml")).status_code == 422


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", "name;phone;sender\nAna;+34600000001;\nBo;12;\nCy;600 000 002;SHOP\nAna;+34600000001;\n"),
        ("application/x-ndjson", '"+34600000001"\n{"to": "12"}\n{"number": "600000002"}\n{"phone": "+34600000001"}\n'),
        ("application/json", '["+34600000001", {"number": "12"}, {"number": "600000002"}, "+34600000001"]'),
    ],
)
async def test_an_import_takes_what_is_right_and_names_the_rest(house: House, kind: str, body: str) -> None:
    status, done = await upload(house, "/v1/opt-outs", body, kind)
    errors = done.pop("errors")
    assert (status, done) == (200, {"received": 4, "added": 2, "unchanged": 1, "rejected": 1})
    assert [(error["index"], error["codes"]) for error in errors] == [(1, {"number": ["number_too_short"]})]
    listed = await (await house.client().get("/v1/opt-outs")).get_json()
    assert [one["number"] for one in listed["entities"]] == [NUMBER, "+34600000002"]
    assert {one["source"] for one in listed["entities"]} == {"import"}


async def test_lines_that_cannot_be_read_are_errors_of_their_own_and_the_first_100_are_told(house: House) -> None:
    status, done = await upload(
        house, "/v1/opt-outs", 'no\n7\n"+34600000001"\n' + '"x"\n' * 200, "application/x-ndjson"
    )
    assert (status, done["received"], done["added"], done["rejected"]) == (200, 203, 1, 202)
    assert len(done["errors"]) == 100
    assert done["errors"][0]["codes"] == {"line": ["not_json"]}


@pytest.mark.parametrize("written", ["+44 (0)7911 123456", "+4407911123456", "+447911123456"])
async def test_a_number_is_kept_as_messages_to_it_have_it_however_a_list_writes_it(house: House, written: str) -> None:
    assert (await upload(house, "/v1/opt-outs", f"number\n{written}\n"))[1]["added"] == 1
    answer = await house.client().post("/v1/sms", json={"to": written, "text": "Hello"})
    assert (answer.status_code, (await answer.get_json())["codes"]) == (422, {"to": ["opted_out"]})
    assert (await house.client().get("/v1/opt-outs/+447911123456")).status_code == 200


async def test_a_number_that_no_message_could_go_to_is_kept_by_its_shape(house: House) -> None:
    assert (await put(house, number="+5215512345678")).status_code == 201
    answer = await house.client().post("/v1/sms", json={"to": "+5215512345678", "text": "Hello"})
    assert (await answer.get_json())["codes"] == {"to": ["number_too_long"]}


async def test_who_sends_a_list_slowly_keeps_no_other_account_waiting(house: House) -> None:
    headers = {"Authorization": "Bearer shop", "Content-Type": "text/csv", "Host": "localhost"}
    path = "/v1/opt-outs/import"
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(uploading(house.app, {}, headers, path))
        for piece in (b"num", b"ber\n"):
            await first.send(piece)  # the second is taken once the first is read, so it has its turn
        waiting = [await stack.enter_async_context(uploading(house.app, {}, headers, path)) for _ in range(8)]
        with trio.fail_after(10):
            answer = await house.client("other").post(
                path, data=f"number\n{NUMBER}\n", headers={"Content-Type": "text/csv"}
            )
        assert (answer.status_code, (await answer.get_json())["added"]) == (200, 1)
        await first.end()
        assert (first.status, first.json["received"]) == (200, 0)
        for upload in waiting:
            await upload.leave()


async def test_a_large_import_is_kept_in_slices(house: House) -> None:
    body = "number\n" + "".join(f"+346{number:08}\n" for number in range(5_000))
    status, done = await upload(house, "/v1/opt-outs", body)
    assert (status, done["received"], done["added"]) == (200, 5_000, 5_000)
    assert (await upload(house, "/v1/opt-outs", body))[1]["unchanged"] == 5_000


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("text/plain", "x", 415, "unsupported_media_type"),
        ("text/csv; charset=latin-1", "number\n", 415, "unsupported_media_type"),
        ("application/json", "{}", 422, "not_an_array"),
        ("application/json", "[", 400, "invalid_json"),
        ("application/json", "[" + " " * 2_200_000 + "]", 413, "body_too_large"),
        ("text/csv", "name,age\nAna,7\n", 422, "invalid_fields"),
        ("text/csv", "", 422, "invalid_fields"),
    ],
)
async def test_an_import_that_is_none_is_refused(house: House, kind: str, body: str, status: int, code: str) -> None:
    answer = await upload(house, "/v1/opt-outs", body, kind)
    assert (answer[0], answer[1]["code"]) == (status, code)


async def test_an_import_under_a_key_is_answered_the_same_again(house: House) -> None:
    key = {"Idempotency-Key": "list-7", "Content-Type": "text/csv"}
    first = await house.client().post("/v1/opt-outs/import", data=f"number\n{NUMBER}\n", headers=key)
    await house.client().call("DELETE", f"/v1/opt-outs/{NUMBER}")
    again = await house.client().post("/v1/opt-outs/import", data=f"number\n{NUMBER}\n", headers=key)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert await again.get_json() == await first.get_json()
    assert (await house.client().get(f"/v1/opt-outs/{NUMBER}")).status_code == 404
    for path in ("/v1/opt-outs/import", "/v1/opt-ins/import"):
        other = await house.client().post(path, data="number\n+34600000009\n", headers=key)
        assert (other.status_code, (await other.get_json())["code"]) == (422, "idempotency_key_reused")
    assert (await (await house.client().get("/v1/opt-outs")).get_json())["entities"] == []


async def test_who_opted_out_is_refused_by_field_and_by_item_and_a_repeat_is_told_the_same(house: House) -> None:
    await says(house, "Stop!")
    message = {"to": NUMBER, "text": "Your code is 1234"}
    for path in ("/v1/sms", "/send"):
        answer = await house.client().post(path, json=message, headers={"Idempotency-Key": f"one{len(path)}"})
        assert (answer.status_code, (await answer.get_json())["codes"]) == (422, {"to": ["opted_out"]})
    items = [{**message, "client_id": "a"}, {**message, "to": "+34600000002"}, {"text": "x"}]
    key = {"Idempotency-Key": "bulk"}
    first = await (await house.client().post("/v1/sms/bulk", json=items, headers=key)).get_json()
    assert [entity["index"] for entity in first["entities"]] == [1]
    told = [(error["index"], error["client_id"], error["codes"]) for error in first["errors"]]
    assert told == [(0, "a", {"to": ["opted_out"]}), (2, None, {"to": ["missing"]})]
    await says(house, "START")
    again = await house.client().post("/v1/sms/bulk", json=items, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await again.get_json() == first
    answer = await house.client().post("/v1/sms", json=message, headers={"Idempotency-Key": "one7"})
    assert answer.status_code == 201, "what was refused is looked at anew"


async def test_a_bulk_of_none_but_the_opted_out_has_no_entities_and_is_repeated_so(house: House) -> None:
    await put(house)
    items = [{"to": NUMBER, "text": "Hello"}]
    for _ in range(2):
        answer = await house.client().post("/v1/sms/bulk", json=items, headers={"Idempotency-Key": "all"})
        body = await answer.get_json()
        assert (answer.status_code, body["entities"], len(body["errors"])) == (201, [], 1)
        await house.client().call("DELETE", f"/v1/opt-outs/{NUMBER}")
    assert answer.headers["Idempotent-Replayed"] == "true"


async def test_the_opt_out_of_a_handset_shows_its_keyword_and_messages(house: House) -> None:
    await says(house, "quit")
    (one,) = (await (await house.client().get(f"/v1/opt-outs/{NUMBER}")).get_json())["entities"]
    assert (one["source"], one["keyword"], one["message_id"]) == ("inbound", "QUIT", None)
    assert one["inbound_id"].startswith("inb_")


async def test_no_number_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await put(house)
    await says(house, "STOP")
    await upload(house, "/v1/opt-outs", f"number\n{NUMBER}\n")
    await house.client().get(f"/v1/opt-outs/{NUMBER}")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("sluice")]
    assert "4600000001" not in json.dumps(ours)

"""Campaigns taken in through the app and the real store: what is taken, what is refused and why, and repeats."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import trio
from campaign_calls import CSV, HERE, LATER, NDJSON, TEXT, a_campaign, got, posted, uploaded, when
from houses import House
from uploading import uploading

from gateway.identifiers import CAMPAIGN, internal


@pytest.fixture
def configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    configuration["accounts"]["shop"]["number_check"] = "shape"
    configuration["accounts"]["other"]["tokens"][0]["scopes"] = ["send", "read"]
    return configuration


# --- JSON


async def test_the_request_of_the_contract_is_taken(house: House) -> None:
    body = {
        "campaign_name": "May Promotion",
        "message": TEXT,
        "recipients": [{"phone": "+15551234567", "first_name": "Alice", "code": "ALICE20"}],
        "schedule": LATER,
        "webhook_url": "https://yourapp.example/webhooks/delivery",
        "idempotency_key": "campaign_may_v1",
    }
    answer = await house.client().post(HERE, json=body)
    found = await answer.get_json()
    assert (answer.status_code, found["status"], found["lane"]) == (202, "loading", "promotional")
    assert answer.headers["Location"] == f"/v1/campaigns/{found['id']}"
    assert found["recipients"] == {"received": 1, "accepted": 1, "rejected": 0, "duplicates": 0, "opted_out": 0}
    assert found["schedule"] == "2027-05-24T14:00:00.000Z"
    assert (await when(house, found, "scheduled"))["counts"]["waiting"] == 1


async def test_three_bad_recipients_of_five_are_told_and_the_others_taken(house: House) -> None:
    ada = {"phone": "+34600000001", "first_name": "Ada", "code": "A"}
    bad = [{**ada, "phone": "12"}, {"phone": "+34600000002"}, {**ada, "phone": "+34600000003", "code": ["A"]}]
    found = await posted(house, a_campaign(ada, *bad, {**ada, "to": None, "phone": "+34600000009"}))
    assert found["recipients"] == {"received": 5, "accepted": 2, "rejected": 3, "duplicates": 0, "opted_out": 0}
    assert [(error["index"], error["codes"]) for error in found["errors"]] == [
        (1, {"phone": ["number_too_short"]}),
        (2, {"code": ["missing"], "first_name": ["missing"]}),
        (3, {"code": ["wrong_type"]}),
    ]


async def test_recipients_may_be_plain_strings_and_double_ones_are_counted(house: House) -> None:
    numbers = ["+34600000001", "+34 600 000 001", "+34600000002"]
    found = await posted(house, a_campaign(*numbers, message="Hello {first_name:there}"))
    assert found["recipients"] == {"received": 3, "accepted": 2, "rejected": 0, "duplicates": 1, "opted_out": 0}


async def test_a_field_that_no_recipient_has_is_told_of_each(house: House) -> None:
    found = await posted(house, a_campaign("+34600000001", "+34600000002", message="Hi {nmae}"))
    assert [error["codes"] for error in found["errors"]] == [{"nmae": ["missing"]}] * 2
    assert found["recipients"]["accepted"] == 0


REFUSED = {
    "a schedule in the past": ({"schedule": "2020-01-01T00:00:00Z"}, {"schedule": ["in_the_past"]}),
    "a schedule too far ahead": ({"schedule": "2040-01-01T00:00:00Z"}, {"schedule": ["too_far_ahead"]}),
    "a schedule without zone": ({"schedule": "2027-05-24T09:00:00"}, {"schedule": ["not_a_time"]}),
    "no name": ({"campaign_name": None}, {"campaign_name": ["missing"]}),
    "no text": ({"message": None}, {"message": ["missing"]}),
    "a text twice": ({"text": "Hello"}, {"text": ["given_twice"]}),
    "text and template": ({"template": "may"}, {"message": ["not_with_template"], "template": ["unknown_template"]}),
    "an unknown template": ({"message": None, "template": "may"}, {"template": ["unknown_template"]}),
    "a brace that is open": ({"message": "Hi {name"}, None),
    "a sender not allowed": ({"from": "BANK"}, {"from": ["sender_not_allowed"]}),
    "an unknown lane": ({"lane": "fast"}, {"lane": ["unknown_lane"]}),
    "an unknown field": ({"mesage": "x"}, {"mesage": ["unknown_field"]}),
    "a rate of nothing": ({"rate": 0}, {"rate": ["too_small"]}),
    "a rate that is none": ({"rate": "fast"}, {"rate": ["wrong_type"]}),
    "a validity in words": ({"validity": "1h"}, {"validity": ["wrong_type"]}),
    "a webhook inside": ({"webhook_url": "http://127.0.0.1/"}, {"webhook_url": ["url_not_allowed"]}),
    "a key that is none": ({"idempotency_key": "a b"}, {"idempotency_key": ["not_printable"]}),
    "a number as a name": ({"campaign_name": 5}, {"campaign_name": ["wrong_type"]}),
    "a surrogate": ({"message": "\ud800"}, {"message": ["lone_surrogate"]}),
    "parts without end": ({"max_parts": 0}, {"max_parts": ["too_small"]}),
}


@pytest.mark.parametrize(("changes", "codes"), REFUSED.values(), ids=REFUSED)
async def test_a_definition_that_is_wrong_is_refused_before_anything_is_kept(
    house: House, changes: dict[str, Any], codes: dict[str, list[str]] | None
) -> None:
    problem = await posted(house, a_campaign("nobody", **changes), 422)
    assert problem["code"] == "invalid_fields"
    assert codes is None or problem["codes"] == codes
    assert "message" in problem["fields"] or codes is not None
    assert (await got(house, "/v1/campaigns"))["entities"] == []


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (a_campaign() | {"recipients": []}, {"recipients": ["empty"]}),
        (a_campaign() | {"recipients": {"phone": "+34600000001"}}, {"recipients": ["wrong_type"]}),
        ({"campaign": a_campaign()}, None),
    ],
    ids=["no recipients", "one recipient alone", "a wrapped campaign"],
)
async def test_a_campaign_without_recipients_is_refused(house: House, body: Any, codes: Any) -> None:
    problem = await posted(house, body, 422)
    assert problem["codes"] == codes or {"campaign", "recipients"} <= set(problem["codes"])


async def test_an_array_and_fields_in_the_query_are_refused_with_what_to_do(house: House) -> None:
    assert (await posted(house, [a_campaign()], 422))["code"] == "not_an_object"
    answer = await house.client().post(f"{HERE}?campaign_name=x", json=a_campaign())
    assert (await answer.get_json())["codes"] == {"query": ["unknown_field"]}


async def test_other_types_of_body_are_a_415_that_names_those_taken(house: House) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/xml"):
        answer = await house.client().post(HERE, data=b"x", headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert "text/csv" in (await answer.get_json())["detail"]
    answer = await house.client().post(HERE, data=b"x", headers={**CSV, "Content-Encoding": "gzip"})
    assert answer.status_code == 415


async def test_a_body_far_above_the_limit_of_other_calls_is_taken(house: House) -> None:
    recipients = [{"phone": f"+3460{n:07}", "first_name": "x" * 100, "code": "A"} for n in range(20_000)]
    body = a_campaign(*recipients)
    assert len(json.dumps(body)) > house.settings.http.body_limit
    assert (await posted(house, body))["recipients"]["accepted"] == 20_000


# --- files


async def test_a_csv_with_its_fields_by_header_is_taken(house: House) -> None:
    octets = b'\xef\xbb\xbfphone;first_name;code\r\n+34600000001;"Al;ice";A\r\n+34600000002;Bob;\r\n'
    found = await uploaded(house, octets, CSV, campaign_name="May", message=TEXT, schedule=LATER)
    assert found["recipients"]["accepted"] == 1
    assert found["errors"] == [
        {"index": 1, "fields": {"code": ["is missing: the text has {code} without a default"]},
         "codes": {"code": ["missing"]}},
    ]  # fmt: skip


async def test_ndjson_may_have_its_definition_in_the_first_line_or_in_the_query(house: House) -> None:
    lines = [
        {"campaign_name": "May", "message": "Hi {n}", "rate": 5, "schedule": LATER},
        {"phone": "+34600000001", "n": 1},
    ]
    octets = "\n".join(map(json.dumps, lines)).encode()
    found = await uploaded(house, octets, NDJSON)
    assert (found["recipients"]["accepted"], found["rate_limit"]) == (1, 5.0)
    octets = b'"+34600000001"\n"+34600000002"\nnobody'
    query = {
        "campaign_name": "May",
        "message": "Hi",
        "rate": "2.5",
        "spintax": "false",
        "validity": "60",
        "schedule": LATER,
    }
    found = await uploaded(house, octets, NDJSON, **query)
    assert (found["recipients"]["accepted"], found["rate_limit"]) == (2, 2.5)
    assert found["errors"][0]["codes"] == {"line": ["not_json"]}


async def test_a_field_in_the_query_and_in_the_first_line_is_refused(house: House) -> None:
    octets = b'{"campaign_name": "May"}\n"+34600000001"'
    problem = await uploaded(house, octets, NDJSON, 422, campaign_name="June", message="Hi")
    assert problem["codes"] == {"campaign_name": ["given_twice"]}


@pytest.mark.parametrize("headers", [CSV, NDJSON])
async def test_a_file_without_recipients_is_refused(house: House, headers: dict[str, str]) -> None:
    octets = b"phone\n" if headers is CSV else b'{"campaign_name": "May", "message": "Hi"}\n'
    query = {"campaign_name": "May", "message": "Hi"} if headers is CSV else {}
    problem = await uploaded(house, octets, headers, 422, **query)
    assert problem["codes"] == {"recipients": ["empty"]}
    assert (await got(house, "/v1/campaigns"))["entities"] == []


async def test_a_wrong_value_in_the_query_is_told_as_in_a_body(house: House) -> None:
    problem = await uploaded(house, b"phone\n1", CSV, 422, campaign_name="May", message="Hi", spintax="maybe")
    assert problem["codes"] == {"spintax": ["wrong_type"]}
    problem = await uploaded(house, b"phone\n1", CSV, 422, campaign_name="May", message="Hi", rate="fast", tpyo="x")
    assert problem["codes"] == {"rate": ["wrong_type"], "tpyo": ["unknown_field"]}


# --- idempotency


async def test_the_same_key_and_body_give_the_first_answer_again_whatever_became_of_it(house: House) -> None:
    body = a_campaign("nobody", "+34600000001", message="Hello", schedule=None, idempotency_key="may")
    first = await posted(house, body)
    await when(house, first, "running")
    await house.client().post(f"/v1/campaigns/{first['id']}/cancel")
    answer = await house.client().post(HERE, json=body)
    assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (202, "true")
    assert await answer.get_json() == first
    assert len((await got(house, "/v1/campaigns"))["entities"]) == 1


async def test_the_same_key_with_another_body_or_query_is_refused(house: House) -> None:
    key = {"Idempotency-Key": "may"}
    await posted(house, a_campaign(), **key)
    problem = await posted(house, a_campaign(tag="b"), 422, **key)
    assert problem["code"] == "idempotency_key_reused"
    problem = await uploaded(house, b"phone\n+34600000001\n", {**CSV, **key}, 422, campaign_name="May", message="Hi")
    assert problem["code"] == "idempotency_key_reused"
    assert len((await got(house, "/v1/campaigns"))["entities"]) == 1


async def test_a_key_in_header_and_body_has_to_be_the_same(house: House) -> None:
    body = a_campaign(idempotency_key="may")
    problem = await posted(house, body, 422, **{"Idempotency-Key": "june"})
    assert problem["codes"] == {"idempotency_key": ["given_twice"]}
    first = await posted(house, body, **{"Idempotency-Key": "may"})
    assert (await posted(house, body))["id"] == first["id"]


async def test_a_key_whose_definition_is_wrong_by_now_still_gives_its_first_answer(house: House) -> None:
    await house.client().call("PUT", "/v1/templates/may", json={"text": "Hello"})
    body = a_campaign("+34600000001", message=None, template="may", idempotency_key="may")
    first = await posted(house, body)
    await house.client().call("DELETE", "/v1/templates/may")
    assert await posted(house, body) == first
    problem = await posted(house, {**body, "tag": "b"}, 422)
    assert problem["codes"] == {"template": ["unknown_template"]}


QUERY = {"campaign_name": "May", "message": "Hi", "schedule": LATER}
STREAMED = {**CSV, "Authorization": "Bearer shop"}


async def until_it_is_there(house: House) -> None:
    """Until a campaign stands in the store."""
    while not (await got(house, "/v1/campaigns"))["entities"]:
        await trio.lowlevel.checkpoint()


async def test_an_upload_that_was_cut_off_sends_nothing_and_its_key_begins_it_again(house: House) -> None:
    octets = b"phone\n" + b"".join(b"+3460%07d\n" % n for n in range(1_000))
    headers = {**STREAMED, "Idempotency-Key": "may"}
    async with uploading(house.app, QUERY, headers) as upload:
        await upload.send(octets)
        await until_it_is_there(house)
        await upload.leave()
    assert upload.status is None
    listed = (await got(house, "/v1/campaigns"))["entities"]
    assert [(one["status"], one["failure"]) for one in listed] == [("failed", "upload_cut_off")]
    path = f"{HERE}?{urlencode(QUERY)}"
    answer = await house.client().post(path, data=octets, headers=headers)
    found = await answer.get_json()
    assert answer.status_code == 202
    assert "Idempotent-Replayed" not in answer.headers
    assert found["recipients"] == {"received": 1_000, "accepted": 1_000, "rejected": 0, "duplicates": 0, "opted_out": 0}
    await when(house, found, "scheduled")


async def test_a_key_that_is_being_loaded_is_a_409(house: House) -> None:
    headers = {**STREAMED, "Idempotency-Key": "may"}
    async with uploading(house.app, QUERY, headers) as upload:
        await upload.send(b"phone\n+34600000001\n")
        await until_it_is_there(house)
        problem = await uploaded(house, b"phone\n+34600000001\n", headers, 409, **QUERY)
        assert (problem["code"], problem["retryable"]) == ("request_under_way", True)
        await upload.end()
    assert (upload.status, upload.json["recipients"]["accepted"]) == (202, 1)


async def test_no_more_is_read_of_an_upload_than_is_on_disk(house: House) -> None:
    """What one reading took is checked and kept before the next is asked for."""
    rows = [b"".join(b"+3460%07d\n" % (part * 1_000 + n) for n in range(1_000)) for part in range(20)]
    async with uploading(house.app, QUERY, STREAMED) as upload:
        await upload.send(b"phone\n")
        for number, part in enumerate(rows):
            await upload.send(part)
            if number >= 3:
                listed = (await got(house, "/v1/campaigns"))["entities"]
                # Two parts are in hands, and less than a slice waits for more.
                assert listed[0]["recipients"]["received"] >= (number - 2) * 1_000 - 500
        await upload.end()
    assert upload.json["recipients"]["accepted"] == 20_000


async def test_a_body_that_stops_coming_is_a_408_and_the_campaign_has_failed(house: House, autojump_clock: Any) -> None:
    async with uploading(house.app, QUERY, STREAMED) as upload:
        await upload.send(b"phone\n+34600000001\n")
        await upload.over.wait()
    assert (upload.status, upload.json["code"]) == (408, "request_timeout")
    assert [one["status"] for one in (await got(house, "/v1/campaigns"))["entities"]] == ["failed"]


async def test_an_upload_whose_campaign_was_given_up_meanwhile_is_a_408(house: House) -> None:
    async with uploading(house.app, QUERY, STREAMED) as upload:
        await upload.send(b"phone\n+34600000001\n")
        await until_it_is_there(house)
        (found,) = (await got(house, "/v1/campaigns"))["entities"]
        await house.store.fail_campaign(internal(CAMPAIGN, found["id"]) or 0, "upload_without_end")
        await upload.end()
    assert (upload.status, upload.json["code"]) == (408, "request_timeout")
    assert [one["failure"] for one in (await got(house, "/v1/campaigns"))["entities"]] == ["upload_without_end"]


# --- limits


@pytest.fixture
def small_limits(configuration: dict[str, Any]) -> None:
    configuration["limits"] = {"campaign_recipients": 700, "campaign_recipients_json": 5}
    configuration["http"] = {"campaign_body_limit": 2_000, "campaign_upload_limit": 50_000}


@pytest.mark.usefixtures("small_limits")
async def test_more_recipients_than_may_be_are_a_413_and_nothing_is_sent(house: House) -> None:
    numbers = [f"+3460000000{n}" for n in range(6)]
    problem = await posted(house, a_campaign(*numbers, message="Hi"), 413)
    assert (problem["code"], problem["limit"]) == ("too_many_recipients", 5)
    assert (await got(house, "/v1/campaigns"))["entities"] == []
    octets = b"phone\n" + b"".join(b"+3460%07d\n" % n for n in range(701))
    problem = await uploaded(house, octets, CSV, 413, campaign_name="May", message="Hi")
    assert problem["limit"] == 700
    listed = (await got(house, "/v1/campaigns"))["entities"]
    assert [(one["status"], one["failure"]) for one in listed] == [("failed", "too_many_recipients")]


@pytest.mark.usefixtures("small_limits")
async def test_a_body_above_its_limit_is_a_413(house: House) -> None:
    problem = await posted(house, a_campaign(message="x" * 2_000), 413)
    assert (problem["code"], problem["limit_bytes"]) == ("body_too_large", 2_000)
    octets = b"phone\n" + b"1\n" * 30_000
    problem = await uploaded(house, octets, CSV, 413, campaign_name="May", message="Hi")
    assert problem["code"] in ("body_too_large", "too_many_recipients")


async def test_a_third_upload_of_an_account_waits_unread_and_is_then_refused(house: House, autojump_clock: Any) -> None:
    async with uploading(house.app, QUERY, STREAMED) as one, uploading(house.app, QUERY, STREAMED) as two:
        for upload in (one, two):
            await upload.send(b"phone\n+34600000001\n")
        async with uploading(house.app, QUERY, STREAMED) as third:
            for _ in range(3):
                await trio.sleep(25)
                for upload in (one, two):
                    await upload.send(b"+34600000002\n")
            await third.over.wait()
    assert (third.status, third.json["code"]) == (503, "too_many_uploads")

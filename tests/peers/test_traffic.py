"""What a scripted SMSC gets of ordinary traffic, octet by octet, and what the customer is told of it."""

import itertools

import pytest

pytestmark = pytest.mark.peer

GSM = "Hi @ £5 = 4€ [a] ~"
GSM_OCTETS = bytes.fromhex("4869200020 01 35 203d20 34 1b65 20 1b3c 61 1b3e 20 1b3d")
RECEIPT = 1


def answer_and_receipt(ids):
    """Accepts everything, and sends the receipt right after the answer."""

    def answer(submit):
        message_id = next(ids)
        submit.accept(message_id)
        submit.receipt(message_id)

    return answer


def test_the_carrier_sees_the_bind_it_configured(stage):
    bound = stage.left.wait_bound()
    assert bound["system_id"] == "acme"
    if "password" in bound:
        told = (bound["mode"], bound["password"], bound["system_type"], bound["interface_version"])
        assert told == ("bind_transceiver", "secret", "", 0x34)
        assert stage.right.wait_bound()["password"] == "other"


def test_a_message_goes_out_and_its_life_is_told(stage):
    message, submit = stage.sent(GSM, client_id=stage.id())
    assert submit.octets == GSM_OCTETS
    told = {name: submit.fields[name] for name in ("source_addr", "source_addr_ton", "source_addr_npi")}
    assert told == {"source_addr": "SHOP", "source_addr_ton": 5, "source_addr_npi": 0}
    assert (submit.fields["dest_addr_ton"], submit.fields["dest_addr_npi"]) == (1, 1)
    assert (submit.fields["esm_class"], submit.fields["data_coding"], submit.fields["registered_delivery"]) == (0, 0, 1)
    assert (submit.fields["protocol_id"], submit.fields["service_type"]) == (0, "")
    assert "read" not in submit.fields or submit.fields["read"] == {"text": GSM, "udh": []}

    message_id = stage.id()
    submit.accept(message_id)
    sent = stage.webhooks.wait(message, "sent")
    assert stage.left.wait_answered(submit.receipt(message_id))["status"] == 0
    delivered = stage.webhooks.wait(message, "delivered")

    assert (sent["client_id"], sent["data"]["carrier_message_id"]) == (message["client_id"], message_id)
    assert (delivered["status"], delivered["data"]["to"], delivered["data"]["error"]) == (
        "delivered",
        message["to"],
        None,
    )
    seen = stage.gateway.message(message["id"])
    assert (seen["status"], seen["attempts"], seen["possible_duplicate"], seen["error"]) == (
        "delivered",
        1,
        False,
        None,
    )
    assert seen["parts"] == [
        {"part": 1, "status": "delivered", "carrier": "left", "carrier_message_id": message_id, "attempts": 1}
    ]
    submitted = next(step for step in seen["timeline"] if step["what"] == "submit")
    assert (submitted["outcome"], submitted["command_status"]) == ("sent", "ESME_ROK")
    receipt = next(step for step in seen["timeline"] if step["what"] == "receipt")
    assert (receipt["state"], receipt["err"], receipt["applied"]) == ("DELIVRD", "000", True)
    assert "Hello" not in receipt["raw"]


def test_a_number_as_sender_goes_out_as_a_number(stage):
    _, submit = stage.sent("From a number", **{"from": "+34600000000"})
    told = (submit.fields["source_addr"], submit.fields["source_addr_ton"], submit.fields["source_addr_npi"])
    assert told == ("34600000000", 1, 1)
    submit.accept(stage.id())


def test_a_bulk_of_500_goes_out_once_each_over_both_binds(stage):
    stage.left.answer = answer_and_receipt(f"bulk-{n}" for n in itertools.count())
    items = [{"to": stage.number(), "text": f"Bulk {n}"} for n in range(500)]
    messages = stage.gateway.send_bulk(items)
    events = stage.webhooks.wait_for_each(messages, "delivered")

    wanted = {item["to"]: item["text"].encode() for item in items}
    submits = stage.left.submits.all(lambda submit: submit.to in wanted)
    assert len(submits) == 500
    assert {submit.to: submit.octets for submit in submits} == wanted
    assert {submit.session for submit in submits} == set(stage.left.sessions())
    assert len({event["data"]["carrier_message_id"] for event in events}) == 500
    assert all(stage.webhooks.told(message) == ["sent", "delivered"] for message in messages)


def test_a_long_message_goes_out_in_parts_that_the_phone_can_join(stage):
    text = "".join(f"{n:03d} " for n in range(100))
    message = stage.gateway.send(stage.number(), text)
    assert (message["segments"], message["encoding"]) == (3, "gsm7")
    submits = stage.left.wait_submits(message["to"], 3)
    by_part = {submit.octets[5]: submit for submit in submits}
    assert sorted(by_part) == [1, 2, 3]
    assert len({(submit.session, submit.octets[:5]) for submit in submits}) == 1  # one bind and one reference for all
    assert submits[0].octets[:3] == b"\5\0\3"
    assert submits[0].octets[4] == 3
    assert b"".join(by_part[part].octets[6:] for part in (1, 2, 3)) == text.encode()
    assert all(submit.fields["esm_class"] & 0x40 for submit in submits)
    assert all(submit.fields["registered_delivery"] == RECEIPT for submit in submits)
    if "read" in submits[0].fields:
        assert "".join(by_part[part].fields["read"]["text"] for part in (1, 2, 3)) == text

    ids = {part: stage.id() for part in by_part}
    for part, submit in by_part.items():
        submit.accept(ids[part])
    stage.webhooks.wait(message, "sent")
    for part in (3, 1):
        stage.left.wait_answered(by_part[part].receipt(ids[part]))
    assert stage.webhooks.told(message) == ["sent"]
    by_part[2].receipt(ids[2])
    stage.webhooks.wait(message, "delivered")
    seen = stage.gateway.message(message["id"])
    assert [(part["part"], part["carrier_message_id"], part["status"]) for part in seen["parts"]] == [
        (part, ids[part], "delivered") for part in (1, 2, 3)
    ]


def test_a_long_message_ends_as_its_worst_part(stage):
    message = stage.gateway.send(stage.number(), "x" * 200)
    first, second = stage.left.wait_parts(message["to"], 2)
    ids = [stage.id(), stage.id()]
    first.accept(ids[0])
    second.accept(ids[1])
    stage.left.wait_answered(first.receipt(ids[0], "UNDELIV", err="001"))
    stage.left.wait_answered(second.receipt(ids[1]))
    event = stage.webhooks.wait(message, "undelivered")
    said = event["data"]["error"]["carrier_code"]
    assert (said["receipt_state"], said["err"]) == ("UNDELIV", "001")
    assert stage.gateway.message(message["id"])["error"]["carrier_code"] == said
    assert stage.webhooks.told(message) == ["sent", "undelivered"]


def test_a_text_beyond_gsm_goes_out_as_ucs2_and_no_character_is_cut(stage):
    text = "Grüße 🙂" * 20
    message = stage.gateway.send(stage.number(), text, allow_unicode=True)
    submits = stage.left.wait_submits(message["to"], message["segments"])
    ordered = [submit.octets[6:].decode("utf-16-be") for submit in sorted(submits, key=lambda s: s.octets[5])]
    assert "".join(ordered) == text
    assert all(submit.fields["data_coding"] == 8 for submit in submits)
    for submit in submits:
        submit.accept(stage.id())
    stage.webhooks.wait(message, "sent")


@pytest.mark.parametrize(
    ("octets", "data_coding", "text", "encoding"),
    [
        (GSM_OCTETS, 0, GSM, "gsm7"),
        ("Grüße 🙂".encode("utf-16-be"), 8, "Grüße 🙂", "ucs2"),
        ("Grüße".encode("latin-1"), 3, "Grüße", "gsm7"),
        (b"STOP", 1, "STOP", "gsm7"),
    ],
    ids=["gsm", "ucs2", "latin-1", "ia5"],
)
def test_an_inbound_message_is_told(stage, octets, data_coding, text, encoding):
    ref = stage.left.deliver(
        stage.left.sessions()[0],
        octets=octets,
        data_coding=data_coding,
        source_addr="34611111111",
        source_addr_ton=1,
        source_addr_npi=1,
        destination_addr="34600000000",
        dest_addr_ton=1,
        dest_addr_npi=1,
    )
    event = stage.webhooks.wait_inbound(text)
    assert (event["data"]["from"], event["data"]["to"]) == ("+34611111111", "+34600000000")
    assert (event["data"]["encoding"], event["data"]["carrier"], event["status"]) == (encoding, "left", "received")
    assert stage.left.wait_answered(ref)["status"] == 0

"""Receipts as SMSCs really send them: too early, elsewhere, twice, in other clothes, and for nobody."""

import pytest

pytestmark = pytest.mark.peer

UNDELIVERABLE = 5
DELIVERED = 2


def timeline(stage, message, what="receipt"):
    return [step for step in stage.gateway.message(message["id"])["timeline"] if step["what"] == what]


def delivered(stage, message):
    """That the message was delivered, and told so once."""
    stage.webhooks.wait(message, "delivered")
    return stage.webhooks.told(message) == ["sent", "delivered"]


def test_a_receipt_before_its_answer_waits_for_it(stage):
    message, submit = stage.sent()
    message_id = stage.id()
    assert stage.left.wait_answered(submit.receipt(message_id))["status"] == 0
    assert stage.webhooks.told(message) == []
    submit.accept(message_id)
    assert delivered(stage, message)
    (step,) = timeline(stage, message)
    assert (step["matched"], step["applied"]) == ("parked", True)
    assert stage.gateway.operator.get("/admin/status")["parked"] == 0


def test_a_receipt_before_its_answer_in_the_other_base_waits_for_it(stage):
    message, submit = stage.sent()
    number = int(message["to"][-4:]) + 0xA1B2C0
    stage.left.wait_answered(submit.receipt(str(number)))
    submit.accept(f"{number:X}")
    assert delivered(stage, message)


def test_a_receipt_may_come_on_another_bind(stage):
    message, submit = stage.sent()
    message_id = stage.id()
    submit.accept(message_id)
    other = next(session for session in stage.left.sessions() if session != submit.session)
    assert stage.left.wait_answered(submit.receipt(message_id, session=other))["status"] == 0
    assert delivered(stage, message)


def test_a_receipt_that_comes_twice_changes_nothing(stage):
    message, submit = stage.sent()
    message_id = stage.id()
    submit.accept(message_id)
    stage.left.wait_answered(submit.receipt(message_id))
    assert stage.left.wait_answered(submit.receipt(message_id))["status"] == 0
    assert delivered(stage, message)
    assert len(timeline(stage, message)) == 1


def test_a_receipt_that_contradicts_the_end_is_kept_and_not_applied(stage):
    message, submit = stage.sent()
    message_id = stage.id()
    submit.accept(message_id)
    stage.left.wait_answered(submit.receipt(message_id))
    assert stage.left.wait_answered(submit.receipt(message_id, "UNDELIV", err="005"))["status"] == 0
    assert delivered(stage, message)
    told = [(step["state"], step["applied"]) for step in timeline(stage, message)]
    assert told == [("DELIVRD", True), ("UNDELIV", False)]
    assert stage.gateway.message(message["id"])["status"] == "delivered"


def test_a_receipt_for_nobody_is_taken_and_listed(stage):
    message, submit = stage.sent()
    stranger = stage.id()
    assert stage.left.wait_answered(submit.receipt(stranger))["status"] == 0
    submit.accept(stage.id())
    stage.webhooks.wait(message, "sent")
    parked = stage.gateway.operator.get("/admin/parked")["entities"]
    assert stranger in [row["carrier_message_id"] for row in parked]
    assert stage.gateway.message(message["id"])["status"] == "sent"


def test_a_receipt_with_an_empty_id_ends_nothing(stage):
    message, submit = stage.sent()
    submit.accept("")
    stage.webhooks.wait(message, "sent")
    assert stage.left.wait_answered(submit.receipt(""))["status"] == 0
    assert stage.gateway.message(message["id"])["status"] == "sent"
    assert stage.webhooks.told(message) == ["sent"]


def test_two_carriers_may_give_the_same_id(stage):
    left = stage.gateway.send(stage.number())
    right = stage.gateway.send(stage.number("+34610"))
    same = stage.id()
    on_left, on_right = stage.left.wait_submit(left["to"]), stage.right.wait_submit(right["to"])
    on_left.accept(same)
    on_right.accept(same)
    stage.webhooks.wait(left, "sent")
    stage.webhooks.wait(right, "sent")
    on_right.receipt(same, "UNDELIV", err="001")
    stage.webhooks.wait(right, "undelivered")
    assert stage.gateway.message(left["id"])["status"] == "sent"
    on_left.receipt(same)
    assert delivered(stage, left)
    assert stage.webhooks.told(right) == ["sent", "undelivered"]


def test_an_id_given_again_is_matched_by_the_destination(stage):
    first, on_first = stage.sent()
    second, on_second = stage.sent()
    same = stage.id()
    on_first.accept(same)
    on_second.accept(same)
    stage.webhooks.wait(first, "sent")
    stage.webhooks.wait(second, "sent")
    on_first.receipt(same)
    assert delivered(stage, first)
    assert stage.gateway.message(second["id"])["status"] == "sent"
    on_second.receipt(same)
    assert delivered(stage, second)


def test_answers_out_of_order_find_their_messages(stage):
    messages = stage.gateway.send_bulk([{"to": stage.number(), "text": f"No {n}"} for n in range(8)])
    submits = [stage.left.wait_submit(message["to"]) for message in messages]
    ids = {submit.to: stage.id() for submit in submits}
    for submit in reversed(submits):
        submit.accept(ids[submit.to])
    for message in messages:
        assert stage.webhooks.wait(message, "sent")["data"]["carrier_message_id"] == ids[message["to"]]
    for submit in submits[::2] + submits[1::2]:
        submit.receipt(ids[submit.to])
    stage.webhooks.wait_for_each(messages, "delivered")


@pytest.mark.parametrize(
    ("answered", "receipted"),
    [
        ("{0:X}", "{0}"),
        ("{0:x}", "{0}"),
        ("{0}", "{0:X}"),
        ("{0}", "0000{0}"),
        ("000{0:X}", "{0:x}"),
        ("{0:016X}", "{0}"),
    ],
    ids=["hex then decimal", "small hex then decimal", "decimal then hex", "padded", "padding lost", "padded hex"],
)
def test_ids_are_matched_over_bases_and_padding(stage, answered, receipted):
    message, submit = stage.sent()
    number = 0xABCDE00000 + int(message["to"][-6:])
    submit.accept(answered.format(number))
    stage.webhooks.wait(message, "sent")
    submit.receipt(receipted.format(number))
    assert delivered(stage, message)


def test_a_receipt_without_esm_class_is_known_by_its_tlvs(stage):
    message, submit = stage.sent()
    message_id = stage.id()
    submit.accept(message_id)
    tlvs = {
        "receipted_message_id": message_id,
        "message_state": UNDELIVERABLE,
        "network_error_code": {"octets": "030001"},
    }
    submit.receipt(message_id, octets=b"", esm_class=0, tlvs=tlvs)
    event = stage.webhooks.wait(message, "undelivered")
    said = event["data"]["error"]
    assert said["carrier_code"]["network_error_code"] == "gsm:1"
    assert (said["class"], said["code"]) == ("permanent", "unknown_subscriber")
    assert stage.gateway.message(message["id"])["error"] == said


def test_a_receipt_whose_text_is_a_message_payload_is_read(stage):
    message, submit = stage.sent()
    message_id = stage.id()
    submit.accept(message_id)
    submit.receipt_in_payload(message_id)
    assert delivered(stage, message)


def test_an_intermediate_notification_goes_to_the_timeline_only(stage):
    message, submit = stage.sent()
    message_id = stage.id()
    submit.accept(message_id)
    stage.left.wait_answered(submit.receipt(message_id, "ENROUTE", esm_class=0x20))
    stage.webhooks.wait(message, "sent")
    submit.receipt(message_id)
    assert delivered(stage, message)
    assert [(step["state"], step["applied"]) for step in timeline(stage, message)] == [
        ("ENROUTE", False),
        ("DELIVRD", True),
    ]


@pytest.mark.parametrize(
    ("stat", "status"),
    [("UNDELIV", "undelivered"), ("EXPIRED", "expired"), ("REJECTD", "rejected"), ("DELETED", "undelivered")],
)
def test_each_end_is_told_as_what_it_is(stage, stat, status):
    message, submit = stage.sent()
    message_id = stage.id()
    submit.accept(message_id)
    submit.receipt(message_id, stat, err="042")
    event = stage.webhooks.wait(message, status)
    code = event["data"]["error"]["carrier_code"]
    assert (event["status"], code["receipt_state"], code["err"]) == (status, stat, "042")
    seen = stage.gateway.message(message["id"])
    assert (seen["status"], seen["error"]["carrier_code"]) == (status, code)


def test_a_receipt_as_data_sm_is_taken(node_stage):
    message, submit = node_stage.sent()
    message_id = node_stage.id()
    submit.accept(message_id)
    tlvs = {"receipted_message_id": message_id, "message_state": DELIVERED}
    answer = node_stage.left.wait_answered(submit.receipt(message_id, pdu="data_sm", tlvs=tlvs))
    assert (answer["command"], answer["status"]) == ("data_sm_resp", 0)
    assert delivered(node_stage, message)


@pytest.mark.parametrize("sequence_number", [0x80000001, 0xFFFFFFFE])
def test_a_delivery_with_a_sequence_number_out_of_bounds_is_answered(node_stage, sequence_number):
    message, submit = node_stage.sent()
    message_id = node_stage.id()
    submit.accept(message_id)
    ref = submit.receipt(message_id, sequence_number=sequence_number)
    assert node_stage.left.wait_answered(ref)["status"] == 0
    assert delivered(node_stage, message)


def test_a_delivery_is_answered_with_17_octets(node_stage):
    ref = node_stage.left.deliver(node_stage.left.sessions()[0], octets=b"Hi", destination_addr="34600000000")
    assert node_stage.left.wait_answered(ref)["length"] == 17

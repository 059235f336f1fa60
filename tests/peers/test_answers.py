"""What carriers answer to submit_sm, beyond a plain yes."""

import pytest

from protocol.command_status import CommandStatus

pytestmark = pytest.mark.peer

DESTINATION_REFUSED = int(CommandStatus.ESME_RINVDSTADR)
VENDORS_OWN = 0x0400


def submits_of(stage, message):
    return [step for step in stage.gateway.message(message["id"])["timeline"] if step["what"] == "submit"]


@pytest.mark.parametrize("status", [CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RMSGQFUL])
def test_a_throttled_message_goes_again_and_nobody_is_bothered(stage, status):
    message, submit = stage.sent()
    submit.reject(int(status))
    again = stage.left.wait_submits(message["to"], 2)[1]
    assert again.octets == submit.octets
    message_id = stage.id()
    again.accept(message_id)
    again.receipt(message_id)
    event = stage.webhooks.wait(message, "delivered")
    assert (event["data"]["attempts"], event["data"]["possible_duplicate"]) == (2, False)
    assert stage.webhooks.told(message) == ["sent", "delivered"]
    steps = submits_of(stage, message)
    assert [step["outcome"] for step in steps] == ["throttled", "sent"]
    assert steps[0]["command_status"] == status.name
    assert "next_try_at" in steps[0]


def test_a_temporary_error_is_tried_again_later(stage):
    message, submit = stage.sent()
    submit.reject(int(CommandStatus.ESME_RSYSERR))

    def postponed():
        return [step for step in submits_of(stage, message) if step["outcome"] == "temporary_error"]

    stage.gateway.wait_for(postponed, "a temporary error in the timeline")
    (step,) = postponed()
    assert (step["command_status"], stage.gateway.message(message["id"])["status"]) == ("ESME_RSYSERR", "queued")
    assert stage.gateway.call("POST", f"/v1/sms/{message['id']}/cancel").status == 200
    assert stage.webhooks.wait(message, "canceled")["status"] == "canceled"


@pytest.mark.parametrize("with_body", [False, True])
def test_a_permanent_error_ends_the_message_with_the_carriers_own_words(stage, with_body):
    message, submit = stage.sent()
    submit.reject(DESTINATION_REFUSED, with_body=with_body)
    event = stage.webhooks.wait(message, "failed")
    error = event["data"]["error"]
    assert (error["class"], error["carrier_code"]["command_status"]) == ("permanent", "ESME_RINVDSTADR")
    seen = stage.gateway.message(message["id"])
    assert (seen["status"], seen["error"]) == ("failed", error)
    assert stage.webhooks.told(message) == ["failed"]
    assert len(stage.left.submits.all(lambda submit: submit.to == message["to"])) == 1


def test_an_error_of_the_vendors_own_is_shown_as_its_number(node_stage):
    message, submit = node_stage.sent()
    submit.reject(VENDORS_OWN)
    error = node_stage.webhooks.wait(message, "failed")["data"]["error"]
    assert (error["code"], error["carrier_code"]["command_status"]) == ("unmapped", "0x00000400")


def test_a_part_that_is_refused_fails_the_message_and_keeps_the_others_known(stage):
    message = stage.gateway.send(stage.number(), "x" * 200)
    first, second = stage.left.wait_parts(message["to"], 2)
    message_id = stage.id()
    first.accept(message_id)
    second.reject(DESTINATION_REFUSED)
    event = stage.webhooks.wait(message, "failed")
    assert event["data"]["error"]["carrier_code"]["command_status"] == "ESME_RINVDSTADR"
    stage.left.wait_answered(first.receipt(message_id))
    seen = stage.gateway.message(message["id"])
    assert (seen["status"], [part["status"] for part in seen["parts"]]) == ("failed", ["delivered", "failed"])


def test_an_answer_without_an_id_is_an_answer(stage):
    message, submit = stage.sent()
    submit.accept("")
    event = stage.webhooks.wait(message, "sent")
    assert not event["data"]["carrier_message_id"]
    assert stage.gateway.message(message["id"])["parts"][0]["carrier_message_id"] is None


def test_an_id_of_64_characters_is_kept_whole(stage):
    message, submit = stage.sent()
    message_id = f"{stage.id():x>64}"
    submit.accept(message_id)
    submit.receipt(message_id)
    assert stage.webhooks.wait(message, "delivered")["data"]["carrier_message_id"] == message_id


def test_an_answer_may_carry_tlvs_behind_the_id(node_stage):
    message, submit = node_stage.sent()
    message_id = node_stage.id()
    submit.accept(message_id, congestion_state=20)
    assert node_stage.webhooks.wait(message, "sent")["data"]["carrier_message_id"] == message_id


def test_a_generic_nack_is_an_answer_too(node_stage):
    message, submit = node_stage.sent()
    node_stage.left.order("nack", ref=submit.ref, status=int(CommandStatus.ESME_RINVCMDID))
    error = node_stage.webhooks.wait(message, "failed")["data"]["error"]
    assert error["carrier_code"]["command_status"] == "ESME_RINVCMDID"

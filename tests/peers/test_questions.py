"""query_sm and cancel_sm, to SMSCs that answer them, that refuse them, and that do not know them."""

import pytest
from daemons import carrier
from ports import free_port

from protocol.command_status import CommandStatus

pytestmark = pytest.mark.peer

DELIVERED, UNDELIVERABLE, ENROUTE = 2, 5, 1
RECEIPT_ON_THE_WAY = 0x20
LANES = {"transactional": {"doubt_grace": "300ms"}}
ASKED = {"query_sm": True, "cancel_sm": True, "response_timeout": "1s"}


@pytest.fixture
def smsc(scripted_peer):
    """node-smpp's, which answers when told."""
    return scripted_peer("node-smpp")


@pytest.fixture
def gateway(smsc, gateway_with):
    gateway = gateway_with(carriers={"telco": carrier(smsc.port, **ASKED)}, lanes=LANES)
    gateway.wait_able("telco")
    return gateway


def steps(gateway, message, what):
    return [step for step in gateway.message(message["id"])["timeline"] if step["what"] == what]


def answer(smsc, question, **fields):
    smsc.order("answer", ref=question["ref"], fields=fields)


def wait_question(smsc, command, message_id):
    return smsc.events.wait(lambda e: e["event"] == command and e["message_id"] == message_id)


@pytest.mark.parametrize(("state", "status"), [(DELIVERED, "delivered"), (UNDELIVERABLE, "undelivered")])
def test_a_doubt_that_has_an_id_is_settled_by_what_the_smsc_knows(smsc, gateway, webhooks, state, status):
    message = gateway.send("+34600000001", "Hello")
    submit = smsc.wait_submit(message["to"])
    submit.receipt("A7", esm_class=RECEIPT_ON_THE_WAY, octets=b"id:A7 stat:ENROUTE err:000")

    question = wait_question(smsc, "query_sm", "A7")
    assert question["source_addr"] == "SHOP"
    answer(smsc, question, message_state=state, final_date="", error_code=0)

    webhooks.wait(message, status)
    (asked,) = steps(gateway, message, "query_sm")
    assert (asked["outcome"], asked["command_status"]) == ("accepted", "ESME_ROK")
    assert [step["matched"] for step in steps(gateway, message, "receipt") if step["applied"]] == ["query_sm"]
    assert len(smsc.submits.all()) == 1, "nothing was sent again"


def test_what_the_smsc_still_tries_is_sent_and_not_sent_again(smsc, gateway, webhooks):
    message = gateway.send("+34600000001", "Hello")
    submit = smsc.wait_submit(message["to"])
    submit.receipt("A8", esm_class=RECEIPT_ON_THE_WAY, octets=b"id:A8 stat:ENROUTE err:000")
    answer(smsc, wait_question(smsc, "query_sm", "A8"), message_state=ENROUTE, final_date="", error_code=0)
    webhooks.wait(message, "sent")
    submit.receipt("A8", octets=b"id:A8 stat:DELIVRD err:000")
    webhooks.wait(message, "delivered")
    assert webhooks.told(message) == ["sent", "delivered"]
    assert len(smsc.submits.all()) == 1


def test_a_sent_message_is_canceled_by_cancel_sm_and_the_receipt_that_follows(smsc, gateway, webhooks):
    message = gateway.send("+34600000001", "Hello")
    submit = smsc.wait_submit(message["to"])
    submit.accept("B1")
    webhooks.wait(message, "sent")
    assert gateway.call("POST", f"/v1/sms/{message['id']}/cancel").status == 202

    question = wait_question(smsc, "cancel_sm", "B1")
    assert (question["source_addr"], question["destination_addr"]) == ("SHOP", "34600000001")
    answer(smsc, question)
    submit.receipt("B1", octets=b"id:B1 stat:DELETED err:000")

    webhooks.wait(message, "canceled")
    (asked,) = steps(gateway, message, "cancel_sm")
    assert asked["outcome"] == "accepted"


def refused(gateway, webhooks, message):
    """Cancel it, and wait for the carrier's no; its command_status."""
    webhooks.wait(message, "sent")
    assert gateway.call("POST", f"/v1/sms/{message['id']}/cancel").status == 202
    gateway.wait_for(lambda: steps(gateway, message, "cancel_sm"), "the answer to cancel_sm")
    (asked,) = steps(gateway, message, "cancel_sm")
    assert asked["outcome"] == "refused"
    again = gateway.call("POST", f"/v1/sms/{message['id']}/cancel")
    assert (again.status, again.json["code"]) == (409, "already_sent")
    assert not [line for line in gateway.log if "ended=" in line], "the link is none the worse for it"
    return asked["command_status"]


def test_a_cancel_that_node_smpp_refuses_leaves_the_message_to_its_receipt(smsc, gateway, webhooks):
    message = gateway.send("+34600000001", "Hello")
    submit = smsc.wait_submit(message["to"])
    submit.accept("B2")
    webhooks.wait(message, "sent")
    assert gateway.call("POST", f"/v1/sms/{message['id']}/cancel").status == 202
    answer(smsc, wait_question(smsc, "cancel_sm", "B2"), command_status=int(CommandStatus.ESME_RCANCELFAIL))
    gateway.wait_for(lambda: steps(gateway, message, "cancel_sm"), "the answer to cancel_sm")
    submit.receipt("B2", octets=b"id:B2 stat:DELIVRD err:000")
    webhooks.wait(message, "delivered")


def test_smpp34_which_knows_no_message_refuses_what_it_is_asked(scripted_peer, gateway_with, webhooks):
    smsc = scripted_peer("smpp34")
    gateway = gateway_with(carriers={"telco": carrier(smsc.port, **ASKED)}, lanes=LANES)
    gateway.wait_able("telco")
    smsc.answer = lambda submit: submit.accept(f"id-{submit.ref}")
    assert refused(gateway, webhooks, gateway.send("+34600000001", "Hello")) == "ESME_RCANCELFAIL"
    smsc.answer = lambda submit: submit.receipt(
        "A9", esm_class=RECEIPT_ON_THE_WAY, octets=b"id:A9 stat:ENROUTE err:000"
    )
    doubtful = gateway.send("+34600000002", "Hello")
    gateway.wait_for(lambda: steps(gateway, doubtful, "query_sm"), "the answer to query_sm")
    (asked,) = steps(gateway, doubtful, "query_sm")
    assert (asked["outcome"], asked["command_status"]) == ("refused", "ESME_RQUERYFAIL")
    smsc.wait_submits(doubtful["to"], 2)


def test_larvitsmpp_which_does_not_know_the_command_has_refused_for_good(
    smsc_process, node_package, gateway_with, webhooks
):
    port = free_port()
    smsc_process(node_package("larvitsmpp"), "larvit_smsc.js", str(port))
    gateway = gateway_with(carriers={"larvit": carrier(port, **ASKED)})
    gateway.wait_able("larvit")
    assert refused(gateway, webhooks, gateway.send("+34600000001", "Hold")) == "ESME_RINVCMDID"
    webhooks.wait(gateway.send("+34600000002", "Hello"), "delivered")

"""Links that end, and come back: what was on the way is settled, and nothing is sent twice without a word."""

import itertools

import pytest

from protocol.command_status import CommandStatus

pytestmark = pytest.mark.peer


def wait_whole(stage):
    """Until the left SMSC has its two binds again."""
    stage.gateway.wait_for(lambda: len(stage.left.sessions()) == 2, "two binds to the left SMSC")


def answer_binds(peer, **how):
    seen = len(peer.events)
    peer.order("answer_binds", **how)
    peer.events.wait(lambda e: e["event"] == "binds_answered", after=seen)


def test_an_unbind_of_the_carrier_is_answered_and_the_bind_comes_back(stage):
    seen = len(stage.left.events)
    session = stage.left.sessions()[0]
    stage.left.order("unbind", session=session)
    stage.left.wait_gone(session)
    stage.left.wait_bound(after=seen)
    wait_whole(stage)
    message, submit = stage.sent()
    submit.accept(stage.id())
    stage.webhooks.wait(message, "sent")


def test_what_was_unanswered_at_an_unbind_is_in_doubt_and_goes_again_with_a_word(stage):
    message, submit = stage.sent()
    stage.left.order("unbind", session=submit.session)
    again = stage.left.wait_submits(message["to"], 2)[1]
    assert again.octets == submit.octets
    message_id = stage.id()
    again.accept(message_id)
    again.receipt(message_id)
    event = stage.webhooks.wait(message, "delivered")
    assert event["data"]["possible_duplicate"] is True
    assert stage.webhooks.told(message) == ["sent", "delivered"]
    steps = [step for step in stage.gateway.message(message["id"])["timeline"] if step["what"] == "submit"]
    assert [step["outcome"] for step in steps] == ["resent", "sent"]
    wait_whole(stage)


def test_a_receipt_settles_what_an_unbind_left_in_doubt(stage):
    message, submit = stage.sent()
    other = next(session for session in stage.left.sessions() if session != submit.session)
    stage.left.order("unbind", session=submit.session)
    stage.left.wait_gone(submit.session)
    submit.receipt(stage.id(), session=other)
    event = stage.webhooks.wait(message, "delivered")
    assert event["data"]["possible_duplicate"] is False
    assert len(stage.left.submits.all(lambda submit: submit.to == message["to"])) == 1
    wait_whole(stage)


def test_an_unbind_in_the_middle_of_a_bulk_loses_nothing(stage):
    ids = (f"cut-{n}" for n in itertools.count())
    taken = itertools.count(1)

    def answer(submit):
        submit.accept(next(ids))
        if next(taken) in (40, 110, 160):
            stage.left.order("unbind", session=submit.session)

    stage.left.answer = answer
    messages = stage.gateway.send_bulk([{"to": stage.number(), "text": f"Bulk {n}"} for n in range(200)])
    stage.webhooks.wait_for_each(messages, "sent")
    counted = {message["to"]: 0 for message in messages}
    for submit in stage.left.submits.all(lambda submit: submit.to in counted):
        counted[submit.to] += 1
    for message in messages:
        duplicate = stage.gateway.message(message["id"])["possible_duplicate"]
        assert counted[message["to"]] == 1 or duplicate, message["to"]
    wait_whole(stage)


def test_a_connection_that_breaks_comes_back(node_stage):
    seen = len(node_stage.left.events)
    message, submit = node_stage.sent()
    node_stage.left.order("cut", session=submit.session)
    node_stage.left.wait_bound(after=seen)
    again = node_stage.left.wait_submits(message["to"], 2)[1]
    again.accept(node_stage.id())
    assert node_stage.webhooks.wait(message, "sent")["data"]["possible_duplicate"] is True
    wait_whole(node_stage)


def test_an_enquire_link_of_the_carrier_is_answered_at_any_moment(node_stage):
    message, submit = node_stage.sent()
    for ref, session in enumerate(node_stage.left.sessions(), 1_000_000):
        node_stage.left.order("enquire_link", session=session, ref=ref)
        answer = node_stage.left.wait_answered(ref)
        assert (answer["command"], answer["status"]) == ("enquire_link_resp", 0)
    submit.accept(node_stage.id())
    node_stage.webhooks.wait(message, "sent")


@pytest.mark.parametrize(
    "status", [CommandStatus.ESME_RBINDFAIL, CommandStatus.ESME_RINVPASWD, CommandStatus.ESME_RALYBND]
)
def test_a_refused_bind_is_tried_again_when_an_operator_asks(node_stage, status):
    peer = node_stage.right
    answer_binds(peer, status=int(status))
    logged, seen = node_stage.gateway.logged(), len(peer.events)
    peer.order("unbind", session=peer.sessions()[0])
    node_stage.gateway.wait_logged(f"refused={status.name}", after=logged)
    answer_binds(peer, status=0)
    # By itself it would wait for minutes: for the place to be free, or for someone to set the password right.
    assert node_stage.gateway.operator.call("POST", "/admin/carriers/right/rebind").status == 202
    peer.wait_bound(after=seen)
    message = node_stage.gateway.send(node_stage.number("+34610"))
    submit = peer.wait_submit(message["to"])
    submit.accept(node_stage.id())
    node_stage.webhooks.wait(message, "sent")


def test_an_inbound_message_before_the_answer_to_the_bind_is_taken(node_stage):
    peer = node_stage.right
    text = f"Early {node_stage.id()}"
    greeting = {"octets": text.encode().hex(), "source_addr": "34611111111", "destination_addr": "34600000000"}
    answer_binds(peer, status=0, greets_with=greeting)
    seen = len(peer.events)
    peer.order("unbind", session=peer.sessions()[0])
    peer.wait_bound(after=seen)
    assert node_stage.webhooks.wait_inbound(text)["data"]["carrier"] == "right"
    answer_binds(peer, status=0)


def test_a_gateway_that_stops_waits_for_its_answers_and_unbinds(node_stage):
    """The last test of the file: it ends the gateway, and starts it again for whoever comes after."""
    peer = node_stage.left
    message, submit = node_stage.sent()
    seen = len(peer.events)
    node_stage.gateway.leave()
    node_stage.gateway.wait_logged("state=leaving")
    submit.accept(node_stage.id())
    assert node_stage.gateway.wait_ended() == 0
    assert len(peer.events.all(lambda e: e["event"] == "unbind")) >= 2
    node_stage.gateway.start()
    peer.wait_bound(after=seen)
    assert node_stage.webhooks.wait(message, "sent")["data"]["possible_duplicate"] is False
    assert len(peer.submits.all(lambda s: s.to == message["to"])) == 1

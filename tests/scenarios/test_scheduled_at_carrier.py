"""Messages for later, where the carrier is told their time and holds them."""

from datetime import UTC, datetime, timedelta

import pytest
from daemons import carrier
from ports import free_port
from scripted_smsc import scripted

pytestmark = pytest.mark.scenario

INVALID_SCHEDULE, SYSTEM_ERROR = 0x61, 0x08
TO = "+34600100001"


def rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def later(**span: float) -> datetime:
    """So much from now, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(**span)


def test_a_message_for_later_is_handed_to_its_carrier_at_once_with_its_time(gateway_with, webhooks):
    at = later(hours=3)
    with (
        scripted(lambda submit: submit.answer("1")) as absolute,
        scripted(lambda submit: submit.answer("2")) as relative,
    ):
        gateway = gateway_with(
            carriers={
                "absolute": carrier(
                    absolute.port, schedule_delivery_time="absolute", validity_period="absolute", cancel_sm=True
                ),
                "relative": carrier(relative.port, schedule_delivery_time="relative", cancel_sm=True),
            },
            routes=[
                {"name": "a", "match": {"prefix": ["346001"]}, "tiers": ["absolute"]},
                {"name": "b", "match": {"prefix": ["346002"]}, "tiers": ["relative"]},
            ],
        )
        gateway.wait_able("absolute", "relative")
        message = gateway.send(TO, schedule=rfc3339(at), validity=3600)
        gateway.send("+34600200001", schedule=rfc3339(at), validity=3600)
        plain = gateway.send("+34600100002")

        (first, second), (other,) = absolute.submits.wait_for(2), relative.submits.wait_for(1)
        webhooks.wait(message, "sent")

    by_number = {submit.number: submit for submit in (first, second)}
    held = by_number[TO]
    assert held.schedule_delivery_time == at.strftime("%y%m%d%H%M%S000+")
    assert held.validity_period == (at + timedelta(hours=1)).strftime("%y%m%d%H%M%S000+")
    assert by_number[plain["to"]].schedule_delivery_time == ""
    assert other.schedule_delivery_time.startswith(("00000002", "00000003"))
    assert other.schedule_delivery_time.endswith("000R")
    assert (message["status"], message["schedule"]) == ("queued", rfc3339(at))
    assert webhooks.told(message) == ["sent"]


@pytest.mark.parametrize("status", [INVALID_SCHEDULE, SYSTEM_ERROR])
def test_what_the_carrier_does_not_take_to_hold_is_sent_at_its_time(gateway_with, webhooks, status):
    seen = []

    def script(submit):
        seen.append(submit.schedule_delivery_time)
        submit.answer("1", status=status if submit.schedule_delivery_time else 0)

    with scripted(script) as smsc:
        gateway = gateway_with(carriers={"telco": carrier(smsc.port, schedule_delivery_time="absolute")})
        gateway.wait_able("telco")
        message = gateway.send(TO, schedule=rfc3339(later(seconds=3)))
        webhooks.wait(message, "sent")
        assert [bool(schedule) for schedule in seen] == [True, False]
        assert webhooks.told(message) == ["sent"]


def test_a_carrier_below_that_holds_nothing_gets_it_at_its_time(gateway_with, webhooks):
    with scripted(lambda submit: submit.answer("1")) as smsc:
        nowhere = carrier(free_port(), schedule_delivery_time="absolute")
        gateway = gateway_with(carriers={"telco": nowhere, "backup": carrier(smsc.port)})
        gateway.wait_able("backup")
        at = later(seconds=4)
        message = gateway.send(TO, schedule=rfc3339(at))
        webhooks.wait(message, "sent")
        (submit,) = smsc.submits.all()
    assert submit.schedule_delivery_time == ""
    assert submit.at >= at.timestamp()


def test_what_the_carrier_holds_is_canceled_there(gateway_with, simulator, webhooks):
    settings = carrier(simulator.port, schedule_delivery_time="relative", cancel_sm=True)
    gateway = gateway_with(carriers={"telco": settings})
    gateway.wait_able("telco")
    canceled = gateway.send(TO, schedule=rfc3339(later(seconds=4)))
    webhooks.wait(canceled, "sent")

    assert gateway.call("POST", f"/v1/sms/{canceled['id']}/cancel").status == 202

    webhooks.wait(canceled, "canceled")
    assert webhooks.told(canceled) == ["sent", "canceled"]


def test_what_the_carrier_holds_is_delivered_at_its_time(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, schedule_delivery_time="absolute")})
    gateway.wait_able("telco")
    at = later(seconds=3)
    message = gateway.send(TO, schedule=rfc3339(at))
    webhooks.wait(message, "delivered")
    assert webhooks.told(message) == ["sent", "delivered"]
    seen = gateway.message(message["id"])
    assert seen["sent_at"] < rfc3339(at) <= seen["done_at"]

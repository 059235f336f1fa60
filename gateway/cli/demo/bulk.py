"""Act 2: a bulk of 100 with three wrong on purpose: the three errors, 97 delivered, and the throttles on the way."""

import time
from collections.abc import Sequence
from typing import Any

from gateway.cli.demo.children import DemoError
from gateway.cli.demo.setting import THROTTLE_SHARE
from gateway.cli.demo.stage import Stage

TOTAL = 100
_WRONG: dict[int, dict[str, str]] = {
    17: {"to": "+1555"},
    42: {"text": "Your parcel is here \U0001f389"},
    73: {"from": "BANK"},
}
_THROTTLED_ONCE = {30: "+15551000429", 60: "+15552000429"}
"""The simulator throttles numbers with this ending the first time, so that there is something to see on any day."""


async def play(stage: Stage) -> None:
    screen = stage.screen
    screen.heading(f"2  A bulk of {TOTAL}, three of them wrong on purpose")
    await stage.tell_carrier(f"throttle-share {THROTTLE_SHARE}")
    screen.row("carrier", f"throttles {THROTTLE_SHARE.removesuffix('%')} % of what it gets, until part 3 is over")
    begun_at = time.monotonic()
    answer = await stage.post("/v1/sms/bulk", messages())
    ids = {entity["id"] for entity in answer["entities"]}
    screen.row("accepted", f"{len(ids)} of {TOTAL} in one POST /v1/sms/bulk")
    screen.row("refused", f"{len(answer['errors'])}, each with its reason:")
    for error in answer["errors"]:
        for name, texts in error["fields"].items():
            screen.row(f"  item {error['index']}", f'"{name}" {"; ".join(texts)}', "yellow")
    if [error["index"] for error in answer["errors"]] != list(_WRONG):
        raise DemoError(f"Not just the items {list(_WRONG)} were refused.", stage.gateway.log)
    delivered = stage.receiver.of_type
    with screen.bar("delivered", len(ids)) as shown:
        await stage.until_told(
            lambda: len(ids & delivered("message.delivered").keys()), len(ids), "were delivered", shown
        )
    seconds = time.monotonic() - begun_at
    screen.row("delivered", f"{len(ids)} in {seconds:.1f} s, each told by a signed webhook", "green")
    throttles = await _throttles(stage, sorted(ids))
    screen.row("throttled", f"{throttles} times ESME_RTHROTTLED, and sent again each time")


def messages() -> list[dict[str, str]]:
    """The body of the request."""
    bulk = [{"to": f"+1555200{1000 + index}", "text": f"Parcel {index} is on its way"} for index in range(TOTAL)]
    for index, number in _THROTTLED_ONCE.items():
        bulk[index]["to"] = number
    for index, fault in _WRONG.items():
        bulk[index] |= fault
    return bulk


async def _throttles(stage: Stage, ids: Sequence[str]) -> int:
    """By the timelines of those that were put to the carrier more than once."""
    count = 0
    for message_id in ids:
        if stage.receiver.of_type("message.delivered")[message_id].data["attempts"] > 1:
            message = await stage.get(f"/v1/sms/{message_id}")
            count += throttles_in(message)
    return count


def throttles_in(message: dict[str, Any]) -> int:
    """How often a carrier throttled one message."""
    return sum(step.get("outcome") == "throttled" for step in message["timeline"])

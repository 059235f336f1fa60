"""Act 3: `kill -9` of the gateway in the middle of 500, its return, and what became of every single message.

The truth is the simulator's own record of what arrived, held against what was accepted and what the customer was told.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from enum import Enum
from typing import Any, NamedTuple

import trio

from gateway.cli.demo.children import DemoError
from gateway.cli.demo.setting import GRACE_SECONDS, WINDOW
from gateway.cli.demo.stage import PATIENCE_SECONDS, Stage

TOTAL = 500
_KILL_AT = 200
_LOOK_EVERY_SECONDS = 0.005


class Settled(Enum):
    """How a doubt came to its end."""

    BY_RECEIPT = "settled by the receipt that came for them"
    BY_LATE_ANSWER = "settled by a late answer"
    SENT_AGAIN = f"unheard of for {GRACE_SECONDS} s: sent again, told as possible_duplicate"
    OTHERWISE = "settled otherwise"


async def play(stage: Stage, nursery: trio.Nursery) -> None:
    screen = stage.screen
    screen.heading(f"3  kill -9 of the gateway in the middle of {TOTAL}")
    answer = await stage.post("/v1/sms/bulk", messages())
    numbers = {entity["id"]: entity["to"] for entity in answer["entities"]}
    screen.row("accepted", f"{len(numbers)} in one bulk, so they are on disk")
    with screen.bar("delivered", len(numbers)) as shown:
        arrived, away = await _kill_and_restart(stage, nursery, numbers)
        await stage.until_told(
            lambda: len(numbers.keys() & stage.receiver.of_type("message.delivered").keys()),
            len(numbers),
            "were delivered after the crash",
            shown,
        )
    screen.row("kill -9", f"when {arrived} of them had reached the carrier")
    screen.row("back", f"bound again {away:.1f} s later, on the same database")
    await _tell_doubts(stage, numbers)
    screen.row("delivered", f"{len(numbers)}, each told by a signed webhook", "green")
    _tell_truth(stage, numbers)


def messages() -> list[dict[str, str]]:
    """The body of the request: each to a number of its own."""
    return [{"to": f"+155530{10_000 + index}", "text": f"Invoice {index} is ready"} for index in range(TOTAL)]


async def _kill_and_restart(stage: Stage, nursery: trio.Nursery, numbers: Mapping[str, str]) -> tuple[int, float]:
    """How many had arrived, and for how many seconds the gateway was away."""
    wanted = set(numbers.values())

    def arrived() -> int:
        return sum(arrival.number in wanted for arrival in stage.record.arrivals())

    deadline = time.monotonic() + PATIENCE_SECONDS
    while arrived() < _KILL_AT:
        if time.monotonic() > deadline:
            raise DemoError(f"Only {arrived()} of {TOTAL} reached the carrier.", stage.gateway.log)
        await trio.sleep(_LOOK_EVERY_SECONDS)
    await stage.gateway.kill()
    killed_at = time.monotonic()
    count = arrived()
    await stage.start_gateway(nursery)
    await stage.until_bound()
    return count, time.monotonic() - killed_at


async def _tell_doubts(stage: Stage, numbers: Mapping[str, str]) -> None:
    doubted = [message_id for message_id in stage.receiver.of_type("message.in_doubt") if message_id in numbers]
    text = f"{len(doubted)} (the window is {WINDOW}): handed to the wire, no answer on disk"
    stage.screen.row("in doubt", text)
    how = Counter([settled_how(await stage.get(f"/v1/sms/{message_id}")) for message_id in doubted])
    for settled in Settled:
        if how[settled]:
            stage.screen.row("", f"{how[settled]:>2} {settled.value}")


def settled_how(message: Mapping[str, Any]) -> Settled:
    """By the timeline of a message that was in doubt."""
    steps: Sequence[Mapping[str, Any]] = message["timeline"]
    if any(step.get("outcome") == "resent" for step in steps):
        return Settled.SENT_AGAIN
    if any(step.get("matched") == "doubt" for step in steps):
        return Settled.BY_RECEIPT
    if any(step["what"] == "submit" and step["outcome"] == "sent" and "command_status" in step for step in steps):
        return Settled.BY_LATE_ANSWER
    return Settled.OTHERWISE


class Truth(NamedTuple):
    """What really became of the accepted messages, by their ids."""

    lost: list[str]
    """Never arrived."""
    twice: list[str]
    """Arrived more than once."""
    untold: list[str]
    """Arrived more than once, and the customer was not told that this might be."""


def truth_of(numbers: Mapping[str, str], counts: Mapping[str, int], possible_duplicates: Set[str]) -> Truth:
    """`numbers` by message id, `counts` of arrivals by number, and the ids that the customer was told of."""
    lost = [message_id for message_id, number in numbers.items() if not counts[number]]
    twice = [message_id for message_id, number in numbers.items() if counts[number] > 1]
    return Truth(lost, twice, [message_id for message_id in twice if message_id not in possible_duplicates])


def _tell_truth(stage: Stage, numbers: Mapping[str, str]) -> None:
    delivered = stage.receiver.of_type("message.delivered").values()
    doubled = {event.message_id for event in delivered if event.data["possible_duplicate"]}
    lost, twice, untold = truth_of(numbers, stage.record.counts(numbers.values()), doubled)
    told = f"{len(twice)} of them twice, as their webhooks told" if twice else "none of them twice"
    arrived = len(numbers) - len(lost)
    stage.screen.row("truth", f"by the carrier's own record {arrived} of {len(numbers)} arrived, {told}")
    verdict = f"Lost {len(lost)}, doubled without a word {len(untold)}"
    if lost or untold:
        raise DemoError(f"A promise is broken: {verdict}: {', '.join([*lost, *untold][:5])}.", stage.gateway.log)
    stage.screen.blank()
    stage.screen.good(f"{verdict}.")

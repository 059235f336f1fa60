"""What the gateway promises across a crash, as one check of a whole run: accepted, taken by the carrier, told."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from callers import Caller
from ledgers import Ledger
from stubborn_callers import Accepted, StubbornCaller

HOLD = frozenset({"otp"})
"""Lanes of the tests that send nothing again of which it is not known whether the carrier took it."""
_RESENT = (["sent", "delivered"], ["delivered"])
# A doubt may end as unknown before its receipt comes.
_HELD = (*_RESENT, ["unknown"], ["unknown", "delivered"])
# A part's doubt may be over while the others, which were answered, still wait for their receipts.
_HELD_IN_PARTS = (*_HELD, ["sent", "unknown"], ["sent", "unknown", "delivered"])


class Taken:
    """What a simulator has written down so far (`--record`), read on from where it was left."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self.segments: Counter[tuple[str, int]] = Counter()
        """How often each part came, by number and part."""
        self.count = 0

    def read(self) -> "Taken":
        if self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._offset)
                whole = file.read().rpartition(b"\n")[0]
            self._offset += len(whole) + 1 if whole else 0
            for line in whole.splitlines():
                one = json.loads(line)
                self.segments["+" + one["destination"], one["part"]] += 1
                self.count += 1
        return self


def outbox_of(gateway: Caller) -> set[str]:
    """The ids of all events there are."""
    ids: set[str] = set()
    cursor = ""
    while cursor is not None:
        page = gateway.get(f"/v1/events?limit=500{cursor}")
        ids.update(event["id"] for event in page["entities"])
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return ids


def doubts_of(gateway: Caller) -> set[str]:
    """The messages listed by /admin/doubts; `gateway` with an operator's token."""
    ids: set[str] = set()
    cursor = ""
    while cursor is not None:
        page = gateway.get(f"/admin/doubts?limit=500{cursor}")
        ids.update(doubt["id"] for doubt in page["entities"])
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return ids


def broken(
    callers: StubbornCaller, taken: Mapping[tuple[str, int], int], ledger: Ledger, outbox: set[str], most_doubled: int
) -> list[str]:
    """Every promise that does not hold, in words; each number was written to once. `most_doubled`: segments."""
    twice: defaultdict[str, int] = defaultdict(int)
    parts_of: defaultdict[str, set[int]] = defaultdict(set)
    for (number, part), count in taken.items():
        parts_of[number].add(part)
        twice[number] += count - 1
    found = list(callers.wrong)
    for message in callers.accepted.values():
        found += _of_message(message, len(parts_of[message.to]), twice[message.to], ledger)
    doubled = sum(twice.values())
    if doubled > most_doubled:
        found.append(f"{doubled} segments were sent again; the windows allow {most_doubled}")
    numbers = {message.to for message in callers.accepted.values()}
    found += [f"{number} was sent to, and nothing was accepted for it" for number in parts_of.keys() - numbers]
    found += [f"{n} has several messages: {ids}" for n, ids in ledger.messages_of.items() if len(ids) > 1]
    found += [f"{message} was told of, and never answered" for message in ledger.told.keys() - callers.accepted.keys()]
    found += [f"event {event} was never told" for event in outbox - ledger.ids]
    found += [f"event {event} was told and is not on disk" for event in ledger.ids - outbox]
    return found + ledger.out_of_order


def _of_message(message: Accepted, parts: int, twice: int, ledger: Ledger) -> list[str]:
    """`parts`: how many different ones the carrier took; `twice`: how many it took again."""
    found = []
    told = [kind for kind in ledger.told[message.id] if kind != "in_doubt"]
    is_doubted, is_held = message.id in ledger.doubted, message.lane in HOLD
    held = _HELD if message.parts == 1 else _HELD_IN_PARTS
    if told not in (held if is_held and is_doubted else _RESENT):
        found.append(f"{message} was told as {ledger.told[message.id]}")
    if parts < message.parts and ledger.ends.get(message.id) != "unknown":
        found.append(f"{message} is lost: {parts} parts arrived, told as {ledger.told[message.id]}")
    if twice and is_held:
        found.append(f"{message} was sent again, and its lane holds")
    if twice and not is_doubted:
        found.append(f"{message} was sent again without a doubt told")
    if twice and message.id not in ledger.marked:
        found.append(f"{message} was sent again and is not marked")
    if message.id in ledger.marked and not is_doubted:
        found.append(f"{message} is marked and was not in doubt")
    return found

"""What a carrier's failures may be made to mean: the actions, and the tables by command_status and by receipt error.

What each means where nobody says otherwise is gateway.rules.failures'; docs/failures.md has it as a table.
"""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from protocol.command_status import CommandStatus

_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]{1,8}", re.ASCII)


class Action(StrEnum):
    """What becomes of a part that a carrier did not take, or of a message that it did not deliver."""

    RETRY_HERE = "retry_here"
    """Tried again by the lane's schedule; any carrier of the route may take it, this one too."""
    RETRY_ELSEWHERE = "retry_elsewhere"
    """Tried again by the lane's schedule, and by the other carriers of the route first."""
    FAIL = "fail"
    """The end is told."""
    SLOW = "slow"
    """The bind pauses and its window shrinks; the part waits, and it costs no try."""
    STOP = "stop"
    """As retry_elsewhere, and nothing more goes to this carrier until its probes pass."""
    REBIND = "rebind"
    """The bind leaves and is made anew; the part waits as for slow. Follows of itself where a carrier has lost a bind,
    and can't be set."""


SETTABLE = tuple(action for action in Action if action is not Action.REBIND)
"""Of a command_status."""
OF_RECEIPTS = (Action.FAIL, Action.RETRY_ELSEWHERE, Action.STOP)
"""Of a receipt: the message has left the bind, so there is nothing to slow and no here."""


def status_number(written: str) -> int:
    """The command_status that a key names: `"ESME_RSYSERR"` or `"0x0400"`. Raises ValueError."""
    if _NUMBER.fullmatch(written):
        return int(written, 16)
    named = CommandStatus.__members__.get(written)
    if named is None:
        reason = "which is no command_status; write a name of SMPP or a number such as"
        raise ValueError(f'names "{written}", {reason} "0x0400"')
    return int(named)


def _action_among(allowed: tuple[Action, ...]) -> BeforeValidator:
    def check(value: object) -> object:
        action = next((action for action in allowed if action == value), None)
        if action is None:
            given = f'"{value}"' if isinstance(value, str) else repr(value)
            raise ValueError(f"is {given}; the actions are {', '.join(allowed)}")
        return action

    return BeforeValidator(check)


def _check_statuses(actions: dict[str, Action]) -> dict[str, Action]:
    known: dict[int, str] = {}
    for written in actions:
        number = status_number(written)
        if number == CommandStatus.ESME_ROK:
            raise ValueError(f'names "{written}", which is no failure; take it out')
        if number in known:
            raise ValueError(f'names one status twice, as "{known[number]}" and as "{written}"; keep one')
        known[number] = written
    return actions


OnStatus = Annotated[dict[str, Annotated[Action, _action_among(SETTABLE)]], AfterValidator(_check_statuses)]
OnReceipt = dict[str, Annotated[Action, _action_among(OF_RECEIPTS)]]

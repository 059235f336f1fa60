"""How fast a carrier takes messages: steps of a second, each twice as fast, until it throttles. Pure."""

from collections.abc import Iterator

from gateway.cli.probe_observed import Observed, Paced
from protocol.command_status import StatusClass, classify

FIRST_STEP = 5
"""Messages a second; less is no limit that a carrier would be asked for."""
_LONGEST_STEP_SECONDS = 1.2
"""A step that took longer was held up by the window, and is no pace."""


def steps(most: int) -> Iterator[int]:
    """Messages a second, and so in the step's second; `most` in all. The last may be cut short."""
    step = FIRST_STEP
    while most > 0:
        yield min(step, most)
        most -= step
        step *= 2


def is_over(paced: Paced) -> bool:
    """Whether a faster step would tell no more: it throttled, or answers did not keep up."""
    return paced.throttled > 0 or paced.unanswered > 0


def note(paced: Paced, status: int | None) -> None:
    """Count the answer to one message."""
    if status is None:
        paced.unanswered += 1
    elif classify(status) is StatusClass.THROTTLED:
        paced.throttled += 1
    elif status == 0:
        paced.taken += 1


def findings(observed: Observed) -> Iterator[str]:
    """A line for each step."""
    for paced in observed.paces:
        told = f"{paced.per_second} submit_sm in a second: {paced.taken} taken"
        told += f", {paced.throttled} throttled" if paced.throttled else ""
        told += f", {paced.unanswered} not answered in time" if paced.unanswered else ""
        yield told + (
            f"; they went in {paced.seconds:.1f} s, as the window allows"
            if paced.seconds > _LONGEST_STEP_SECONDS
            else ""
        )
    if observed.paces and not any(paced.throttled for paced in observed.paces):
        yield "it never throttled; that is no promise for longer than these seconds"


def profile(observed: Observed) -> dict[str, object]:
    """The pace that was taken whole, where the next was throttled."""
    in_time = [paced for paced in observed.paces if paced.seconds <= _LONGEST_STEP_SECONDS]
    whole = [paced.per_second for paced in in_time if not is_over(paced)]
    return {"submit_rate": max(whole)} if whole and any(paced.throttled for paced in observed.paces) else {}

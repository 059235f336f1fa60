"""`sluice bulk FILE`: sends a message for each row of a file, and goes on where it was when it is called again.

Exit status: 0 all rows accepted; 1 some refused; 2 wrong usage, a file that cannot be used, or a call that the gateway
refuses; 3 no gateway answers; 4 not all messages had ended within --wait-at-most; 130 interrupted.
"""

import argparse
import json
import sys
from contextlib import ExitStack, closing
from enum import IntEnum

from rich.console import Console

from gateway.cli import calls
from gateway.cli.bulk.arguments import add_arguments, options_of
from gateway.cli.bulk.job import Job
from gateway.cli.bulk.outcome import ErrorsFile, Refusal, Tally, summary, table
from gateway.cli.bulk.patience import Patience, SystemClock
from gateway.cli.bulk.preview import lines_of, previews
from gateway.cli.bulk.progress import Shown
from gateway.cli.bulk.rows import FileError, examine
from gateway.cli.bulk.streaming import Answered, Streaming
from gateway.cli.bulk.waiting import Waiting
from gateway.cli.calls import CALLERS, Caller, CallError, NotReachableError

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "bulk"
HELP = "send a message for each row of a CSV or NDJSON file"

_TIMEOUT_SECONDS = 30.0
_REFUSALS_TOLD = 5


class Exit(IntEnum):
    """Exit statuses."""

    ALL_ACCEPTED = 0
    SOME_REFUSED = 1
    UNUSABLE = 2
    UNREACHABLE = 3
    NOT_ENDED = 4
    INTERRUPTED = 130


class _AllRefusedError(Exception):
    """Every row of the first batch was refused for one reason, so the others would be too."""


def run(arguments: argparse.Namespace) -> int:
    """See above."""
    try:
        caller = calls.caller_for(arguments, CALLERS, timeout_seconds=_TIMEOUT_SECONDS)
        job = Job(examine(arguments.file, arguments.format), options_of(arguments))
        if arguments.dry_run:
            return _dry_run(job, caller, as_json=arguments.json)
        return _Run(arguments, job, caller).through()
    except (FileError, CallError) as failure:
        print(failure, file=sys.stderr)
        return _status_of(failure)


def _dry_run(job: Job, caller: Caller, *, as_json: bool) -> int:
    found = previews(job, caller)
    if as_json:
        print(json.dumps({"job": job.id, "rows": job.source.count, "first": found}))
    else:
        print("\n".join(map(lines_of, found)))
        print(f"{job.source.count:,} rows in {job.source.path}. Nothing was sent.")
    return Exit.SOME_REFUSED if any("error" in preview for preview in found) else Exit.ALL_ACCEPTED


class _Run:
    """One run of a job, from its first line to the table."""

    def __init__(self, arguments: argparse.Namespace, job: Job, caller: Caller) -> None:
        self._arguments = arguments
        self._job = job
        self._caller = caller
        self._clock = SystemClock()
        self._shown = Shown(job.source.count, is_wanted=not arguments.json)
        self._patience = Patience(arguments.patience, self._clock, self._shown.say)
        self._streaming = Streaming(caller, self._patience, job.key, at_once=arguments.concurrency)
        self._tally = Tally(job)
        self._waiting: Waiting | None = None
        self._waits = arguments.wait or arguments.wait_at_most is not None

    def through(self) -> int:
        """The exit status. Raises FileError before anything is sent."""
        begun_at = self._clock.now()
        status: int = Exit.INTERRUPTED
        told: str | None = None
        with ExitStack() as stack:
            errors = None
            if self._arguments.errors is not None:
                errors = stack.enter_context(closing(ErrorsFile(self._arguments.errors, self._job)))
            stack.enter_context(self._shown)
            try:
                status = self._send_and_wait(errors)
            except KeyboardInterrupt:
                told = "Interrupted. What was accepted stays accepted; the same command goes on from here."
            except (FileError, CallError, _AllRefusedError) as failure:
                told, status = str(failure), _status_of(failure)
        self._conclude(self._clock.now() - begun_at)
        if told is not None:
            print(told, file=sys.stderr)
        return status

    def _send_and_wait(self, errors: ErrorsFile | None) -> int:
        if self._waits:
            # Before anything is sent: a token that may not read could not wait.
            self._may_read()
        with closing(self._streaming.answers(self._job.slices())) as answers:
            for answered in answers:
                self._take(answered, errors)
        if self._waits and not self._all_ended():
            return Exit.NOT_ENDED
        return Exit.SOME_REFUSED if self._tally.refused else Exit.ALL_ACCEPTED

    def _take(self, answered: Answered, errors: ErrorsFile | None) -> None:
        is_first = not self._tally.handled
        refusals = self._tally.take(answered)
        for refusal in refusals:
            if errors is not None:
                errors.write(refusal)
        if errors is None:
            self._tell(refusals)
        self._shown.sent(self._tally.accepted, self._tally.refused)
        is_all = len(refusals) == len(answered.slice.rows) + len(answered.slice.refused) > 1
        if is_first and is_all and self._tally.handled < self._job.source.count:
            reasons = {refusal.reason for refusal in refusals}
            if len(reasons) == 1:
                raise _AllRefusedError(f"Each of the first {len(refusals)} rows was refused: {reasons.pop()}")

    def _tell(self, refusals: list[Refusal]) -> None:
        before = self._tally.refused - len(refusals)
        for refusal in refusals[: max(_REFUSALS_TOLD - before, 0)]:
            self._shown.say(f"line {refusal.row.line} was refused: {refusal.reason}")
        if before <= _REFUSALS_TOLD < self._tally.refused:
            self._shown.say("More were refused; --errors FILE.csv lists them all.")

    def _may_read(self) -> None:
        self._patience.keep_trying(lambda: self._caller.get("/v1/sms?client_id=none&limit=1"))

    def _all_ended(self) -> bool:
        tally = self._tally
        self._waiting = Waiting(self._caller, self._patience, self._clock, tally.submissions)
        self._shown.waits(tally.accepted - tally.not_followed)
        return self._waiting.until_ended(self._shown.ended, self._arguments.wait_at_most)

    def _conclude(self, seconds: float) -> None:
        outcomes = None if self._waiting is None else self._waiting.outcomes()
        if self._arguments.json:
            print(json.dumps(summary(self._job, self._tally, outcomes, seconds)))
        elif self._tally.handled:
            console = Console(highlight=False, markup=False, emoji=False)
            console.print(table(self._job, self._tally, outcomes, seconds))


def _status_of(failure: Exception) -> Exit:
    if isinstance(failure, NotReachableError):
        return Exit.UNREACHABLE
    return Exit.SOME_REFUSED if isinstance(failure, _AllRefusedError) else Exit.UNUSABLE

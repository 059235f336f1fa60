"""What became of a job's rows: counted, the refused ones written to a file, and shown for people and for programs."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gateway.cli.bulk.job import Job
from gateway.cli.bulk.rows import REFUSAL_NAMES, FileError, Format, Row
from gateway.cli.bulk.streaming import Answered
from gateway.cli.timeline_lines import span_text

_UNREADABLE = "row: unreadable"


class Refusal(NamedTuple):
    """A row that was not accepted."""

    row: Row
    code: str
    """`field: code`, of the first field at fault."""
    reason: str


class Tally:
    """Counts of rows, and the submissions that hold the accepted ones."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.accepted = 0
        """All, those of earlier runs too."""
        self.accepted_before = 0
        self.not_followed = 0
        """Of those accepted before: so long ago that their lines are not known any more."""
        self.refused_by: Counter[str] = Counter()
        self.submissions: Counter[str] = Counter()
        """How many messages of each are accepted."""

    @property
    def refused(self) -> int:
        return self.refused_by.total()

    @property
    def handled(self) -> int:
        return self.accepted + self.refused

    def take(self, answered: Answered) -> list[Refusal]:
        """Count one batch; its refused rows, in their order."""
        refusals = [Refusal(row, _UNREADABLE, reason) for row, reason in answered.slice.refused]
        refusals += self._take_answers(answered)
        refusals.sort(key=lambda refusal: refusal.row.line)
        self.refused_by.update(refusal.code for refusal in refusals)
        return refusals

    def _take_answers(self, answered: Answered) -> Iterator[Refusal]:
        for row, answer in zip(answered.slice.rows, answered.answers, strict=True):
            if "entity" in answer:
                self.accepted += 1
                self.accepted_before += answer.get("replayed") is True
                self.submissions[answer["submission_id"]] += 1
                continue
            error = answer["error"]
            codes = error.get("codes", {})
            in_use = "client_id_in_use" in codes.get("client_id", ()) and self._job.is_own(error["client_id"])
            if in_use or error["code"] == "first_answer_erased":
                self._before(1)
                continue
            name, found = next(iter(codes.items()), ("row", [error["code"]]))
            reason = reason_of(error["fields"]) if error.get("fields") else error["detail"]
            yield Refusal(row, f"{name}: {found[0]}", reason)

    def _before(self, count: int) -> None:
        self.accepted += count
        self.accepted_before += count
        self.not_followed += count


def reason_of(fields: Mapping[str, Sequence[str]]) -> str:
    """What the gateway says is wrong with the fields of a message, on one line."""
    return "; ".join(f"{name} {words}" for name, texts in fields.items() for words in texts)


class ErrorsFile:
    """Refused rows as CSV: once corrected, it can be given to `sluice bulk` as it is."""

    def __init__(self, path: Path, job: Job) -> None:
        """Replaces the file. Raises FileError where it cannot be written."""
        self._kept: list[int] | None = None
        columns: list[str] = ["row"]
        if job.source.format is Format.CSV:
            self._kept = [at for at, name in enumerate(job.source.columns) if name not in REFUSAL_NAMES]
            columns = [job.source.columns[at] for at in self._kept]
        try:
            if path.exists() and path.samefile(job.source.path):
                raise FileError("--errors names the file itself; give another one.")
            self._file: IO[str] = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise FileError(f"{path} cannot be written: {error.strerror or error}") from None
        self._writer = csv.writer(self._file)
        self._writer.writerow([*REFUSAL_NAMES, *columns])

    def write(self, refusal: Refusal) -> None:
        cells = refusal.row.cells
        if self._kept is not None:
            cells = tuple(cells[at] if at < len(cells) else "" for at in self._kept)
        self._writer.writerow([refusal.row.line, refusal.code, refusal.reason, *cells])

    def close(self) -> None:
        self._file.close()


def table(job: Job, tally: Tally, outcomes: Mapping[str, int] | None, seconds: float) -> Table:
    """The end, for people."""
    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    shown.add_column("outcome")
    shown.add_column("rows", justify="right")
    shown.add_row("in the file", f"{job.source.count:,}")
    shown.add_row("accepted", f"{tally.accepted:,}")
    if tally.accepted_before:
        shown.add_row("  of them in an earlier run", f"{tally.accepted_before:,}")
    for status, count in sorted((outcomes or {}).items(), key=lambda pair: -pair[1]):
        shown.add_row(f"  {status.replace('_', ' ')}", f"{count:,}")
    if outcomes is not None and tally.not_followed:
        shown.add_row("  not followed", f"{tally.not_followed:,}")
    if tally.refused:
        shown.add_row("refused", f"{tally.refused:,}")
    for code, count in tally.refused_by.most_common():
        shown.add_row(f"  {code}", f"{count:,}")
    if left := job.source.count - tally.handled:
        shown.add_row("not sent", f"{left:,}")
    shown.add_row("time", span_text(seconds))
    return shown


def summary(job: Job, tally: Tally, outcomes: Mapping[str, int] | None, seconds: float) -> dict[str, Any]:
    """The same for programs."""
    return {
        "file": str(job.source.path),
        "job": job.id,
        "rows": job.source.count,
        "accepted": tally.accepted,
        "accepted_before": tally.accepted_before,
        "not_followed": tally.not_followed,
        "refused": tally.refused,
        "refused_by": dict(tally.refused_by.most_common()),
        "not_sent": job.source.count - tally.handled,
        "outcomes": None if outcomes is None else dict(outcomes),
        "seconds": round(seconds, 3),
    }

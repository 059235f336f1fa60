"""What a check found, as data: a verdict, what was seen, and what to do about it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    """Worth a word; nothing has to be done."""
    WARNING = "warning"
    """It works, and will hurt some day."""
    FAULT = "fault"
    """It does not work, or breaks a promise of the gateway."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One of a check; no secret is in it."""

    check: str
    """The check's name, as --only takes it."""
    about: str
    """What was looked at: a file, a host, a key of the configuration."""
    verdict: Verdict
    seen: str
    remedy: str | None = None
    """What to do, in words that can be done; None: nothing."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Makes those of one check."""

    check: str

    def ok(self, about: str, seen: str) -> Finding:
        return Finding(self.check, about, Verdict.OK, seen)

    def note(self, about: str, seen: str, remedy: str | None = None) -> Finding:
        return Finding(self.check, about, Verdict.NOTE, seen, remedy)

    def warning(self, about: str, seen: str, remedy: str) -> Finding:
        return Finding(self.check, about, Verdict.WARNING, seen, remedy)

    def fault(self, about: str, seen: str, remedy: str) -> Finding:
        return Finding(self.check, about, Verdict.FAULT, seen, remedy)


def as_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """For programs."""
    told = [asdict(finding) for finding in findings]
    counts = {f"{verdict.value}s": sum(one["verdict"] == verdict for one in told) for verdict in Verdict}
    return {"faults": counts["faults"], "warnings": counts["warnings"], "findings": told}


def in_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """For people: a paragraph for each check."""
    check = None
    for finding in findings:
        if finding.check != check:
            yield from ([] if check is None else [""])
            yield finding.check
            check = finding.check
        yield f"  {finding.verdict.value:<8} {finding.about}: {finding.seen}"
        if finding.remedy is not None and finding.verdict is not Verdict.OK:
            yield f"           -> {finding.remedy}"

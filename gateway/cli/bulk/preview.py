"""`sluice bulk --dry-run`: what the first rows of a job would become, as the gateway tells it; nothing is sent."""

from http import HTTPStatus
from itertools import islice
from typing import Any

from gateway.cli.bulk.job import Job
from gateway.cli.bulk.outcome import reason_of
from gateway.cli.bulk.rows import Row
from gateway.cli.calls import Caller, RefusedError

_ROWS = 3


def previews(job: Job, caller: Caller) -> list[dict[str, Any]]:
    """Of each of the first rows its `line`, and either the gateway's preview or an `error`. Raises CallError."""
    return [{"line": row.line, **_preview(job, caller, row)} for row in islice(job.source.rows(), _ROWS)]


def lines_of(preview: dict[str, Any]) -> str:
    """One of them for people."""
    place = f"line {preview['line']}"
    if "error" in preview:
        return f"{place}: refused: {preview['error']}"
    parts = f"{preview['segments']} part{'s' if preview['segments'] > 1 else ''}, {preview['encoding']}"
    return f"{place}: {preview['from']} -> {preview['to']}, {preview['lane']}, {parts}\n    {preview['text']}"


def _preview(job: Job, caller: Caller, row: Row) -> dict[str, Any]:
    if row.fault is not None:
        return {"error": f"the row {row.fault}"}
    try:
        answer = caller.post("/v1/sms/preview", job.item(row))
    except RefusedError as refusal:
        fields = refusal.problem.get("fields")
        if refusal.status != HTTPStatus.UNPROCESSABLE_ENTITY or not isinstance(fields, dict):
            raise
        return {"error": reason_of(fields)}
    return {name: answer[name] for name in ("from", "to", "lane", "encoding", "segments", "text")}

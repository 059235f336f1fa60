"""The stages of a message's life, by the files that do them: where a sample of a stack belongs.

The innermost frame that is named here decides, so that what many stages share (statements, codecs, logs) counts for the
stage that called it.
"""

from collections.abc import Iterable, Sequence

STAGES: dict[str, tuple[str, ...]] = {
    "HTTP": (
        "gateway/api/",
        "gateway/serving/",
        "httptools/",
        "hypercorn/",
        "quart/",
        "quart_trio/",
        "h11/",
    ),
    "checks": ("gateway/flows/accept", "gateway/flows/account_checks", "gateway/flows/entities", "gateway/rules/"),
    "insert": (
        "gateway/store/accepts",
        "gateway/store/client_ids",
        "gateway/store/singles",
        "gateway/store/writer.py:order",
        "gateway/store/writer.py:ask",
    ),
    "claim": (
        "gateway/store/claims",
        "gateway/store/in_hand",
        "gateway/store/cutting",
        "protocol/writing",
        "gateway/store/queues",
        "gateway/rules/deal",
    ),
    "encode": (
        "gateway/flows/submits",
        "gateway/flows/send",
        "protocol/encoding",
        "protocol/segments",
        "protocol/text",
        "protocol/submit_bodies",
        "protocol/session_outbound",
    ),
    "write": ("gateway/carriers/sending", "gateway/carriers/outgoing", "gateway/carriers/link"),
    "read": (
        "gateway/carriers/reading",
        "gateway/carriers/heard",
        "protocol/framing",
        "protocol/decoding",
        "protocol/reading",
    ),
    "answer": ("gateway/store/answers", "gateway/store/ordinary.py:sent", "gateway/store/ordinary.py:_tell_sent"),
    "receipt": ("gateway/store/receipts", "gateway/store/ordinary", "gateway/flows/receive", "protocol/receipt"),
    "event": ("gateway/store/message_events", "gateway/webhooks/payloads"),
    "webhook": (
        "gateway/webhooks/",
        "gateway/flows/notify",
        "gateway/store/deliveries",
        "gateway/store/outcomes",
        "gateway/store/endpoints",
    ),
    "bind": ("gateway/carriers/", "gateway/flows/", "protocol/"),
    "transaction": ("gateway/store/transaction", "gateway/store/connection"),
    "loop and threads": ("gateway/store/", "trio/", "trio_asyncio/", "aiosqlite/", "asyncio/", "outcome/"),
}
"""In the order of a message's life: beginnings of files, or of `FILE:FUNCTION`; the longest that fits is meant."""

REST = "rest"
_SHARED = ("bind", "transaction", "loop and threads")
"""Stages of what no frame further out has a stage for."""


def _by_length(stages: Iterable[str]) -> list[tuple[str, str]]:
    return sorted(((part, stage) for stage in stages for part in STAGES[stage]), key=lambda pair: -len(pair[0]))


_OWN_PARTS = _by_length(stage for stage in STAGES if stage not in _SHARED)
_SHARED_PARTS = _by_length(_SHARED)
_TOPS = tuple({part.partition("/")[0] + "/" for part, _ in (*_OWN_PARTS, *_SHARED_PARTS)})


def stage_of(stack: Sequence[str]) -> str:
    """`stack`: `FILE:FUNCTION` from the outermost to the innermost frame."""
    frames = [_within(frame) for frame in reversed(stack)]
    for parts in (_OWN_PARTS, _SHARED_PARTS):
        for frame in frames:
            stage = next((stage for part, stage in parts if frame.startswith(part)), None)
            if stage is not None:
                return stage
    return REST


def _within(frame: str) -> str:
    """The file as it lies in its package, wherever that lies."""
    return frame[max((frame.rfind("/" + top) for top in _TOPS), default=-1) + 1 :]

"""The examples of the calls about opt-outs and opt-ins, by operation: what is sent and what is answered."""

from typing import Any

_NUMBER = "+34600000001"
_AT = "2025-05-24T09:30:00.000Z"
_GIVEN: dict[str, Any] = {"source": "web form", "evidence": "form 8841, 192.0.2.7", "at": _AT}
_OPT_IN: dict[str, Any] = {
    "number": _NUMBER,
    "sender": None,
    "at": _AT,
    "source": _GIVEN["source"],
    "evidence": _GIVEN["evidence"],
}
_OPT_OUT: dict[str, Any] = {**_OPT_IN, "keyword": None, "inbound_id": None, "message_id": None}
_BY_KEYWORD: dict[str, Any] = {
    **_OPT_OUT,
    "source": "inbound",
    "evidence": None,
    "keyword": "STOP",
    "inbound_id": "inb_01KAK5Y7Q4V8M3Z2T9N6C1XHRD",
    "message_id": "msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD",
}
_IMPORT = [{"number": _NUMBER, **_GIVEN}, {"number": "12"}]
_IMPORTED: dict[str, Any] = {
    "received": 2,
    "added": 1,
    "unchanged": 0,
    "rejected": 1,
    "errors": [
        {
            "index": 1,
            "fields": {"number": ["has no country code: write it with a plus, such as +34600000001"]},
            "codes": {"number": ["needs_plus"]},
        }
    ],
}
_CURSOR = "WyIrMzQ2MDAwMDAwMDEiLCIiXQ"


def _of(kind: str, kept: dict[str, Any], listed: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        f"put_{kind}": (_GIVEN, kept),
        f"get_{kind}": (None, {"number": _NUMBER, "entities": [listed]}),
        f"delete_{kind}": (None, None),
        f"list_{kind}s": (None, {"entities": [listed], "next_cursor": _CURSOR}),
        f"export_{kind}s": (None, None),
        f"import_{kind}s": (_IMPORT, _IMPORTED),
    }


CONSENT_EXAMPLES = _of("opt_out", _OPT_OUT, _BY_KEYWORD) | _of("opt_in", _OPT_IN, _OPT_IN)

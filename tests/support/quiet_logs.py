"""What no log line of any test may hold: a text that was sent, a full number, a token or a secret.

Every gateway that a test runs is looked at when it ends (daemons.py, forked_gateways.py), each caller notes the texts
that it sends (callers.py), but for the most: they begin with `Hello`, which is always looked for.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

MOST_TEXTS = 2_000
"""Remembered of one run; to look for more would take longer than the tests."""
_LEAST = 8
"""Characters of a text: shorter ones may be words of a log."""
_TEXTS = {"text", "message", "evidence"}
_DIGITS_OF_OTHERS = re.compile(
    r"\b(?:at|carrier_message_id|sequence|pid|host|smsc|ids)=(?:\"[^\"]*\"|\S+)|command_length \d+"
)
"""Ids that a carrier gives, and other keys whose values are long numbers of another kind."""
_NUMBER = re.compile(r"(?<![0-9A-Za-z.:_-])(?:\+[1-9]\d{6,14}|[1-9]\d{9,14})(?![0-9A-Za-z])")
"""Ids of ours are letters and digits in any mixture: a number in the midst of one is none."""
_ALWAYS = re.compile(r"Hello|(?<![a-z])sk_[a-z0-9]|whsec_[A-Za-z0-9]|operator_token_of")

_texts: set[str] = set()


def note(body: Any) -> None:
    """Texts in what a caller sends: a message, several of them, or a campaign."""
    for item in body if isinstance(body, list) else [body]:
        if isinstance(item, dict) and len(_texts) < MOST_TEXTS:
            texts = [value for name, value in item.items() if name in _TEXTS and isinstance(value, str)]
            _texts.update(text for text in texts if len(text) >= _LEAST and not _ALWAYS.search(text))


def private_in(lines: Iterable[str]) -> list[str]:
    """The lines that tell what they must not."""
    kept = list(lines)
    whole = "\n".join(kept)
    found = [line for line in kept if _ALWAYS.search(line) or _NUMBER.search(_DIGITS_OF_OTHERS.sub("", line))]
    for text in _texts:
        for written in {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}:
            if written in whole:
                found += [line for line in kept if written in line]
    return found

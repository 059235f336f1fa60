"""What a receipt quotes of its message's text, which is nobody's to keep: it is cut off before the rest is read.

Most SMSCs write `text:` and then the quote to the end (SMPP 3.4 Appendix B). Under another name it is cut where no key
of a receipt follows, and where quotes or tags say where it ends.
"""

import re

_NAMES = r"(?:(?:msg|message|sms|short)[_ ]?)?(?:text|txt|message|msg|content|body)"
_TEXT = re.compile(r"text[\"']?\s*+:|<text\b|(?<![^\s&;,?])text=", re.IGNORECASE)
_SIGNS = ("msg", "message", "body", "content", "txt", "text")
"""One of them stands in each of the names: a look for it costs a tenth of what a search by pattern does."""
_OTHER = re.compile(rf"(?<![A-Za-z_])[\"']?{_NAMES}[\"']?\s*+[:=]", re.IGNORECASE)
_STATES = "stat|status|state"
_KEYS = f"id|sub|dlvrd|{_STATES}|err|error"
"""Of a receipt, but those of its dates."""
_KEY = re.compile(rf"(?<![A-Za-z])(?:{_KEYS}|date)[\"']?\s*+[:=]", re.IGNORECASE)
_STAT = re.compile(rf"(?<![A-Za-z])(?:{_STATES})[\"']?\s*+:", re.IGNORECASE)
_LAST_KEYS = re.compile(
    rf"(?<![A-Za-z])(?:(?:{_KEYS}|(?:submit|done) ?date)\s*+:\s*+[^\s:]*+\s*+)++\Z",
    re.IGNORECASE,
)
"""Keys with a word each, to the end."""
_BOUNDED = re.compile(
    rf"([\"']){_NAMES}\1\s*+:\s*+([\"'])(?:\\.|(?!\2)[^\\])*+\2\s*+(?:,\s*+|(?=\}}))|<({_NAMES})>[^<]*+</\3>",
    re.IGNORECASE | re.DOTALL,
)


def without_content(text: str) -> str:
    """The text of a receipt without what it quotes of the message's."""
    if '"' in text or "'" in text or "<" in text:
        first, bounded = _TEXT.search(text), _BOUNDED.search(text)
        # What looks like a quoted field behind `text:` is part of what was written on a phone.
        if bounded is not None and (first is None or bounded.start() <= first.start()):
            text = _BOUNDED.sub("", text)
    content = _TEXT.search(text)
    if content is not None:
        text = text[: content.start()] + _keys_behind(text, content)
    lower = text.lower()
    if not any(sign in lower for sign in _SIGNS) or _OTHER.search(text) is None:
        return text
    last = max((key.end() for key in _KEY.finditer(text)), default=0)
    other = _OTHER.search(text, last)
    return text if other is None else text[: other.start()]


def _keys_behind(text: str, content: re.Match[str]) -> str:
    """Of a receipt that says its state after the quote, where nothing before it does: those keys; else nothing."""
    if _STAT.search(text, 0, content.start()) is not None:
        return ""
    keys = _LAST_KEYS.search(text, content.end())
    return keys[0] if keys is not None and _STAT.search(keys[0]) else ""

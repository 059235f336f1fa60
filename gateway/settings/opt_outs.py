"""The section about keywords: the words by which handsets opt out, opt in again and ask for help.

Whether a text is one of them is decided in gateway/rules/keywords; what follows from it in the store.
"""

import unicodedata
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.settings.types import Section

MOST_CHARACTERS = 80
"""Of a keyword. A longer text is none."""
MOST_REPLY = 640
"""Characters of a reply to a keyword."""
BUILT_IN = {
    "stop": ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"),
    "start": ("START", "UNSTOP"),
    "help": ("HELP", "INFO"),
}


def letters(text: str) -> str:
    """What of a keyword is compared: letters and digits alone, without case and accents."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text))).casefold()


def _check_keyword(value: str) -> str:
    if not letters(value) or len(value) > MOST_CHARACTERS or not value.isprintable():
        raise ValueError(f'is {value!r}; write a word such as "BAJA", of at most {MOST_CHARACTERS} characters')
    return value


def _check_reply(value: str) -> str:
    if not value.strip() or len(value) > MOST_REPLY or "\0" in value:
        raise ValueError(f"has {len(value)} characters; give 1 to {MOST_REPLY}, or leave the key out for no reply")
    return value


Keyword = Annotated[str, AfterValidator(_check_keyword)]
Reply = Annotated[str, AfterValidator(_check_reply)]


class OptOuts(Section):
    """Words that handsets send, beside the built-in ones. Case, accents, blanks and punctuation don't matter, and the
    word must be the whole text."""

    stop: list[Keyword] = Field(default=[], max_length=200)
    """Opts out, as do STOP, STOPALL, UNSUBSCRIBE, CANCEL, END and QUIT: `["BAJA", "ARRÊT"]`."""
    start: list[Keyword] = Field(default=[], max_length=200)
    """Undoes that, as do START and UNSTOP: `["ALTA"]`."""
    help: list[Keyword] = Field(default=[], max_length=200)
    """Asks for the account's `help_reply`, as do HELP and INFO: `["AYUDA", "AIDE"]`."""


def words_of(section: OptOuts) -> dict[str, tuple[str, ...]]:
    """All words by kind, the built-in ones first."""
    return {kind: (*BUILT_IN[kind], *words) for kind, words in _listed(section)}


def _listed(section: OptOuts) -> tuple[tuple[str, list[Keyword]], ...]:
    """Those of the settings alone, in the order of BUILT_IN."""
    return ("stop", section.stop), ("start", section.start), ("help", section.help)


def meant_twice(section: OptOuts) -> Iterator[tuple[str, int, str, str]]:
    """Words of two kinds: the kind and place where each is listed, the word, and what else it means."""
    seen: dict[str, str] = {letters(word): kind for kind, words in BUILT_IN.items() for word in words}
    for kind, words in _listed(section):
        for place, word in enumerate(words):
            other = seen.setdefault(letters(word), kind)
            if other != kind:
                yield kind, place, word, other

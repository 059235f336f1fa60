"""Words by which a handset opts out, opts in again or asks for help: whether a text is one of them.

A text is a keyword only as a whole, whatever its case, accents, blanks and punctuation: "Stop!" is, "stop it" is not.
Carriers and other gateways read it so; a first word alone would silence those who write "Stop by at five".
"""

from enum import StrEnum
from typing import NamedTuple

from gateway.settings.opt_outs import MOST_CHARACTERS, OptOuts, letters, words_of


class KeywordKind(StrEnum):
    """What a keyword asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


class Keyword(NamedTuple):
    kind: KeywordKind
    word: str
    """As it is listed, whichever way it was written."""


class Keywords:
    """The built-in words, and those of the settings."""

    __slots__ = ("_known",)

    def __init__(self, section: OptOuts) -> None:
        self._known: dict[str, Keyword] = {}
        for kind, words in words_of(section).items():
            for word in words:
                self._known.setdefault(letters(word), Keyword(KeywordKind(kind), word))

    def read(self, text: str) -> Keyword | None:
        """The keyword that a text is; None: it is none."""
        return self._known.get(letters(text)) if len(text) <= MOST_CHARACTERS else None

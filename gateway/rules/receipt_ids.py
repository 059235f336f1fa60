"""How a carrier spells in its receipts the ids that it gave in its answers: learned from those that matched. Pure.

Which attempt a receipt names is the store's to say; this says only which spelling to look for first.
"""

from dataclasses import dataclass
from enum import Enum

from protocol.receipt_keys import exact_key, other_keys

SETTLED = 20
"""Matches in a row that make a spelling known."""
UNLEARNED = 3
"""Matches in a row that were otherwise: then what was known is so no more."""


class Spelling(Enum):
    """Ids in receipts, against those of submit_sm_resp; the values are for people."""

    SAME = "same as in answers"
    PADDED = "same as in answers but for zeros or case"
    DECIMAL = "decimal of our hex"
    HEX = "hex of our decimal"

    @property
    def base(self) -> str | None:
        """The base of the receipts' ids where answers have the other."""
        return _BASES.get(self)


_BASES = {Spelling.DECIMAL: "decimal", Spelling.HEX: "hex"}
_WIDER = {Spelling.SAME: Spelling.PADDED}
"""What a spelling may turn out to be without having been wrong."""


def spelled(told: str, answered: str) -> list[Spelling]:
    """All spellings by which a receipt may tell this id of an answer: small numbers are the same in both bases."""
    told_key, key = exact_key(told), exact_key(answered)
    fitting = [Spelling.SAME] if told == answered else []
    if told_key == key:
        fitting.append(Spelling.PADDED)
    for spelling, base in _BASES.items():
        converted = other_keys(told, base)
        if key in converted or (not converted and told_key == key and key.isdecimal()):
            fitting.append(spelling)
    return fitting


@dataclass(slots=True)
class LearnedIds:
    """What is known of one carrier's spelling."""

    base: str = "auto"
    """Said by the settings: it is taken for known until matches say otherwise."""
    spelling: Spelling | None = None
    fits: int = 0
    misfits: int = 0
    """Matches in a row that were otherwise than `spelling`; whoever matches by it alone sets them to 0."""

    @property
    def settled(self) -> Spelling | None:
        """The spelling, once it is known."""
        return self.spelling if self.fits >= SETTLED else None

    @property
    def first(self) -> str | None:
        """The base that is tried before the id as it stands; None: the id as it stands."""
        if (settled := self.settled) is not None:
            return settled.base
        return None if self.base == "auto" else self.base

    def saw(self, told: str, answered: str) -> bool:
        """A receipt told this id for that of an answer; whether what is known has changed by it."""
        before = self.settled
        fitting = spelled(told, answered)
        if self.spelling in fitting:
            self.fits, self.misfits = min(self.fits + 1, SETTLED), 0
        elif self.spelling is not None and (wider := _WIDER.get(self.spelling)) in fitting:
            self.spelling, self.fits, self.misfits = wider, min(self.fits + 1, SETTLED), 0
        elif fitting:
            self._doubt_by(fitting)
        return self.settled is not before

    def _doubt_by(self, fitting: list[Spelling]) -> None:
        self.misfits += 1
        if self.settled is None or self.misfits >= UNLEARNED:
            self.spelling, self.fits, self.misfits = fitting[0], 1, 0


def first_key(message_id: str, base: str | None) -> str:
    """The key to look for first, where `LearnedIds.first` is this base."""
    converted = other_keys(message_id, base) if base is not None else ()
    return converted[0] if converted else exact_key(message_id)

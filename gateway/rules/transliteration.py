"""What stands in GSM 03.38 for characters that it lacks, where an account asks for it: signs, letters without accents.

Only what a reader takes for the same: nothing is guessed, and what no entry stands for stays as it is.
"""

import re
from unicodedata import combining, normalize

from protocol.text import unencodable

_SIGNS = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u00b4\u02b9\u02bb\u02bc\u02c8\u275b\u275c`",
    '"': "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u275d\u275e\u301d\u301e",
    "<": "\u2039",
    ">": "\u203a",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63",
    "...": "\u2026\u22ef",
    " ": "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t",
    # Joiners, marks of direction, the soft hyphen: nobody sees them.
    "": "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff",
    "\n": "\u0085\u2028\u2029",
    "*": "\u2022\u00b7\u2023\u2219\u25aa\u25cf\u25e6",
    "/": "\u2044\u2215\u00f7",
    "|": "\u00a6",
    "x": "\u00d7",
    "+/-": "\u00b1",
    "<=": "\u2264",
    ">=": "\u2265",
    "->": "\u2192",
    "<-": "\u2190",
    "EUR": "\u20a0",
    "Rs.": "\u20b9",
    "TL": "\u20ba",
    "No": "\u2116",
    "(TM)": "\u2122",
    "(C)": "\u00a9",
    "(R)": "\u00ae",
    "1/2": "\u00bd",
    "1/4": "\u00bc",
    "3/4": "\u00be",
}
# Letters that Unicode takes for no other with an accent.
_LETTERS = {
    "Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Ħ": "H", "ħ": "h", "ı": "i", "ĸ": "k", "Ł": "L", "ł": "l", "Ŋ": "N",
    "ŋ": "n", "Œ": "OE", "œ": "oe", "Þ": "Th", "þ": "th", "Ŧ": "T", "ŧ": "t", "Ə": "E", "ə": "e", "ẞ": "SS", "µ": "u",
}  # fmt: skip
# The alphabet has the Greek capitals that look like no Latin ones; Greek texts are sent so, and the rest as Latin.
_GREEK = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX")
# Latin with its extensions, Greek, ligatures and forms as wide as Chinese.
_BLOCKS = (
    range(0x00AA, 0x0250),
    range(0x0370, 0x0400),
    range(0x1E00, 0x2000),
    range(0xFB00, 0xFB07),
    range(0xFF01, 0xFF5F),
)
_BLOCK = 32
_before_fraction = re.compile("(?<=[0-9])(?=[\u00bc\u00bd\u00be])")


def transliterated(text: str) -> str:
    """The text with each character that GSM 03.38 lacks replaced by what stands for it, if anything does.

    Composed first: some keyboards and file systems write é as e and U+0301.
    """
    composed = text if _has_endless_marks(text) else normalize("NFC", text)
    # 5½ is not 51/2.
    return _before_fraction.sub(" ", composed).translate(_PLAIN)


def _has_endless_marks(text: str) -> bool:
    """Whether one letter has more marks than any writing: to put them in order takes the square of their number.

    No run of twice a block escapes, and a shorter one takes no time.
    """
    return any(all(map(combining, text[at : at + _BLOCK])) for at in range(0, len(text) - _BLOCK + 1, _BLOCK))


def _letter(character: str) -> str | None:
    """The letters without marks; the capitals of Greek ones."""
    is_wide = character >= "\uff01"
    if not (is_wide or character.isalpha()) or unencodable(character) is None:
        return None
    base = "".join(part for part in normalize("NFKD", character) if not combining(part))
    if "\u0370" <= base < "\u0400":
        base = base.upper().translate(_GREEK)
    is_whole = (is_wide or base.isalpha()) and unencodable(base) is None
    return base if is_whole else None


_PLAIN = {code: base for block in _BLOCKS for code in block if (base := _letter(chr(code))) is not None}
_PLAIN |= {ord(letter): base for letter, base in _LETTERS.items()}
_PLAIN |= {ord(sign): base for base, signs in _SIGNS.items() for sign in signs}

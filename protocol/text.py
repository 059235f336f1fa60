"""Text to octets and back: GSM 03.38 (3GPP TS 23.038 §6.2.1, one septet an octet), UCS-2, what data_coding means.

How a carrier differs is writing.py's and reading.py's; how a long text is cut segments.py's, other tables
national_tables.py's.
"""

import codecs
import re
from enum import Enum, StrEnum

from protocol.errors import LocalProtocolError

ESCAPE = 0x1B
"""The septet that makes the next one a character of the extension table."""

DEFAULT_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The characters of the septets from 0 on (3GPP TS 23.038 §6.2.1); the escape stands for itself."""
EXTENSION_TABLE = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""Septets behind an escape (§6.2.1.1)."""

_SLICE = 200
_SEPTET = {character: septet for septet, character in enumerate(DEFAULT_ALPHABET) if septet != ESCAPE}
_NOT_PLAIN = 0xFF
# By Latin-1 code, so that most texts take two passes in C; Greek and the extension table go the slow way.
_LATIN_TO_GSM = bytes(_SEPTET.get(chr(code), _NOT_PLAIN) for code in range(256))
_TO_GSM: dict[int, int | bytes] = {
    **{ord(character): septet for character, septet in _SEPTET.items()},
    **{ord(character): bytes((ESCAPE, septet)) for character, septet in EXTENSION_TABLE.items()},
}
_FROM_GSM = DEFAULT_ALPHABET + "\ufffd" * 128
_ESCAPED = re.compile("\x1b(.?)", re.DOTALL)
# Keyed by what the main table shows at the same place, because that is what stands for an unknown escape (TS 23.038
# §6.2.1.1 note). A second escape, or one with nothing behind it, shows as a blank.
_BEHIND_ESCAPE = {DEFAULT_ALPHABET[septet]: character for character, septet in EXTENSION_TABLE.items()} | {
    "\x1b": " ",
    "": " ",
}


class Encoding(StrEnum):
    """The two alphabets that a text is sent in."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


class NotEncodable(LocalProtocolError):  # noqa: N818
    """The text has a character that the encoding cannot carry; `position` counts characters from 1."""

    def __init__(self, position: int, character: str) -> None:
        super().__init__(f"U+{ord(character):04X} at position {position} cannot be encoded")
        self.position = position
        self.character = character


def unencodable(text: str) -> tuple[int, str] | None:
    """The first character that GSM 03.38 cannot carry, behind its position counted from 1."""
    # By slices: the codec looks for the end of a run that it can't encode before it tells where the run begins.
    for start in range(0, len(text), _SLICE):
        try:
            encode_gsm(text[start : start + _SLICE])
        except NotEncodable as error:
            return start + error.position, error.character
    return None


def encoding_of(text: str) -> Encoding:
    """GSM 03.38 if it can carry the whole text, else UCS-2."""
    return Encoding.GSM7 if unencodable(text) is None else Encoding.UCS2


def septets(text: str) -> int:
    """Septets that the text takes in GSM 03.38; a character of the extension table weighs 2. Raises NotEncodable."""
    return len(encode_gsm(text))


def encode_gsm(text: str) -> bytes:
    """GSM 03.38, unpacked: one septet an octet. Raises NotEncodable."""
    try:
        octets = text.encode("latin-1").translate(_LATIN_TO_GSM)
    except UnicodeEncodeError:
        return _encode_any_gsm(text)
    return _encode_any_gsm(text) if _NOT_PLAIN in octets else octets


def _encode_any_gsm(text: str) -> bytes:
    try:
        return codecs.charmap_encode(text, "strict", _TO_GSM)[0]
    except UnicodeEncodeError as error:
        raise NotEncodable(error.start + 1, text[error.start]) from None


def decode_gsm(octets: bytes) -> str:
    """The text of unpacked GSM 03.38; an octet above 0x7F becomes U+FFFD, an unknown escape the unescaped character."""
    text = codecs.charmap_decode(octets, "strict", _FROM_GSM)[0]
    if ESCAPE in octets:
        return _ESCAPED.sub(lambda found: _BEHIND_ESCAPE.get(found[1], found[1]), text)
    return text


def encode_ucs2(text: str) -> bytes:
    """UTF-16BE without a byte-order mark. Raises NotEncodable for a surrogate that stands alone."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise NotEncodable(error.start + 1, text[error.start]) from None


class Codec(Enum):
    """How octets become text; but for GSM 03.38 by Python's codec of that name."""

    GSM = "gsm"
    UCS2 = "utf-16-be"
    LATIN = "latin-1"
    LATIN9 = "iso8859-15"
    CYRILLIC = "iso8859-5"
    HEBREW = "iso8859-8"
    JIS = "shift_jis"
    MUSIC = "iso2022_jp"
    KOREAN = "euc_kr"


# SMPP 3.4 §5.2.19. IA5 and binary are read as Latin-1, which loses no octet.
_SMPP_CODECS = {
    0x00: Codec.GSM,
    0x05: Codec.JIS,
    0x06: Codec.CYRILLIC,
    0x07: Codec.HEBREW,
    0x08: Codec.UCS2,
    0x0A: Codec.MUSIC,
    0x0D: Codec.JIS,
    0x0E: Codec.KOREAN,
}


def _codec_of(data_coding: int) -> Codec:
    if data_coding < 0x10:
        return _SMPP_CODECS.get(data_coding, Codec.LATIN)
    # 3GPP TS 23.038 §4: the upper bits name the group, and in most groups two or one of the lower bits the alphabet.
    if data_coding >= 0xF0:
        return Codec.LATIN if data_coding & 0x04 else Codec.GSM
    if data_coding >= 0xE0:
        return Codec.UCS2
    if data_coding >= 0xC0:
        return Codec.GSM
    is_compressed_or_reserved = data_coding & 0xA0
    if is_compressed_or_reserved:
        return Codec.LATIN
    return (Codec.GSM, Codec.LATIN, Codec.UCS2, Codec.LATIN)[data_coding >> 2 & 0x03]


CODECS = tuple(_codec_of(data_coding) for data_coding in range(256))
"""By data_coding, where a carrier has no habits of its own."""

"""The alphabets and national language tables that a text can be written in, by their names."""

from enum import StrEnum


class Alphabet(StrEnum):
    """What a carrier takes data_coding 0 for."""

    GSM7 = "gsm7"
    ASCII = "ascii"
    LATIN1 = "latin1"
    LATIN9 = "latin9"


class Language(StrEnum):
    """National language identifiers of 3GPP TS 23.038 §6.2.1.2.4, by name."""

    TURKISH = "turkish"
    SPANISH = "spanish"
    PORTUGUESE = "portuguese"
    BENGALI = "bengali"
    GUJARATI = "gujarati"
    HINDI = "hindi"
    KANNADA = "kannada"
    MALAYALAM = "malayalam"
    ORIYA = "oriya"
    PUNJABI = "punjabi"
    TAMIL = "tamil"
    TELUGU = "telugu"
    URDU = "urdu"


LANGUAGE_IDENTIFIERS = {language: identifier for identifier, language in enumerate(Language, 1)}
"""As they stand in a header (3GPP TS 23.038 §6.2.1.2.4); 0 is no language."""

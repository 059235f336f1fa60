"""What is wrong with a field of a request: in words for people, as a code for programs. What is wrong is each rule's.

The words go on from the field's name ("to": "is too short for ...") and end with what to do, where that is not plain.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class FaultCode(StrEnum):
    """The closed list of codes beside `fields`; within v1 codes are only added."""

    MISSING = "missing"
    EMPTY = "empty"
    WRONG_TYPE = "wrong_type"
    GIVEN_TWICE = "given_twice"
    UNKNOWN_FIELD = "unknown_field"
    TOO_LONG = "too_long"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    NOT_PRINTABLE = "not_printable"
    NUL = "nul"
    LONE_SURROGATE = "lone_surrogate"
    INTEGER_TOO_LARGE = "integer_too_large"
    NOT_A_NUMBER = "not_a_number"
    NEEDS_PLUS = "needs_plus"
    UNKNOWN_COUNTRY_CODE = "unknown_country_code"
    NUMBER_TOO_SHORT = "number_too_short"
    NUMBER_TOO_LONG = "number_too_long"
    NUMBER_WRONG_LENGTH = "number_wrong_length"
    NUMBER_NOT_VALID = "number_not_valid"
    NO_ROUTE = "no_route"
    NEEDS_UNICODE = "needs_unicode"
    TOO_MANY_SEGMENTS = "too_many_segments"
    SENDER_MISSING = "sender_missing"
    SENDER_NOT_VALID = "sender_not_valid"
    SENDER_TOO_LONG = "sender_too_long"
    SENDER_NOT_ALLOWED = "sender_not_allowed"
    SENDER_NOT_FOR_COUNTRY = "sender_not_for_country"
    SENDER_NOT_REGISTERED = "sender_not_registered"
    LANDLINE = "landline"
    UNKNOWN_LANE = "unknown_lane"
    NOT_A_TIME = "not_a_time"
    IN_THE_PAST = "in_the_past"
    TOO_FAR_AHEAD = "too_far_ahead"
    BEFORE_SCHEDULE = "before_schedule"
    ENDS_IN_QUIET_HOURS = "ends_in_quiet_hours"
    URL_NOT_ALLOWED = "url_not_allowed"
    NO_WEBHOOK = "no_webhook"
    CLIENT_ID_IN_USE = "client_id_in_use"
    DUPLICATE = "duplicate"
    NOT_A_TAG = "not_a_tag"
    TAG_NOT_ALLOWED = "tag_not_allowed"
    NOT_HEXADECIMAL = "not_hexadecimal"
    TLV_NOT_TAKEN = "tlv_not_taken"
    NOT_JSON = "not_json"
    NOT_CSV = "not_csv"
    NOT_UTF8 = "not_utf8"
    TEMPLATE_NOT_VALID = "template_not_valid"
    TOO_MANY_VARIANTS = "too_many_variants"
    UNKNOWN_TEMPLATE = "unknown_template"
    UNKNOWN_VARIABLE = "unknown_variable"
    NEEDS_TEMPLATE = "needs_template"
    NOT_WITH_TEMPLATE = "not_with_template"
    NOT_A_LOCALE = "not_a_locale"
    NOT_A_NAME = "not_a_name"
    UNKNOWN_STATUS = "unknown_status"
    UNKNOWN_VALUE = "unknown_value"
    NOT_AN_ID = "not_an_id"
    OPTED_OUT = "opted_out"
    NOT_OPTED_IN = "not_opted_in"


class Fault(NamedTuple):
    words: str
    code: FaultCode


@dataclass(slots=True)
class ItemErrors:
    """All that is wrong with one item, by field: the same keys, and as many codes as sentences."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    codes: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, fault: Fault) -> "ItemErrors":
        """Of an item that has a single fault."""
        errors = cls()
        errors.add(name, fault)
        return errors

    def add_faults(self, found: Iterable[tuple[str, Any]]) -> None:
        """Add what is a fault among these fields' values."""
        for name, value in found:
            if isinstance(value, Fault):
                self.add(name, value)

    def add(self, name: str, fault: Fault) -> None:
        self.fields.setdefault(name, []).append(fault.words)
        self.codes.setdefault(name, []).append(fault.code.value)

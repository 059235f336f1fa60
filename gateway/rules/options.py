"""What a caller may ask of one message's text beside the text itself: parts at most, flash, TLVs of its own.

Checked when the message is accepted; kept with it as JSON, where there is any, for the claim. Which of its TLVs a
carrier takes is that carrier's setting.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.values import LARGEST_INTEGER, shown, type_fault, unstorable
from gateway.settings.tlvs import GATEWAY_TAGS, MOST_OCTETS, tlv_octets
from protocol.segments import MAX_PARTS

MOST_TLVS = 10
_LARGEST_TAG = 0xFFFF
_MOST_NAME = 20
"""Characters of a wrong tag that are shown."""


class MessageOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was asked for; a message without any has None in its place."""

    max_parts: int = MAX_PARTS
    flash: bool = False
    tlvs: dict[str, str] = {}
    """By tag, as `0x1401` in lower case: a text, or octets as `hex:0501`."""
    deliver_at: int | None = None
    """The message's schedule, milliseconds UTC, where its carrier is to hold it until then."""

    despite_opt_out: bool = False
    """It answers a keyword: it goes to the handset that has just opted out, and needs no opt-in. Not for callers."""

    @property
    def names(self) -> list[str]:
        """What is asked for, by the names of the fields: never a value."""
        given = {"max_parts": self.max_parts != MAX_PARTS, "flash": self.flash, "tlvs": bool(self.tlvs)}
        return [name for name, is_given in given.items() if is_given]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(MessageOptions).decode
NOTHING_ASKED = MessageOptions()


def to_json(options: MessageOptions) -> str | None:
    """As it is kept; None where nothing is asked for."""
    return None if options == NOTHING_ASKED else _encode(options).decode()


def from_json(kept: str) -> MessageOptions:
    return _decode(kept)


def waits_here(scheduled_at: int | None, kept: str | None) -> bool:
    """Whether a message is kept until its time, and not for its carrier to hold. `kept`: its options as JSON."""
    return scheduled_at is not None and (kept is None or _decode(kept).deliver_at is None)


def check_max_parts(value: Any) -> int | Fault:
    if value is None:
        return MAX_PARTS
    if type(value) is not int or abs(value) > LARGEST_INTEGER:
        return type_fault(value, f"a whole number from 1 to {MAX_PARTS}")
    if value < 1:
        return Fault("is less than 1", FaultCode.TOO_SMALL)
    if value > MAX_PARTS:
        return Fault(f"is more than {MAX_PARTS}, which are all that a message can have", FaultCode.TOO_LARGE)
    return value


def check_flag(value: Any) -> bool | Fault:
    if value is None:
        return False
    return value if type(value) is bool else type_fault(value, "true or false")


def check_tlvs(value: Any) -> dict[str, str] | Fault:
    """The TLVs by their tags as MessageOptions has them, or what stands against the first that is wrong."""
    if value is None:
        return {}
    if type(value) is not dict:
        return type_fault(value, 'an object, such as {"0x1401": "1201159"}')
    if len(value) > MOST_TLVS:
        return Fault(f"has {len(value)} TLVs, {MOST_TLVS} are the most", FaultCode.TOO_LONG)
    checked: dict[str, str] = {}
    for name, given in value.items():
        tag = _tag(name)
        if isinstance(tag, Fault):
            return tag
        fault = _value_fault(tag, given)
        if fault is not None:
            return fault
        if tag in checked:
            return Fault(f"has {tag} twice", FaultCode.GIVEN_TWICE)
        checked[tag] = given
    return checked


def untaken(tlvs: Mapping[str, str], taken: Collection[frozenset[str]]) -> Fault | None:
    """What stands against TLVs that no carrier of a route takes; `taken`: the `message_tlvs` of each of them."""
    if any(tlvs.keys() <= tags for tags in taken):
        return None
    nowhere = [tag for tag in tlvs if not any(tag in tags for tags in taken)]
    together = "" if nowhere else " together"
    names = ", ".join(nowhere or tlvs)
    told = f"has {names}, which no carrier of its route takes{together}: message_tlvs of a carrier lets a TLV pass"
    return Fault(told, FaultCode.TLV_NOT_TAKEN)


def _tag(name: str) -> str | Fault:
    digits = name[2:] if name[:2].lower() == "0x" else ""
    # int() would take signs, spaces and underscores too.
    is_hex = 0 < len(digits) <= 4 and all(digit in "0123456789abcdefABCDEF" for digit in digits)
    tag = int(digits, 16) if is_hex else 0
    if not 0 < tag <= _LARGEST_TAG:
        return Fault(f"has '{shown(name, _MOST_NAME)}', which is no tag; write it as 0x1401", FaultCode.NOT_A_TAG)
    if tag in GATEWAY_TAGS:
        return Fault(f"has 0x{tag:04x}, which the gateway sets itself; leave it out", FaultCode.TAG_NOT_ALLOWED)
    return f"0x{tag:04x}"


def _value_fault(tag: str, value: Any) -> Fault | None:
    if type(value) is not str:
        found = type_fault(value, "a string")
        return Fault(f"has {tag}, which {found.words}", found.code)
    fault = unstorable(value)
    if fault is not None:
        return Fault(f"has {tag}, which {fault.words}", fault.code)
    try:
        octets = tlv_octets(value)
    except ValueError:
        return Fault(f"has {tag}, which is no hexadecimal; write octets as hex:0501", FaultCode.NOT_HEXADECIMAL)
    if len(octets) > MOST_OCTETS:
        return Fault(f"has {tag} with {len(octets)} octets, {MOST_OCTETS} are the most", FaultCode.TOO_LONG)
    return None


def asked_of(get: Callable[[str], Any], errors: ItemErrors) -> MessageOptions:
    """What is asked of the text; what is wrong with it is told, and is as if it were not asked for."""
    max_parts, flash, tlvs = check_max_parts(get("max_parts")), check_flag(get("flash")), check_tlvs(get("tlvs"))
    found = {"max_parts": max_parts, "flash": flash, "tlvs": tlvs, "transliterate": check_flag(get("transliterate"))}
    errors.add_faults(found.items())
    if isinstance(max_parts, Fault) or isinstance(flash, Fault) or isinstance(tlvs, Fault):
        return NOTHING_ASKED
    return MessageOptions(max_parts, flash, tlvs)

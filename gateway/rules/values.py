"""JSON values as fields take them: types, and what nothing behind us can hold. What a field means is its own rule's."""

from typing import Any

from gateway.rules.faults import Fault, FaultCode

LARGEST_INTEGER = (1 << 63) - 1
"""Of the databases below."""
MOST_SHOWN = 40
"""Characters of a caller's own name for something, in an answer."""

_KINDS: dict[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def type_fault(value: Any, wanted: str) -> Fault:
    """`must be a string, not a number`; an integer that nothing here could hold is named as such."""
    if type(value) is int and not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        return Fault("is an integer beyond 64 bits", FaultCode.INTEGER_TOO_LARGE)
    return Fault(f"must be {wanted}, not {_KINDS.get(type(value), 'this')}", FaultCode.WRONG_TYPE)


def shown(name: str, most: int = MOST_SHOWN) -> str:
    """A caller's own name for a field, as it can stand in an answer."""
    return name[:most].encode("utf-8", "replace").decode()


def unstorable(text: str) -> Fault | None:
    """What is in a string although JSON allows it and nothing behind us does."""
    if "\0" in text:
        return Fault(f"has U+0000 at position {text.index(chr(0)) + 1}; leave it out", FaultCode.NUL)
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return Fault(f"has half of a surrogate pair at position {error.start + 1}", FaultCode.LONE_SURROGATE)
    return None


def read_label(value: Any, most: int) -> str | Fault:
    """A short name of the caller's own."""
    if type(value) is not str:
        return type_fault(value, "a string")
    if not value:
        return Fault("is empty; leave it out or give it a value", FaultCode.EMPTY)
    is_printable = value.isprintable()
    if is_printable and len(value) <= most:
        return value
    # What can be printed can be stored.
    fault = None if is_printable else unstorable(value)
    if fault is not None:
        return fault
    if len(value) > most:
        return Fault(f"is too long: {len(value)} characters, {most} are the most", FaultCode.TOO_LONG)
    return Fault("has a character that cannot be printed", FaultCode.NOT_PRINTABLE)

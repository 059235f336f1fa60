"""A PDU of the trace as one readable line: time, bind, direction, name, sequence number, status, fields, TLVs. Pure."""

from dataclasses import replace

from gateway.carriers.trace_contents import UserData
from gateway.carriers.trace_fields import Kind, Layout, TlvField, is_shown, redacted, take_apart
from gateway.carriers.trace_seen import Seen
from gateway.rules.timestamps import rfc3339
from gateway.rules.ways import USUAL
from protocol.command_status import name_of
from protocol.fields import read_header
from protocol.numbers import RESPONSE_BIT, CommandId, Tlv
from protocol.reading import read_text
from protocol.writing import TextWay

_COMMANDS = {int(command): command.name.lower() for command in CommandId}
_TLVS = {int(tag): tag.name.lower() for tag in Tlv}
_STRINGS = frozenset({int(Tlv.RECEIPTED_MESSAGE_ID), int(Tlv.ADDITIONAL_STATUS_INFO_TEXT)})
_PAYLOAD = int(Tlv.MESSAGE_PAYLOAD)
_NUMBERS_UP_TO = 4
_ALWAYS = frozenset({"esm_class", "data_coding", "registered_delivery"})
"""Shown though they are 0, which says something."""


def line(seen: Seen, way: TextWay = USUAL, *, show: bool) -> str:
    """Without numbers and texts unless they are to be shown, never with a password; one line, whatever came.

    `way`: how the carrier takes texts, and gives them.
    """
    arrow = "->" if seen.sent else "<-"
    head = f"{rfc3339(seen.at_ns // 1_000_000)} {seen.bind} {arrow}"
    if not seen.frame:
        return f"{head} {seen.note}"
    _, command_id, status, sequence = read_header(seen.frame)
    words = [head, _COMMANDS.get(command_id, f"0x{command_id:08x}"), f"sequence={sequence}"]
    if command_id & RESPONSE_BIT or status:
        words.append(f"status={name_of(status)}")
    layout = take_apart(seen.frame)
    frame = redacted(seen.frame, layout, show=show)
    words += _fields(frame, layout)
    words += _content(seen.frame, frame, layout, way if show else None)
    words += [_tlv(frame, tlv, show=show) for tlv in layout.tlvs if tlv.tag != _PAYLOAD]
    if layout.rest < len(frame):
        unread = frame[layout.rest :]
        whole = show and unread == seen.frame[layout.rest :]
        words.append(f"unread=0x{unread.hex()}" if whole else f"unread=({len(unread)} octets)")
    return " ".join(words)


def _fields(frame: bytes, layout: Layout) -> list[str]:
    octets = {one.name: frame[one.start] for one in layout.fields if one.kind is Kind.OCTET}
    words = []
    for one in layout.fields:
        value = frame[one.start : one.end]
        if one.kind is Kind.ADDRESS:
            stem = {"source_addr": "source_addr", "destination_addr": "dest_addr", "esme_addr": "esme_addr"}.get(
                one.name
            )
            kind = f"{octets.get(f'{stem}_ton', 0)}:{octets.get(f'{stem}_npi', 0)}:" if stem else ""
            if value or stem:
                words.append(f"{one.name}={kind}{_readable(value)}")
        elif one.kind is Kind.SECRET:
            words.append(f"{one.name}=***")
        elif one.kind is Kind.OCTET and not one.name.endswith(("_ton", "_npi")):
            if value[0] or one.name in _ALWAYS:
                words.append(f"{one.name}={_octet(one.name, value[0])}")
        elif one.kind is Kind.TEXT and (value or one.name == "message_id"):
            words.append(f"{one.name}={_readable(value)}")
    return words


def _content(original: bytes, frame: bytes, layout: Layout, way: TextWay | None) -> list[str]:
    """The text as it reads on the way, or as its length where it is not shown; then of a receipt what it says."""
    octets = {one.name: frame[one.start] for one in layout.fields if one.kind is Kind.OCTET}
    words = []
    for number, content in enumerate(layout.contents, 1):
        if content.start == content.end and len(layout.contents) > number:
            continue
        if content.header:
            words.append(f"udh={_header(original, content, show=way is not None)}")
        told = b"".join([original[start:end] for start, end in content.told])
        if way is not None:
            text = _text(frame, content, octets.get("data_coding", 0), way)
            words.append(f"text={_quoted(text)}")
        elif told:
            words.append(f"receipt={_quoted(told.decode('latin-1').rstrip())}")
        else:
            words.append(f"text=({content.end - content.text} octets)")
    return words


def _text(frame: bytes, content: UserData, data_coding: int, way: TextWay) -> str:
    # The SMSC writes a receipt itself, and packs none.
    its_way = replace(way, packed=False) if content.told else way
    has_header = content.text > content.start
    text, _ = read_text(frame[content.start : content.end], data_coding, has_header, its_way)
    return text


def _header(frame: bytes, content: UserData, *, show: bool) -> str:
    """In hexadecimal; `xx` for what may not be seen."""
    if show:
        return frame[content.start : content.text].hex()
    seen = {at for start, end in content.header for at in range(start, end)}
    return "".join([f"{frame[at]:02x}" if at in seen else "xx" for at in range(content.start, content.text)])


def _tlv(frame: bytes, tlv: TlvField, *, show: bool) -> str:
    name = _TLVS.get(tlv.tag, f"0x{tlv.tag:04x}")
    value = frame[tlv.start : tlv.end]
    if not show and not is_shown(tlv.tag):
        return f"{name}=({len(value)} octets)"
    if tlv.tag in _STRINGS:
        return f"{name}={_readable(value.rstrip(bytes(1)))}"
    if tlv.tag in _TLVS and 0 < len(value) <= _NUMBERS_UP_TO and len(value) != 3:
        return f"{name}={int.from_bytes(value, 'big')}"
    return f"{name}=0x{value.hex()}"


def _octet(name: str, value: int) -> str:
    return f"0x{value:02x}" if name in ("esm_class", "interface_version") else str(value)


def _readable(value: bytes) -> str:
    text = value.decode("latin-1")
    return text if text and all("!" <= character <= "~" and character != '"' for character in text) else _quoted(text)


def _quoted(text: str) -> str:
    """On one line and without what would steer a terminal."""
    shown = (c if c.isprintable() and c not in '"\\' else c.encode("unicode_escape").decode() for c in text)
    return '"' + "".join("\\" + c if c in '"\\' and len(c) == 1 else c for c in shown) + '"'

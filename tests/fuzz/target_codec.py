"""Fuzz target: what a frame holds is a PDU or a BadPdu; what is written again reads the same, to smpplib too."""

from dataclasses import fields

from draws import Draws
from frames import frames
from smpplib import smpp

from protocol.codec import decode, encode
from protocol.errors import BadPdu, LocalProtocolError
from protocol.numbers import CommandId
from protocol.pdus import DataSm, DeliverSm, SubmitSm

LONGEST_INPUT = 1024
_KINDS = [int(command_id) for command_id in CommandId]


def check(octets: bytes) -> None:
    frame = _framed(octets)
    sequence = int.from_bytes(frame[12:16], "big")
    try:
        pdu = decode(frame)
    except BadPdu as fault:
        assert len(frame) < 16 or fault.sequence == sequence
        return
    assert pdu.sequence == sequence
    repr(pdu)
    if isinstance(pdu, DeliverSm | DataSm):
        assert isinstance(pdu.octets, bytes)
    try:
        again = encode(pdu)
    except LocalProtocolError:
        return  # a field longer than its place: taken from a peer, never sent by us
    assert int.from_bytes(again[:4], "big") == len(again)
    assert decode(again) == pdu
    assert encode(decode(again)) == again
    if isinstance(pdu, SubmitSm | DeliverSm) and not pdu.tlvs:
        _compare(pdu, again)


def _framed(octets: bytes) -> bytes:
    """Three in four become a PDU of a known kind; the others keep the command_id they have."""
    draws = Draws(octets)
    if draws.number() % 4 == 0:
        return draws.rest()
    kind = draws.choice(_KINDS).to_bytes(4, "big")
    status, sequence, body = draws.octets(4).ljust(4, b"\0"), draws.octets(4).ljust(4, b"\0"), draws.rest()
    return (16 + len(body)).to_bytes(4, "big") + kind + status + sequence + body


def _compare(pdu: SubmitSm | DeliverSm, frame: bytes) -> None:
    theirs = smpp.parse_pdu(frame, sequence=0, allow_unknown_opt_params=True)
    for field in fields(pdu):
        if field.name in ("sequence", "tlvs"):
            continue
        ours = getattr(pdu, field.name)
        # It stops before an empty short_message, and gives None.
        told = getattr(theirs, field.name) or (b"" if field.name == "short_message" else getattr(theirs, field.name))
        assert told == (ours.encode("latin-1") if isinstance(ours, str) else ours), field.name


def seeds() -> list[bytes]:
    raw = [b"\0" + frame for frame in frames()]
    known = [
        b"\1" + bytes((_KINDS.index(int.from_bytes(frame[4:8], "big")),)) + frame[8:]
        for frame in frames()
        if int.from_bytes(frame[4:8], "big") in _KINDS
    ]
    return raw + known

"""The test messages of `sluice probe`: which texts, cut and marked how. What becomes of them is told by others."""

import argparse
from dataclasses import replace

from gateway.carriers.addresses import Addresses
from gateway.cli.probe_observed import Trial
from gateway.rules.ways import way_of
from gateway.settings import Carrier
from gateway.settings.tlvs import octets_by_tag
from protocol.fields import read_tlvs
from protocol.numbers import Tlv
from protocol.pdus import SubmitSm
from protocol.segments import LongMessages
from protocol.text import encoding_of
from protocol.writing import write

MOST_HASTY = 2_000
"""Of the messages that look for the pace: enough to go through 500 a second, and no flood."""
CODINGS = (0, 1, 3, 241)
"""data_coding of which carriers differ what it means; 241 is GSM 03.38 of class 1 (3GPP TS 23.038 §4)."""
TELLING = bytes((0x24, 0x40, 0x5F, 0x7E, 0xE4, 0xA4))
"""Other characters in each alphabet; see probe_alphabets."""
TELLING_MARK = "Sluice probe 5, data_coding "
"""Begins the texts that hold them; the data_coding of each and a colon follow."""
_TEXTS = {
    "GSM 03.38": "Sluice probe 1: @£$é {[~]}^|\\ €",
    "UCS-2": "Sluice probe 2: Ω ж 你好",
}
_TOLD = "Sluice probe 3, with user_message_reference"
_LONG = "Sluice probe 4, long by {}: " + "0123456789" * 16
_REFERENCE = 0x51


def trials(carrier: Carrier, arguments: argparse.Namespace) -> list[Trial]:
    """Raises LocalProtocolError and ValueError for texts or numbers that the carrier's settings cannot carry."""
    number = arguments.to.removeprefix("+")
    if not number.isascii() or not number.isdigit():
        raise ValueError(f"{arguments.to!r} is no number; write it as +34600000001")
    sender = arguments.sender
    found = [Trial(label, text, _segments(carrier, text, sender, number)) for label, text in _TEXTS.items()]
    found.append(_told(carrier, sender, number))
    if arguments.long:
        found += [_long(carrier, form, at, sender, number) for at, form in enumerate(_forms(carrier))]
    if arguments.alphabets:
        found += [_telling(carrier, coding, sender, number) for coding in CODINGS]
    return found


def long_label(form: LongMessages) -> str:
    """Of a long text whose parts are joined so."""
    return f"long by {form}"


def coding_label(coding: int) -> str:
    """Of the text that tells what this data_coding means."""
    return f"data_coding {coding}"


def hasty(trial: Trial) -> SubmitSm:
    """What is sent over and over to see how much a carrier takes: nobody waits for its receipt."""
    return replace(trial.segments[0], short_message=b"Sluice probe: how fast", data_coding=0, registered_delivery=0)


def _forms(carrier: Carrier) -> list[LongMessages]:
    """Those whose TLVs the carrier's version has."""
    takes_tlvs = way_of(carrier).takes_tlvs
    return [form for form in LongMessages if takes_tlvs or form in (LongMessages.UDH8, LongMessages.UDH16)]


def _told(carrier: Carrier, sender: str, number: str) -> Trial:
    segments = _segments(carrier, _TOLD, sender, number)
    for pdu in segments:
        pdu.tlvs[int(Tlv.USER_MESSAGE_REFERENCE)] = _REFERENCE.to_bytes(2)
    return Trial("reference", _TOLD, segments)


def _long(carrier: Carrier, form: LongMessages, at: int, sender: str, number: str) -> Trial:
    text = _LONG.format(form.value)
    # A reference of its own, so that a phone does not join the parts of two ways.
    segments = _segments(carrier, text, sender, number, form, _REFERENCE + 1 + at)
    return Trial(long_label(form), text, segments)


def _telling(carrier: Carrier, coding: int, sender: str, number: str) -> Trial:
    words = f"{TELLING_MARK}{coding}: "
    (pdu,) = _segments(carrier, words, sender, number)
    pdu = replace(pdu, short_message=words.encode() + TELLING, data_coding=coding)
    return Trial(coding_label(coding), words, [pdu], coding=coding)


def _segments(
    carrier: Carrier,
    text: str,
    sender: str,
    number: str,
    form: LongMessages = LongMessages.UDH8,
    reference: int = _REFERENCE,
) -> list[SubmitSm]:
    addresses = Addresses(carrier)
    source = addresses.source(sender)
    way = replace(way_of(carrier), long_messages=form)
    own = octets_by_tag(carrier.tlvs)
    return [
        SubmitSm(
            service_type=carrier.service_type,
            source_addr_ton=source.ton,
            source_addr_npi=source.npi,
            source_addr=source.addr,
            dest_addr_ton=addresses.dest_ton,
            dest_addr_npi=addresses.dest_npi,
            destination_addr=f"+{number}".removeprefix(addresses.mark),
            esm_class=segment.esm_class,
            registered_delivery=1,
            data_coding=segment.data_coding,
            short_message=segment.short_message,
            tlvs=own | read_tlvs(segment.tlvs, 0),
        )
        for segment in write(text, encoding_of(text), way, reference, ucs2_allowed=True)
    ]

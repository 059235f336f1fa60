"""What must hold between the settings of one carrier that are each fine alone: times that fit, what needs another."""

from collections.abc import Iterator

from gateway.settings.carriers import Carrier
from gateway.settings.failures import Action
from gateway.settings.local_addresses import is_of_other_family
from gateway.settings.problems import Fault
from gateway.settings.types import InterfaceVersion, format_duration, split_address
from protocol.alphabets import Alphabet
from protocol.segments import LongMessages

_UNNOTICED_MOST_SECONDS = 900.0


def carrier_contradictions(carrier: Carrier) -> Iterator[Fault]:
    """What contradicts itself in one carrier's settings, or would do nothing."""
    for check in (_hosts, _local_address, _times, _breaker, _stops, _outbind, _texts, _without_tlvs):
        yield from check(carrier)


def _hosts(carrier: Carrier) -> Iterator[Fault]:
    at = ("carriers", carrier.name)
    if carrier.hosts:
        return
    if not carrier.outbind_listen:
        reason = 'is missing; write the addresses that the carrier gave, such as ["smpp.telco.example:2775"]'
        yield Fault((*at, "hosts"), f"{reason}, or outbind_listen where it only calls")
    elif not carrier.outbind_from:
        reason = "is missing, and without hosts nobody could call; write the carrier's networks"
        yield Fault((*at, "outbind_from"), f'{reason}, such as ["198.51.100.0/24"]')


def _local_address(carrier: Carrier) -> Iterator[Fault]:
    at = ("carriers", carrier.name)
    if not carrier.local_address:
        return
    if not carrier.hosts:
        yield Fault((*at, "local_address"), "does nothing without hosts: it is the carrier that connects; take it out")
    own = carrier.local_address[0]
    for host in carrier.hosts:
        if is_of_other_family(own, split_address(host)[0]):
            reason = f"has {host}, which can't be reached from local_address {own}: one is IPv4, the other IPv6"
            yield Fault((*at, "hosts"), f"{reason}; give both of one kind")


def _times(carrier: Carrier) -> Iterator[Fault]:
    at = ("carriers", carrier.name)
    if carrier.reconnect_floor > carrier.reconnect_ceiling:
        ceiling = format_duration(carrier.reconnect_ceiling)
        yield Fault((*at, "reconnect_floor"), f'is above reconnect_ceiling ("{ceiling}"); lower it or raise that')
    unnoticed = carrier.enquire_link_idle + (carrier.enquire_link_misses + 1) * carrier.enquire_link_timeout
    if unnoticed > _UNNOTICED_MOST_SECONDS:
        yield Fault(
            (*at, "enquire_link_timeout"),
            f"together with enquire_link_idle and enquire_link_misses leaves a dead link unnoticed for "
            f'"{format_duration(unnoticed)}"; bring it to "{format_duration(_UNNOTICED_MOST_SECONDS)}" or less',
        )


def _breaker(carrier: Carrier) -> Iterator[Fault]:
    """A usual value that the other makes pointless is no fault: nobody chose it, and `sluice check` prints it."""
    at = ("carriers", carrier.name)
    latency, least = carrier.breaker_latency, carrier.receipt_silence_least
    if latency > carrier.response_timeout and latency != _usual("breaker_latency"):
        timeout = format_duration(carrier.response_timeout)
        reason = f'is above response_timeout ("{timeout}"), where it would never be seen; lower it'
        yield Fault((*at, "breaker_latency"), reason)
    if 0 < carrier.receipt_silence < least and least != _usual("receipt_silence_least"):
        longest = format_duration(carrier.receipt_silence)
        yield Fault((*at, "receipt_silence_least"), f'is above receipt_silence ("{longest}"); lower it or raise that')


def _usual(key: str) -> object:
    return Carrier.model_fields[key].default


def _stops(carrier: Carrier) -> Iterator[Fault]:
    """It is the breaker that stops a carrier."""
    if carrier.breaker:
        return
    stopping: list[tuple[str, str]] = []
    stopping += [("on_status", str(key)) for key, action in carrier.on_status.items() if action is Action.STOP]
    stopping += [("on_receipt", key) for key, action in carrier.on_receipt.items() if action is Action.STOP]
    for table, key in stopping:
        reason = "would stop nothing, since breaker is false; write another action, or let it have its breaker"
        yield Fault(("carriers", carrier.name, table, key), reason)


def _outbind(carrier: Carrier) -> Iterator[Fault]:
    at = ("carriers", carrier.name)
    if carrier.outbind_listen and carrier.tls is not None and carrier.tls.certificate_file is None:
        reason = "is missing, and outbind_listen needs it: the carrier's connections are met with TLS too"
        yield Fault((*at, "tls", "certificate_file"), reason)
    if carrier.outbind_from and not carrier.outbind_listen:
        reason = "does nothing without outbind_listen; give that too, or take it out"
        yield Fault((*at, "outbind_from"), reason)


def _texts(carrier: Carrier) -> Iterator[Fault]:
    at = ("carriers", carrier.name)
    if carrier.alphabet is not Alphabet.GSM7:
        asked = {"packed": carrier.packed, "national_tables": bool(carrier.national_tables)}
        for key in (key for key, is_asked in asked.items() if is_asked):
            yield Fault((*at, key), f'needs alphabet "gsm7", and that is "{carrier.alphabet.value}"; take it out')
    if carrier.data_coding == carrier.ucs2_data_coding:
        # Under the key that was given, where the other is the usual one.
        keys = ["data_coding", "ucs2_data_coding"]
        key, other = keys if "data_coding" in carrier.model_fields_set else reversed(keys)
        reason = f"is {carrier.data_coding}, as {other} is, so nobody could tell texts in UCS-2 from others"
        yield Fault((*at, key), f"{reason}; give another")


def _without_tlvs(carrier: Carrier) -> Iterator[Fault]:
    """Optional parameters came with SMPP 3.4; a carrier that speaks 3.3 takes them for garbage."""
    if carrier.interface_version is not InterfaceVersion.V3_3:
        return
    asked = {
        "tlvs": bool(carrier.tlvs),
        "message_tlvs": bool(carrier.message_tlvs),
        "user_message_reference": carrier.user_message_reference,
        "long_messages": carrier.long_messages in (LongMessages.SAR, LongMessages.PAYLOAD),
    }
    for key in (key for key, is_asked in asked.items() if is_asked):
        yield Fault(("carriers", carrier.name, key), 'needs TLVs, which interface_version "3.3" has not; take it out')

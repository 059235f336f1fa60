"""A message's sender and recipient as SMPP addresses of one carrier, and a peer's address as a number: pure.

What kind of address a sender is, is decided by gateway.rules.senders; a carrier's settings may say otherwise.
"""

from typing import NamedTuple

from gateway.rules.senders import address_type
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.settings.patterns import bare

INTERNATIONAL = 1
ISDN = 1
"""TON and NPI of an E.164 number (SMPP 3.4 §5.2.5, §5.2.6)."""


class Address(NamedTuple):
    """TON, NPI and the address itself."""

    ton: int
    npi: int
    addr: str


class Addresses:
    """How one carrier wants addresses written."""

    def __init__(self, settings: CarrierSettings) -> None:
        self._keeps_plus = settings.keep_plus
        self.mark = "" if settings.keep_plus else "+"
        """What is taken off a recipient."""
        self._source_ton = settings.source_ton
        self._source_npi = settings.source_npi
        self.dest_ton = INTERNATIONAL if settings.dest_ton is None else settings.dest_ton
        self.dest_npi = ISDN if settings.dest_npi is None else settings.dest_npi

    def source(self, sender: str) -> Address:
        """The source address of a sender."""
        ton, npi = address_type(sender)
        plus = "+" if self._keeps_plus and ton == INTERNATIONAL else ""
        return Address(
            ton if self._source_ton is None else self._source_ton,
            npi if self._source_npi is None else self._source_npi,
            plus + bare(sender),
        )


def e164(ton: int, addr: str) -> str:
    """The number behind a peer's address: with its plus where the TON says it is international, else as it came."""
    return f"+{addr}" if ton == INTERNATIONAL and addr.isdigit() else addr

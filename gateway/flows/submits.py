"""A claim as the submit_sm of its carrier: addresses, validity, and a receipt for every part. Pure."""

from functools import lru_cache

from gateway.carriers.addresses import Addresses
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.store.interface import Claim
from protocol.pdus import SubmitSm
from protocol.times import format_relative

WITH_RECEIPT = 1
"""registered_delivery: a receipt on success and on failure (SMPP 3.4 §5.2.17). On every part: carriers receipt any."""


class Submits:
    """How one carrier wants them."""

    def __init__(self, settings: CarrierSettings) -> None:
        self._addresses = Addresses(settings)
        self._service_type = settings.service_type

    def of(self, claim: Claim, now: int) -> list[SubmitSm]:
        """One for each claimed segment, in their order. `now` in milliseconds."""
        addresses, service_type = self._addresses, self._service_type
        dest_ton, dest_npi = addresses.dest_ton, addresses.dest_npi
        source_ton, source_npi, source_addr = addresses.source(claim.sender)
        destination_addr = claim.recipient.removeprefix("+")
        validity_period = _validity((claim.expires_at - now) // 1000)
        return [
            SubmitSm(
                service_type,
                source_ton,
                source_npi,
                source_addr,
                dest_ton,
                dest_npi,
                destination_addr,
                claimed.segment.esm_class,
                0,
                0,
                "",
                validity_period,
                WITH_RECEIPT,
                0,
                claimed.segment.data_coding,
                0,
                claimed.segment.short_message,
            )
            for claimed in claim.segments
        ]


@lru_cache(maxsize=4096)
def _validity(seconds: int) -> str:
    """validity_period for what is left. At least a second, since zero has no meaning that carriers agree on."""
    return format_relative(max(1, seconds))

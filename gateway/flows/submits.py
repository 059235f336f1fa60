"""A claimed segment as the submit_sm of its carrier: addresses, validity, and a receipt for every part. Pure."""

from functools import lru_cache

from gateway.carriers.addresses import Addresses
from gateway.settings.carriers import Carrier as CarrierSettings
from gateway.store.interface import Claim
from protocol.pdus import SubmitSm
from protocol.segments import Segment
from protocol.submit_bodies import submit_body, submit_head, submit_tail
from protocol.times import format_relative

WITH_RECEIPT = 1
"""registered_delivery: a receipt on success and on failure (SMPP 3.4 §5.2.17). On every part: carriers receipt any."""
_HEADS_KEPT = 10_000


class Submits:
    """How one carrier wants them. Few senders send nearly everything, so what a sender's messages share is kept."""

    def __init__(self, settings: CarrierSettings) -> None:
        self._addresses = Addresses(settings)
        self._service_type = settings.service_type
        self._head = lru_cache(maxsize=_HEADS_KEPT)(self._make_head)

    def body(self, claim: Claim, segment: Segment, now: int) -> bytes:
        """The body of the submit_sm; `now` in milliseconds. Raises LocalProtocolError where no frame can hold it."""
        return submit_body(
            self._head(claim.sender),
            claim.recipient.removeprefix("+"),
            _tail((claim.expires_at - now) // 1000, segment.esm_class, segment.data_coding),
            segment.short_message,
        )

    def _make_head(self, sender: str) -> bytes:
        addresses = self._addresses
        source = addresses.source(sender)
        return submit_head(
            SubmitSm(self._service_type, source.ton, source.npi, source.addr, addresses.dest_ton, addresses.dest_npi)
        )


@lru_cache(maxsize=4096)
def _tail(seconds: int, esm_class: int, data_coding: int) -> bytes:
    """`seconds`: what is left. At least one is asked for, since zero has no meaning that carriers agree on."""
    return submit_tail(
        SubmitSm(
            esm_class=esm_class,
            validity_period=format_relative(max(1, seconds)),
            registered_delivery=WITH_RECEIPT,
            data_coding=data_coding,
        )
    )

"""What is worth a word in the settings of a carrier and no reason to stop: said by `sluice check` and at the start."""

from collections.abc import Iterator

from gateway.settings.carriers import Carrier
from gateway.settings.types import CarrierMode, InterfaceVersion

_PASSWORD = 8
_SYSTEM_ID = 15
"""Characters that SMPP 3.4 §5.2.1 and §5.2.2 allow."""


def cautions(carrier: Carrier) -> Iterator[str]:
    """Each names its key. No secret is in them."""
    if len(carrier.password.get_secret_value()) > _PASSWORD:
        yield f"password is longer than the {_PASSWORD} characters of SMPP 3.4; it is sent whole"
    if len(carrier.system_id) > _SYSTEM_ID:
        yield f"system_id is longer than the {_SYSTEM_ID} characters of SMPP 3.4; it is sent whole"
    if carrier.tls is not None and not carrier.tls.verify:
        yield "tls.verify is false: whoever stands between can read and change all, the password too"
    if carrier.interface_version is InterfaceVersion.V3_3 and carrier.mode is CarrierMode.TRANSCEIVER:
        yield 'mode is "transceiver", which SMPP 3.3 has not; "transmitter+receiver" is what it knows'
    if not carrier.hosts and carrier.mode is not CarrierMode.TRANSCEIVER:
        yield 'hosts is empty and mode "transmitter+receiver": an outbind makes a receiver, so nothing is ever sent'
    if carrier.holds_schedules and not carrier.cancel_sm:
        yield "schedule_delivery_time without cancel_sm: nobody can cancel what the carrier holds for later"

"""The three headers of Standard Webhooks (https://www.standardwebhooks.com): by them a receiver knows a POST for ours.

Secrets are read and decoded by gateway.settings; what is signed and when is told by gateway.flows.notify.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterable

Header = tuple[bytes, bytes]


class Signer:
    """Signs for one account with all of its keys at once, so that a receiver may know the old one or the new one."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[bytes]) -> None:
        """The decoded keys. Raises ValueError when there is none: an unsigned webhook is never sent."""
        self._keys = tuple(keys)
        if not self._keys or not all(self._keys):
            raise ValueError("there is no secret to sign with")

    def headers(self, webhook_id: str, body: bytes, at_seconds: int) -> list[Header]:
        """The headers of one try at `at_seconds` (Unix time). The id stays the same through every try."""
        name, stamp = webhook_id.encode(), b"%d" % at_seconds
        signed = b"%b.%b.%b" % (name, stamp, body)
        signatures = b" ".join(b"v1," + b64encode(hmac.digest(key, signed, "sha256")) for key in self._keys)
        return [(b"webhook-id", name), (b"webhook-timestamp", stamp), (b"webhook-signature", signatures)]

"""The three headers of Standard Webhooks (https://www.standardwebhooks.com): by them a receiver knows a POST for ours.

Secrets are read and decoded by gateway.settings; what is signed and when is told by gateway.flows.notify.
"""

import hashlib
from binascii import b2a_base64
from collections.abc import Iterable

Header = tuple[bytes, bytes]
_BLOCK = hashlib.sha256().block_size


class _Key:
    """HMAC-SHA256 (RFC 2104) with the key's two blocks hashed once: half of what hmac.digest costs for an event."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        key = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in key))
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in key))

    def signature(self, signed: bytes) -> bytes:
        """As it stands in the header."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(signed)
        outer.update(inner.digest())
        return b"v1," + b2a_base64(outer.digest(), newline=False)


class Signer:
    """Signs for one account with all of its keys at once, so that a receiver may know the old one or the new one."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[bytes]) -> None:
        """The decoded keys. Raises ValueError when there is none: an unsigned webhook is never sent."""
        given = tuple(keys)
        if not given or not all(given):
            raise ValueError("there is no secret to sign with")
        self._keys = [_Key(key) for key in given]

    def headers(self, webhook_id: str, body: bytes, at_seconds: int) -> list[Header]:
        """The headers of one try at `at_seconds` (Unix time). The id stays the same through every try."""
        name, stamp = webhook_id.encode(), b"%d" % at_seconds
        signed = b"%b.%b.%b" % (name, stamp, body)
        signatures = b" ".join([key.signature(signed) for key in self._keys])
        return [(b"webhook-id", name), (b"webhook-timestamp", stamp), (b"webhook-signature", signatures)]

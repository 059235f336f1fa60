"""Whether a webhook is from whom it says: the check of https://www.standardwebhooks.com, for receivers."""

import hmac
from base64 import b64encode
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


def fault_of(headers: Mapping[bytes, bytes], body: bytes, key: bytes, now: float) -> str | None:
    """What is wrong with the signature; None when it is right. `now` in Unix seconds, header names in lower case."""
    webhook_id = headers.get(b"webhook-id", b"")
    stamp = headers.get(b"webhook-timestamp", b"")
    signatures = headers.get(b"webhook-signature", b"").split()
    if not (webhook_id and stamp and signatures):
        return "a header is missing"
    if not stamp.isdigit() or abs(now - int(stamp)) > TOLERANCE_SECONDS:
        return "it is too old, or from the future"
    signed = b"%b.%b.%b" % (webhook_id, stamp, body)
    right = b"v1," + b64encode(hmac.digest(key, signed, "sha256"))
    if not any(hmac.compare_digest(right, signature) for signature in signatures):
        return "it is not signed with our secret"
    return None

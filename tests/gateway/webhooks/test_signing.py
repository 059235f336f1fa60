"""Signatures, checked by the public implementation of Standard Webhooks."""

import base64
import json
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.webhooks.signing import Signer

OLD, NEW, OTHER = bytes(range(24)), bytes(range(32, 64)), b"x" * 24
BODY = json.dumps({"id": "evt_1", "text": "ñ🙂"}, ensure_ascii=False).encode()


def secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def signed(keys: list[bytes], at_seconds: int | None = None) -> dict[str, str]:
    headers = Signer(keys).headers("evt_1", BODY, int(time.time()) if at_seconds is None else at_seconds)
    return {name.decode(): value.decode() for name, value in headers}


def test_a_receiver_with_the_secret_accepts_it() -> None:
    assert Webhook(secret(OLD)).verify(BODY, signed([OLD])) == json.loads(BODY)


def test_while_secrets_change_a_receiver_may_know_either() -> None:
    headers = signed([OLD, NEW])
    assert headers["webhook-signature"].count("v1,") == 2
    assert Webhook(secret(OLD)).verify(BODY, headers)
    assert Webhook(secret(NEW)).verify(BODY, headers)


def test_another_secret_another_body_another_id_and_another_time_are_refused() -> None:
    headers = signed([OLD])
    stamp = int(headers["webhook-timestamp"])
    wrong = [
        (OTHER, BODY, {}),
        (OLD, BODY + b" ", {}),
        (OLD, BODY, {"webhook-id": "evt_2"}),
        (OLD, BODY, {"webhook-timestamp": str(stamp - 1)}),
    ]
    for key, body, changes in wrong:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret(key)).verify(body, {**headers, **changes})


def test_a_try_is_signed_with_its_own_time() -> None:
    assert signed([OLD], 1_700_000_000)["webhook-timestamp"] == "1700000000"
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret(OLD)).verify(BODY, signed([OLD], 1_700_000_000))


@pytest.mark.parametrize("keys", [[], [b""], [OLD, b""]])
def test_nothing_is_sent_unsigned(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="no secret"):
        Signer(keys)

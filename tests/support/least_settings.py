"""The least configuration there is, and how a test reads what load() says of one that is wrong."""

from collections.abc import Callable

import pytest

from gateway.settings import ConfigurationError, Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

LEAST = f"""
[carriers.telco]
hosts = ["smpp.telco.example:2775"]
system_id = "acme"
password = "hunter2hunter2"
[[routes]]
name = "rest"
tiers = ["telco"]
[accounts.shop]
tokens = [{{ sha256 = "{SHA}" }}]
senders = ["SHOP", "34600*"]
"""

Loads = Callable[..., Settings]


def refusal(loads: Loads, *arguments: str, **options: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        loads(*arguments, **options)
    return str(caught.value)


def of_account(line: str) -> str:
    return f"{LEAST}\n{line}"

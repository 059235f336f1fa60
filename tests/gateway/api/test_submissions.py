"""One message and bulks: the 201, what is refused and how it is told, and repeats with a key."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import trio
from conftest import House

KEYS_OF_A_MESSAGE = [
    "id", "client_id", "status", "from", "to", "text", "lane", "encoding", "segments", "allow_unicode", "campaign_id", "tag", "schedule",
    "expires_at", "created_at",
]  # fmt: skip

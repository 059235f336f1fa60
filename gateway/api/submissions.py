"""POST /v1/sms, /send and /v1/sms/bulk: from a body to its 201, rendered. Whether a message is taken is decided in gateway/flows/accept.

A 201 is answered only after the accept flow has returned, and so after the commit that holds the messages.
"""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, NoReturn

import trio
from msgspec import json
from quart import Response, g, request

from gateway import identifiers
from gateway.api import problems
from gateway.api.base import json_response
from gateway.api.bodies import LARGE_BODY, decode, idempotency_key, read_json
from gateway.api.problems import Problem, invalid_fields
from gateway.api.schemas import Bulk, Entity, ItemError, Message
from gateway.flows.accept import Accept, BulkAccepted, ClientIdInUse, OneAccepted, OneReplayed
from gateway.rules.faults import ItemErrors
from gateway.settings import Account
from gateway.store.interface import KeyReused

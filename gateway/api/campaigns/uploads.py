"""POST /v1/campaigns/sms: a campaign as JSON, or its recipients as NDJSON or CSV, from the first octet to its 202.

JSON is held whole, a large one at a time; the others are read as they are kept, so that no size of them costs memory.
What is kept is gateway/flows/load_campaign's.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

import trio
from msgspec import json
from quart import Response, g, request

from gateway.api import problem_types
from gateway.api.base import json_response
from gateway.api.bodies import key_of, refuse_compressed, refuse_other_charsets, wrong_type
from gateway.api.campaigns.bodies import CampaignBody, too_many_recipients
from gateway.api.campaigns.calls import CampaignReads, first_errors
from gateway.api.campaigns.queries import definition_of_query
from gateway.api.campaigns.views import campaign_of, first_answer, location
from gateway.api.problems import Problem, invalid_fields
from gateway.api.refusals import draining_problem
from gateway.api.repeats import REPLAYED, key_reused
from gateway.api.uploads.csv_records import CsvReader
from gateway.api.uploads.items import Items, Reader
from gateway.api.uploads.ndjson_lines import NdjsonReader
from gateway.api.uploads.streamed import CSV, JSON, NDJSON, Upload, upload_of
from gateway.desk.draining import DrainingDesk
from gateway.flows.load_campaign import LoadCampaign, Loaded, Order, TooManyRecipients, UnderWay
from gateway.identifiers import now_ms
from gateway.rules.campaign_checks import PHONE_NAMES, key_fault
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.settings import Settings
from gateway.store.campaigns.interface import CampaignRow, KnownCampaign, NotLoading
from gateway.store.interface import KeyReused

PATH = "/v1/campaigns/sms"
MOST_UPLOADS = 8
MOST_OF_ACCOUNT = 2
LARGE_AT_A_TIME = 1
"""JSON bodies above the limit of other bodies, each held in memory."""
TURN_SECONDS = 60.0
"""How long an upload waits for its turn, unread."""
JSON_SECONDS = 300.0
"""In which a JSON body has to arrive."""


class CampaignsKept(CampaignReads, Protocol):
    async def campaign_of_key(self, account: str, key: str) -> KnownCampaign | None: ...


class _Call(NamedTuple):
    account: str
    upload: Upload
    request_id: int
    header_key: str | None


class CampaignUploads:
    def __init__(self, settings: Settings, load: LoadCampaign, store: CampaignsKept, draining: DrainingDesk) -> None:
        self._load = load
        self._store = store
        self._draining = draining
        self._http = settings.http
        self._limits = settings.limits
        self._uploads = trio.Semaphore(MOST_UPLOADS)
        self._large = trio.Semaphore(LARGE_AT_A_TIME)
        self._of_account: dict[str, trio.Semaphore] = defaultdict(lambda: trio.Semaphore(MOST_OF_ACCOUNT))

    def reconfigure(self, settings: Settings) -> None:
        """Other settings; an upload under way ends by the limits that it began with or by these."""
        self._limits = settings.limits

    async def submit_campaign(self, account: str) -> Response:
        async with upload_of(request) as upload:
            keys = request.headers.getlist("Idempotency-Key")
            key = key_of(keys, "POST", PATH, b"")
            call = _Call(account, upload, g.request_id, None if key is None else key.key)
            return await self._by_type(call)

    async def _by_type(self, call: _Call) -> Response:
        kind = request.mimetype
        refuse_compressed(request)
        refuse_other_charsets(request)
        if kind in JSON:
            return await self._json(call)
        if kind in NDJSON:
            return await self._streamed(call, NdjsonReader())
        if kind in CSV:
            return await self._streamed(call, CsvReader())
        raise wrong_type(request, "application/json, application/x-ndjson or text/csv")

    async def _json(self, call: _Call) -> Response:
        if request.query_string:
            raise invalid_fields(
                {"query": ["is not taken with a JSON body: put the fields into the body"]},
                {"query": [FaultCode.UNKNOWN_FIELD.value]},
            )
        is_large = request.content_length is None or request.content_length > self._http.body_limit
        async with self._turn(call.account, self._large if is_large else None):
            octets = await _whole(call.upload, self._http.campaign_body_limit)
            body = CampaignBody(octets)
            most = self._limits.campaign_recipients_json
            await body.look_through(most)
            fields = body.definition
            if not body.has_recipients or body.count == 0:
                errors = ItemErrors()
                given = fields.pop("recipients", None)
                _add_no_recipients(errors, body.has_recipients, given)
                found = self._load.define(call.account, fields)
                if isinstance(found, ItemErrors):
                    errors.fields |= found.fields
                    errors.codes |= found.codes
                raise invalid_fields(errors.fields, errors.codes)
            return await self._take(call, fields, body.recipients(), most)

    async def _streamed(self, call: _Call, reader: Reader) -> Response:
        fields = definition_of_query(request)
        async with self._turn(call.account):
            recipients = _Recipients(call.upload, reader, self._http.campaign_upload_limit)
            if isinstance(reader, NdjsonReader):
                _join(fields, await recipients.definition())
            elif isinstance(found := self._load.define(call.account, fields), ItemErrors):
                # Told before anything is read, unless it is an earlier call again.
                return await self._again(call, fields, found)
            if not await recipients.look_ahead():
                raise invalid_fields({"recipients": ["has none"]}, {"recipients": [FaultCode.EMPTY.value]})
            return await self._take(call, fields, recipients, self._limits.campaign_recipients)

    async def _take(
        self, call: _Call, fields: dict[str, Any], recipients: AsyncIterator[list[Any]], most: int
    ) -> Response:
        defined = self._load.define(call.account, fields)
        if isinstance(defined, ItemErrors):
            return await self._again(call, fields, defined)
        key = _key(call.header_key, fields)
        if self._draining.is_draining and (key is None or await self._store.campaign_of_key(call.account, key) is None):
            raise draining_problem()
        order = Order(call.account, defined, key, call.request_id, most)
        try:
            outcome = await self._load.load(order, recipients, call.upload.finish)
        except TooManyRecipients:
            raise too_many_recipients(most) from None
        except NotLoading:
            raise Problem(
                problem_types.REQUEST_TIMEOUT, "The upload took too long, and has failed: begin it again."
            ) from None
        match outcome:
            case Loaded(row):
                return await self._answer(row, {})
            case KnownCampaign():
                return await self._repeated(call, outcome)
            case KeyReused():
                raise key_reused()
            case UnderWay():
                detail = "A campaign with this idempotency key is being loaded at this moment. Nothing was done."
                raise Problem(problem_types.REQUEST_UNDER_WAY, detail, headers={"Retry-After": "5"})

    async def _again(self, call: _Call, fields: dict[str, Any], errors: ItemErrors) -> Response:
        """What was right at first may be wrong by now (a schedule passed), and a key's first answer still stands."""
        key = _key(call.header_key, fields, errors)
        known = None if key is None else await self._store.campaign_of_key(call.account, key)
        if known is not None and await call.upload.finish() == known.fingerprint:
            return await self._answer(known.campaign, REPLAYED)
        raise invalid_fields(errors.fields, errors.codes)

    async def _repeated(self, call: _Call, known: KnownCampaign) -> Response:
        if await call.upload.finish() != known.fingerprint:
            raise key_reused()
        return await self._answer(known.campaign, REPLAYED)

    async def _answer(self, row: CampaignRow, headers: dict[str, str]) -> Response:
        shown = campaign_of(first_answer(row), await first_errors(self._store, row), now_ms())
        return json_response(json.encode(shown), 202, {"Location": location(row.id), **headers})

    @asynccontextmanager
    async def _turn(self, account: str, large: trio.Semaphore | None = None) -> AsyncIterator[None]:
        """Bounds memory and time; who waits is not read. Raises a Problem 503."""
        held = [one for one in (self._of_account[account], large, self._uploads) if one is not None]
        taken: list[trio.Semaphore] = []
        try:
            with trio.move_on_after(TURN_SECONDS) as waiting:
                for one in held:
                    await one.acquire()
                    taken.append(one)
            if waiting.cancelled_caught:
                detail = "Other uploads are being taken in. Nothing was accepted."
                raise Problem(problem_types.TOO_MANY_UPLOADS, detail, headers={"Retry-After": "30"})
            yield
        finally:
            for one in taken:
                one.release()


class _Recipients(Items):
    """Those of an upload, whose first can be looked at before they are taken."""

    def __init__(self, upload: Upload, reader: Reader, limit: int) -> None:
        super().__init__(upload, reader, limit)
        self._ahead: list[Any] = []

    async def __anext__(self) -> list[Any]:
        if self._ahead:
            some, self._ahead = self._ahead, []
            return some
        return await super().__anext__()

    async def look_ahead(self) -> bool:
        """Whether there is any recipient."""
        if not self._ahead:
            self._ahead = await anext(self, [])
        return bool(self._ahead)

    async def definition(self) -> dict[str, Any]:
        """The first line, where that is no recipient: an object without a number."""
        await self.look_ahead()
        first = self._ahead[0] if self._ahead else None
        if type(first) is not dict or not PHONE_NAMES.isdisjoint(first):
            return {}
        del self._ahead[0]
        return first


async def _whole(upload: Upload, limit: int) -> bytearray:
    """A body to be held in memory. Raises a Problem 408 or 413."""
    with trio.move_on_after(JSON_SECONDS):
        return await upload.whole(limit)
    raise Problem(problem_types.REQUEST_TIMEOUT, "The body did not arrive in time.")


def _add_no_recipients(errors: ItemErrors, is_array: bool, given: Any) -> None:
    if is_array:
        errors.add("recipients", Fault("is empty", FaultCode.EMPTY))
    elif given is None:
        errors.add(
            "recipients", Fault('is missing: give an array such as [{"phone": "+34600000001"}]', FaultCode.MISSING)
        )
    else:
        errors.add("recipients", Fault("must be an array", FaultCode.WRONG_TYPE))


def _join(fields: dict[str, Any], first_line: dict[str, Any]) -> None:
    """The fields of the first line beside those of the query. Raises a Problem 422 for one that is in both."""
    twice = [name for name in first_line if name in fields]
    if twice:
        raise invalid_fields(
            {name[:40]: ["is given in the query and in the first line: keep one"] for name in twice},
            {name[:40]: [FaultCode.GIVEN_TWICE.value] for name in twice},
        )
    fields.update(first_line)


def _key(header: str | None, fields: dict[str, Any], others: ItemErrors | None = None) -> str | None:
    """The idempotency key, of the header or the campaign. Raises a Problem 422."""
    given = fields.get("idempotency_key")
    if given is None:
        return header
    fault = key_fault(given)
    if fault is None and header not in (None, given):
        fault = Fault("differs from the Idempotency-Key header: give one of them", FaultCode.GIVEN_TWICE)
    if fault is not None:
        errors = others or ItemErrors()
        errors.add("idempotency_key", fault)
        raise invalid_fields(errors.fields, errors.codes)
    return str(given)

"""The operators' call for what a carrier was handed in a period, as CSV: `GET /admin/reconciliation`."""

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from quart import Response, request

from gateway.api.admin.asking import sight
from gateway.api.counted_bodies import CountedBody
from gateway.api.problem_types import NOT_FOUND, TOO_MANY_CONNECTIONS
from gateway.api.problems import Problem, invalid_field
from gateway.api.queries import parameters
from gateway.desk.reconciliation.desk import Detail, ReconciliationDesk, Wanted
from gateway.desk.reconciliation.periods import SUCH_AS, begin_of, day_of, end_of, utc
from gateway.rules.faults import FaultCode
from gateway.rules.timestamps import rfc3339
from gateway.settings.time_zones import zone_named
from gateway.store.reconciliation.interface import Period

MOST_AT_A_TIME = 2
"""Each keeps a connection to the store busy for half of its time."""
MOST_MS = 400 * 86_400_000
COMPLETE_FROM = "Complete-From"
"""Header: what was handed over before may be erased."""


class ReconciliationCall:
    """With `carrier`, `from`, `to`, and where not as usual `zone` and `detail`."""

    def __init__(self, desk: ReconciliationDesk) -> None:
        self._desk = desk
        self._running = 0

    async def reconciliation(self) -> Response:
        """Raises Problem."""
        given = parameters(request, "carrier", "from", "to", "zone", "detail")
        zone = _zone(given)
        wanted = Wanted(_period(given, zone), zone, _detail(given), sight())
        if not await self._desk.knows(wanted.period.carrier):
            raise Problem(NOT_FOUND, "There is no carrier of this name, and none that took messages which are kept.")
        body = CountedBody(self._desk.pieces(wanted), self._taken())
        response = Response(body, content_type="text/csv; charset=utf-8; header=present")
        response.headers["Content-Disposition"] = f'attachment; filename="{_file_name(wanted)}"'
        response.headers[COMPLETE_FROM] = rfc3339(self._desk.complete_from())
        response.timeout = None
        return response

    def _taken(self) -> Callable[[], None]:
        """A place, and how to give it back. Raises Problem."""
        if self._running >= MOST_AT_A_TIME:
            detail = f"{MOST_AT_A_TIME} reconciliations are read already. Wait for the end of one."
            raise Problem(TOO_MANY_CONNECTIONS, detail, headers={"Retry-After": "30"})
        self._running += 1
        return self._given_back

    def _given_back(self) -> None:
        self._running -= 1


def _period(given: Mapping[str, str], zone: ZoneInfo) -> Period:
    for name in ("carrier", "from", "to"):
        if not given.get(name):
            raise invalid_field(name, "is missing", FaultCode.MISSING.value)
    after, before = _moment(given, "from", begin_of, zone), _moment(given, "to", end_of, zone)
    if before <= after:
        raise invalid_field("to", "is not after from", FaultCode.TOO_SMALL.value)
    if before - after > MOST_MS:
        raise invalid_field("to", "is more than 400 days after from; ask for less at a time", FaultCode.TOO_LARGE.value)
    return Period(given["carrier"], after, before)


def _zone(given: Mapping[str, str]) -> ZoneInfo:
    if "zone" not in given:
        return utc()
    zone = zone_named(given["zone"])
    if zone is None:
        raise invalid_field("zone", "is no time zone; write one such as Europe/Madrid", FaultCode.WRONG_TYPE.value)
    return zone


def _moment(given: Mapping[str, str], name: str, read: Callable[[str, ZoneInfo], int | None], zone: ZoneInfo) -> int:
    moment = read(given[name], zone)
    if moment is None:
        raise invalid_field(name, f"must be a day, {SUCH_AS}", FaultCode.WRONG_TYPE.value)
    return moment


def _detail(given: Mapping[str, str]) -> Detail:
    word = given.get("detail", Detail.MESSAGES.value)
    for detail in Detail:
        if word == detail.value:
            return detail
    raise invalid_field(
        "detail", f"must be one of {', '.join(one.value for one in Detail)}", FaultCode.WRONG_TYPE.value
    )


def _file_name(wanted: Wanted) -> str:
    """Of letters, digits and hyphens, as a carrier's name is."""
    carrier = "".join(c for c in wanted.period.carrier if c.isascii() and (c.isalnum() or c in "-_"))
    days = f"{day_of(wanted.period.after, wanted.zone)}-{day_of(wanted.period.before - 1, wanted.zone)}"
    return f"{carrier}-{days}-{wanted.detail.value}.csv"

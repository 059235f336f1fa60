"""A line of CSV for each segment that a carrier was handed. Pure."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from gateway.desk.masks import Sight
from gateway.desk.reconciliation.billed import billed
from gateway.desk.reconciliation.csv_text import line
from gateway.desk.reconciliation.periods import times_of
from gateway.identifiers import CAMPAIGN, MESSAGE, public
from gateway.store.reconciliation.interface import HandedRow
from protocol.command_status import name_of

COLUMNS = (
    "submitted_at", "message_id", "client_id", "account", "campaign_id", "part", "parts", "attempt",
    "carrier_message_id", "command_status", "billed_as", "receipt_state", "err", "done_at", "possible_duplicate",
    "number", "country", "sender", "lane",
)  # fmt: skip
HEAD = line(COLUMNS)


class Details:
    """As seen by one operator, in the time of one zone."""

    def __init__(self, zone: ZoneInfo, sight: Sight) -> None:
        self._time: Callable[[int], str] = times_of(zone)
        self._sight = sight

    def line(self, row: HandedRow) -> str:
        """One segment's."""
        return line(
            (
                self._time(row.claimed_at),
                public(MESSAGE, row.message),
                row.client_id or "",
                row.account,
                public(CAMPAIGN, row.campaign) if row.campaign else "",
                str(row.part),
                str(row.parts),
                str(row.attempt),
                row.carrier_message_id or "",
                "" if row.command_status is None else name_of(row.command_status),
                billed(row.state, row.command_status).value,
                row.receipt_state or "",
                row.err or "",
                "" if row.done_at is None else self._time(row.done_at),
                "true" if row.possible_duplicate else "false",
                _as_carriers_write(self._sight.of(row.recipient)),
                row.country or "",
                _as_carriers_write(self._sight.of(row.sender)),
                row.lane,
            )
        )


def _as_carriers_write(address: str) -> str:
    """A number without its plus, which a spreadsheet would take for a sum."""
    return address[1:] if address[:1] == "+" and address[1:2].isdecimal() else address

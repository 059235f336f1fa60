"""The campaigns' pages: the list with how far each is, and the page of one: ends, variants, errors, and its actions."""

from collections.abc import Mapping
from typing import Any

from quart import Response

from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem
from gateway.console.ages import until
from gateway.console.frame import Frame, Route, visitor
from gateway.desk.campaigns import STATUSES, CampaignsDesk, Moved
from gateway.desk.cursors import position_of
from gateway.identifiers import now_ms
from gateway.store.campaigns.interface import CampaignMove

_HERE = "/console/campaigns"
_SHOWN = 25
_MOVES = {
    "scheduled": ("pause", "cancel"),
    "running": ("pause", "cancel"),
    "paused": ("resume", "cancel"),
}
"""What can be asked of a campaign that stands so; of the others nothing."""
_STRIPES = (
    ("delivered", "good", "Delivered"),
    ("undelivered", "bad", "Undelivered"),
    ("failed", "bad", "Failed"),
    ("rejected", "bad", "Rejected"),
    ("expired", "bad", "Expired"),
    ("unknown", "warn", "Unknown"),
    ("opted_out", "calm", "Opted out"),
    ("canceled", "calm", "Canceled"),
    ("sent", "under-way", "Sent, no receipt yet"),
    ("queued", "queued", "Queued"),
    ("waiting", "waiting", "Not begun"),
)
"""Each count of a campaign with its colour and its words, in the order of the bar: what has ended first."""


class CampaignsPages:
    """`/console/campaigns`, the page of one, and its moves."""

    def __init__(self, frame: Frame, desk: CampaignsDesk) -> None:
        self._frame = frame
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/campaigns", self.list_all),
            Route("GET", "/campaigns/<id>", self.one),
            Route("POST", "/campaigns/<id>/pause", self.pause, acts=True),
            Route("POST", "/campaigns/<id>/resume", self.resume, acts=True),
            Route("POST", "/campaigns/<id>/cancel", self.cancel, acts=True),
        ]

    async def list_all(self) -> Response:
        asked = self._frame.query()
        statuses = [asked["status"]] if asked.get("status") in STATUSES else None
        cursor = position_of(asked.get("cursor", ""))
        page = await self._desk.list(_SHOWN, cursor, asked.get("account"), statuses)
        now = now_ms()
        return self._frame.page(
            "campaigns.html",
            title="Campaigns",
            active="campaigns",
            campaigns=[look(one, now) for one in page["entities"]],
            next_cursor=page["next_cursor"],
            asked=asked,
            statuses=STATUSES,
        )

    async def one(self, id: str) -> Response:  # noqa: A002 - the name in the path
        found = await self._desk.one(id)
        if found is None:
            raise _none()
        campaign = look(found, now_ms())
        return self._frame.page("campaign.html", title=campaign["campaign_name"], active="campaigns", campaign=campaign)

    async def pause(self, id: str) -> Response:  # noqa: A002
        moved = await self._desk.pause(id, visitor().by())
        return self._moved(id, moved, "The campaign is paused: nothing more of it is sent.")

    async def resume(self, id: str) -> Response:  # noqa: A002
        return self._moved(id, await self._desk.resume(id, visitor().by()), "The campaign goes on.")

    async def cancel(self, id: str) -> Response:  # noqa: A002
        moved = await self._desk.cancel(id, visitor().by())
        return self._moved(id, moved, "The campaign is canceled: what was unsent is not sent.")

    def _moved(self, id: str, moved: Moved, words: str) -> Response:  # noqa: A002
        if moved.outcome is CampaignMove.NOT_FOUND:
            raise _none()
        if moved.outcome is CampaignMove.NOT_POSSIBLE:
            words = f"The campaign is {moved.status}, so nothing was changed."
        return self._frame.done(f"{_HERE}/{id}", words, is_error=moved.outcome is CampaignMove.NOT_POSSIBLE)


def _none() -> Problem:
    return Problem(NOT_FOUND, "There is no campaign of this id (any more).")


def look(campaign: Mapping[str, Any], now: int) -> dict[str, Any]:
    """A campaign with its bar, its shares and its moves."""
    counts, accepted = campaign["counts"], campaign["recipients"]["accepted"]
    bad = counts["undelivered"] + counts["failed"] + counts["rejected"] + counts["expired"] + counts["unknown"]
    return {
        **campaign,
        "percent": int(campaign["progress"] * 100),
        "ends_in": until(campaign["expected_end"], now),
        "stripes": _stripes(counts, accepted),
        "not_delivered": bad,
        "moves": _MOVES.get(campaign["status"], ()),
        "variants": _compared(campaign["variants"]),
        "mood": _mood(campaign["status"]),
    }


def _stripes(counts: Mapping[str, int], accepted: int) -> list[dict[str, Any]]:
    """Pieces of a bar 1000 wide: each one's place, width, colour and words; those of nobody too, with no width."""
    stripes, at = [], 0.0
    for name, kind, words in _STRIPES:
        width = 1000 * counts[name] / accepted if accepted else 0.0
        share = _percent(counts[name], accepted)
        stripes.append(
            {"name": name, "kind": kind, "words": words, "count": counts[name], "share": share, "x": at, "width": width}
        )
        at += width
    return stripes


def _compared(variants: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Side by side: shares of what each sent, so that unlike numbers can be compared; the best is marked."""
    shares = [one["delivered"] / one["sent"] if one["sent"] else 0.0 for one in variants]
    best = max(shares, default=0.0)
    is_contest = len(variants) > 1 and shares.count(best) == 1
    return [
        {
            **one,
            "width": 100 * share,
            "delivered_share": _percent(one["delivered"], one["sent"]),
            "opted_out_share": _percent(one["opted_out"], one["sent"]),
            "is_best": is_contest and share == best > 0,
        }
        for one, share in zip(variants, shares, strict=True)
    ]


def _percent(part: int, whole: int) -> str:
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.0f} %" if share in (0.0, 100.0) else f"{min(99.9, max(0.1, share)):.1f} %"


def _mood(status: str) -> str:
    return {"running": "good", "paused": "warn", "failed": "bad"}.get(status, "calm")

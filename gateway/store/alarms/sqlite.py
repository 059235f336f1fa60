"""The embedded store's face to alarms: what is asked is interface.py's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from gateway.settings.alerts import OperatorEvent
from gateway.store.alarms import kept
from gateway.store.alarms.interface import AlarmRow, EndpointHealth
from gateway.store.face import SqliteFace


class SqliteAlarms(SqliteFace):
    """Mixed into SqliteStore."""

    async def alarm(
        self, kind: OperatorEvent, subject: str, since: int, figures: Mapping[str, Any], *, raised: bool
    ) -> bool:
        turn = partial(kept.turn, kind=kind, subject=subject, since=since, figures=figures, raised=raised)
        return await self._order(turn)

    async def tell_operator(self, event: OperatorEvent, subject: str, figures: Mapping[str, Any]) -> None:
        await self._order(partial(kept.tell, event=event, subject=subject, figures=figures))

    async def alarms(self) -> list[AlarmRow]:
        return await self._read(kept.all_alarms)

    async def endpoint_health(self, failures: int) -> list[EndpointHealth]:
        own = await self._read(partial(kept.own_endpoints_amiss, failures=failures))
        known = dict(self._writer.mirrors.endpoints.by_id)
        amiss = []
        for id_, health in own:
            mirrored = known.get(id_)
            amiss.append(health if mirrored is None else health._replace(pending=mirrored.pending + mirrored.blocked))
        # Origins of webhook_urls, of which callers name as many as they like, are known while something waits for them.
        for endpoint in known.values():
            if not endpoint.own and endpoint.failures >= failures:
                waiting = endpoint.pending + endpoint.blocked
                amiss.append(EndpointHealth(endpoint.account, endpoint.url, endpoint.failures, waiting, None))
        return amiss

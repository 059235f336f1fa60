"""The callers' and the operators' apps over the real accept flow and the real store, in a folder of the test's own."""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio
from prometheus_client import CollectorRegistry
from quart_trio import QuartTrio

from gateway.api.admin.desks import desks_of
from gateway.api.app import create_app
from gateway.api.carrier_states import states_of
from gateway.api.operators import create_operator_app
from gateway.console.build import add_console_to
from gateway.desk.carriers_view import BindView, BreakerView, CarrierView, HeldView
from gateway.desk.desks import Desks
from gateway.desk.draining import DrainingDesk
from gateway.flows.accept import Accept
from gateway.flows.alarms import Raised
from gateway.flows.explain import Explainer
from gateway.flows.held_carriers import HeldCarriers
from gateway.flows.number_facts import NumberFacts
from gateway.identifiers import Identifiers, now_ms
from gateway.settings import Settings
from gateway.store.connection import open_loop
from gateway.store.held_carriers.interface import CarrierHold
from gateway.store.interface import Claim
from gateway.store.policy import policy_of
from gateway.store.sqlite import SqliteStore
from gateway.webhooks.payloads import event_body

SECRET = "whsec_" + "QUJD" * 16


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def a_configuration(**changes: Any) -> dict[str, Any]:
    """Two accounts; tokens `shop`, `shop-read`, `shop-inside` (10.0.0.0/8 alone), `other`, and the operator's."""
    return {
        "carriers": {"telco": {"hosts": ["localhost:2775"], "system_id": "acme", "password": "secret"}},
        "routes": [{"name": "rest", "tiers": ["telco"]}],
        "accounts": {
            "shop": {
                "tokens": [
                    {"sha256": hashed("shop"), "scopes": ["send", "read", "opt_outs"]},
                    {"sha256": hashed("shop-read"), "scopes": ["read"]},
                    {"sha256": hashed("shop-inside"), "scopes": ["send", "read"], "allow_from": ["10.0.0.0/8"]},
                ],
                "senders": ["SHOP"],
                "default_sender": "SHOP",
                "default_region": "ES",
                "webhook": {"url": "https://shop.example/sms", "secrets": [SECRET]},
            },
            "other": {"tokens": [{"sha256": hashed("other")}], "senders": ["*"], "default_sender": "OTHER"},
        },
        "operator": {"tokens": [{"sha256": hashed("operator-token-of-tests")}]},
        **changes,
    }


@dataclass
class ScriptedCarriers:
    """What the daemon tells of its carriers."""

    able: bool = True
    alarm: str | None = None
    breaker: BreakerView | None = None
    rebound: list[str] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    """What holding them asked of the deal and of their binds."""
    holds: Mapping[str, CarrierHold] = field(default_factory=dict)

    def carriers(self) -> list[CarrierView]:
        bind = BindView("telco/1", "bound", 10, 10, 3, 7, 100.0, 1_795_284_245_123, None)
        hold = self.holds.get("telco")
        held = None if hold is None else HeldView(hold.how.value, hold.since, hold.who, hold.why)
        return [CarrierView("telco", self.able, [bind], self.alarm, self.breaker, held)]

    def rebind(self, carrier: str) -> bool:
        if carrier == "telco":
            self.rebound.append(carrier)
        return carrier == "telco"

    def hold(self, carrier: str) -> None:
        self.told.append(("hold", carrier))

    def take_back(self, carrier: str) -> None:
        self.told.append(("take_back", carrier))

    def resume(self, carrier: str) -> None:
        self.told.append(("resume", carrier))

    def unbind(self, carrier: str) -> None:
        self.told.append(("unbind", carrier))

    def bind_again(self, carrier: str) -> None:
        self.told.append(("bind_again", carrier))


@dataclass
class ScriptedAlarms:
    """What is amiss."""

    now: list[Raised] = field(default_factory=list)

    def raised(self) -> list[Raised]:
        return self.now


@dataclass
class House:
    """The apps with what lies below them."""

    settings: Settings
    store: SqliteStore
    carriers: ScriptedCarriers
    app: QuartTrio
    operator_app: QuartTrio
    alarms: ScriptedAlarms
    desks: Desks
    claims: list[Claim] = field(default_factory=list)
    caller: "Callable[[QuartTrio, str | None, str], Caller] | None" = None
    """How callers reach the app, where not at once."""

    def client(self, token: str | None = "shop", address: str = "203.0.113.9") -> "Caller":
        return (self.caller or Caller)(self.app, token, address)

    def operator(self, token: str | None = "operator-token-of-tests") -> "Caller":
        return Caller(self.operator_app, token, "127.0.0.1")


class Caller:
    """Calls an app with a token from an address; every answer must name its request."""

    def __init__(self, app: QuartTrio, token: str | None, address: str) -> None:
        self._client = app.test_client()
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._scope = {"client": (address, 50_000)}

    async def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **given: Any) -> Any:
        answer = await self._client.open(
            path, method=method, headers={**self._headers, **(headers or {})}, scope_base=self._scope, **given
        )
        assert answer.headers["Request-Id"].startswith("req_")
        return answer

    async def get(self, path: str, **given: Any) -> Any:
        return await self.call("GET", path, **given)

    async def post(self, path: str, **given: Any) -> Any:
        return await self.call("POST", path, **given)


@asynccontextmanager
async def house_of(
    configuration: dict[str, Any], folder: Path, clock: Callable[[], int] = now_ms
) -> AsyncIterator[House]:
    """A house while the block lasts, its store in this folder. `clock` tells milliseconds."""
    settings = Settings.model_validate(configuration)
    async with open_loop():
        store = SqliteStore(folder / "sluice.db", policy_of(settings), render=event_body, clock=clock)
        async with store.opened(), trio.open_nursery() as nursery:
            await nursery.start(store.run)
            ids, carriers = Identifiers(store.last_id(), clock), ScriptedCarriers()
            facts = NumberFacts(settings.lookup)
            accept = Accept(settings, store, ids, clock, facts)
            explainer = Explainer(settings, facts, states_of(carriers))
            await accept.templates.load(store)
            alarms = ScriptedAlarms()
            held_carriers = HeldCarriers(store, carriers, carriers)
            carriers.holds = held_carriers.holds
            draining = DrainingDesk(store, end=lambda: carriers.rebound.append("ended"))
            desks = desks_of(settings, store, carriers, held_carriers, draining)
            operator_app = create_operator_app(
                settings,
                store,
                ids,
                carriers,
                CollectorRegistry(),
                alarms=alarms,
                explainer=explainer,
                desks=desks,
            )
            add_console_to(operator_app, desks, settings, store, carriers, alarms)
            yield House(
                settings,
                store,
                carriers,
                create_app(settings, accept, store, ids, carriers, explainer=explainer, draining=draining),
                operator_app,
                alarms,
                desks,
            )
            store.stop()

"""Messages that a house took in and dealt to a bind of telco, as far as a carrier's answer."""

from typing import Any

import trio
from houses import House

from gateway import identifiers
from gateway.store.interface import Answer, Claim, Verdict


async def submitted(house: House, message: dict[str, Any], account: str = "shop") -> str:
    """The id of a message that was accepted."""
    answer = await house.client(account).post("/v1/sms", json=message)
    assert answer.status_code == 201, await answer.get_data()
    found: str = (await answer.get_json())["id"]
    return found


async def a_claim(house: House, message: dict[str, Any]) -> tuple[str, Claim]:
    """A message that was dealt to a bind."""
    claims: list[Claim] = []
    claimed = trio.Event()

    def take(found: list[Claim]) -> None:
        claims.extend(found)
        claimed.set()

    found = await submitted(house, message)
    house.store.open_window("telco/1", "telco", take)
    house.store.ask("telco/1", 1)
    await claimed.wait()
    return found, claims[0]


async def sent(house: House, message: dict[str, Any], carrier_message_id: str = "5F3A") -> str:
    """A message that a carrier has taken."""
    found, claim = await a_claim(house, message)
    kept = trio.Event()
    answer = Answer(claim.message, 1, 1, Verdict.SENT, 0, carrier_message_id, identifiers.now_ms(), 38, 0, None)
    house.store.answered("telco/1", [answer], 1, lambda _: kept.set())
    await kept.wait()
    return found

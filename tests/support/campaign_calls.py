"""Campaigns through the callers' app of a house (houses.py): posting one, uploading one, asking what became of it."""

from typing import Any
from urllib.parse import urlencode

from houses import House

HERE = "/v1/campaigns/sms"
CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}
LATER = "2027-05-24T09:00:00-05:00"
TEXT = "Hi {first_name}, your 20% discount code is {code}. Use it by May 31. Reply STOP to opt out."


def a_campaign(*recipients: Any, **changes: Any) -> dict[str, Any]:
    default = {"phone": "+15551234567", "first_name": "Alice", "code": "ALICE20"}
    fields = {"campaign_name": "May Promotion", "message": TEXT, "schedule": LATER, **changes}
    return {"recipients": list(recipients) or [default], **{k: v for k, v in fields.items() if v is not None}}


async def posted(house: House, body: Any, status: int = 202, **headers: str) -> dict[str, Any]:
    answer = await house.client().post(HERE, json=body, headers=headers)
    found: dict[str, Any] = await answer.get_json()
    assert answer.status_code == status, found
    return found


async def uploaded(house: House, octets: bytes, headers: dict[str, str], status: int = 202, **query: str) -> Any:
    path = f"{HERE}?{urlencode(query)}" if query else HERE
    answer = await house.client().post(path, data=octets, headers=headers)
    found = await answer.get_json()
    assert answer.status_code == status, found
    return found


async def got(house: House, path: str, status: int = 200, token: str = "shop") -> Any:
    answer = await house.client(token).get(path)
    assert answer.status_code == status
    return await answer.get_json()


async def when(house: House, campaign: dict[str, Any], status: str) -> dict[str, Any]:
    """The campaign once it stands so: the transaction after its sealing moves it on."""
    while (found := await got(house, f"/v1/campaigns/{campaign['id']}"))["status"] != status:
        await house.store.keep_alive()
    return dict(found)

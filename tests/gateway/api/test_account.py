"""GET /v1/account: how an account is set up and what it uses, and nothing that is secret."""

from collections.abc import Callable
from typing import Any

from houses import SECRET, hashed

Build = Callable[..., dict[str, Any]]


async def test_an_account_sees_its_setting_and_what_it_has_used(
    configuration: dict[str, Any], house: Any, a_message: Build
) -> None:
    items = [a_message(), a_message(text="x" * 200, lane="promotional"), {"to": "1"}]
    await house.client().post("/v1/sms/bulk", json=items)
    answer = await house.client("shop-read").get("/v1/account")
    body = await answer.get_json()
    assert answer.status_code == 200
    usage = body["usage"]
    assert (usage["messages"], usage["segments"], usage["backlog"]) == (2, 3, 2)
    assert usage["ready"] == {"otp": 0, "transactional": 1, "promotional": 1}
    assert (usage["messages_left"], usage["requests_left"]) == (None, None)
    assert set(body["limits"].values()) == {None}
    assert (body["name"], body["senders"], body["default_sender"]) == ("shop", ["SHOP"], "SHOP")
    assert (body["default_lane"], body["default_region"]) == ("transactional", "ES")
    assert [lane["lane"] for lane in body["lanes"]] == ["otp", "transactional", "promotional"]
    assert body["lanes"][0]["duplicate_window_seconds"] == 30
    assert (body["webhook"]["url"], body["webhook"]["enabled"]) == ("https://shop.example/sms", True)


async def test_an_account_sees_nothing_secret_and_nothing_of_others(house: Any, a_message: Build) -> None:
    await house.client().post("/v1/sms", json=a_message())
    text = await (await house.client().get("/v1/account")).get_data(as_text=True)
    for secret in (SECRET, hashed("shop"), hashed("shop-read"), "sha256", "10.0.0.0"):
        assert secret not in text
    body = await (await house.client("other").get("/v1/account")).get_json()
    assert (body["name"], body["usage"]["messages"], body["webhook"]) == ("other", 0, None)


async def test_a_token_without_the_scope_read_may_not(house: Any) -> None:
    assert (await house.client(None).get("/v1/account")).status_code == 401

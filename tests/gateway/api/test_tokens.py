"""Who may call what, from where."""

import hashlib
from typing import Any

import pytest

from gateway.api.tokens import Grant, Tokens


@pytest.mark.parametrize(
    ("authorization", "error"),
    [(None, False), ("Basic c2hvcDo=", False), ("Bearer nobody", True), ("Bearer", True), ("Bearer é", True)],
)
async def test_without_a_valid_token_it_is_401_and_says_what_is_needed(
    house: Any, authorization: str | None, error: bool
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await house.client(None).get("/v1/events", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="sluice"')
    assert ('error="invalid_token"' in answer.headers["WWW-Authenticate"]) == error
    assert (await answer.get_json())["code"] == "unauthorized"


async def test_the_scheme_may_be_written_in_any_case(house: Any) -> None:
    answer = await house.client(None).get("/v1/events", headers={"Authorization": "bearer shop"})
    assert answer.status_code == 200


async def test_a_token_without_the_scope_is_told_which_one_it_needs(house: Any) -> None:
    answer = await house.client("shop-read").post("/v1/sms", json={"to": "+34600000001", "text": "x"})
    assert answer.status_code == 403
    body = await answer.get_json()
    assert (body["code"], "`send`" in body["detail"]) == ("insufficient_scope", True)
    assert 'scope="send"' in answer.headers["WWW-Authenticate"]
    assert house.store.backlog() == 0


async def test_a_token_is_taken_from_its_networks_alone(house: Any) -> None:
    assert (await house.client("shop-inside", "10.1.2.3").get("/v1/events")).status_code == 200
    answer = await house.client("shop-inside", "203.0.113.9").get("/v1/events", headers={"X-Forwarded-For": "10.1.2.3"})
    assert answer.status_code == 403
    body = await answer.get_json()
    assert (body["code"], "203.0.113.9" in body["detail"]) == ("address_not_allowed", True)


@pytest.fixture
def behind_a_proxy(configuration: dict[str, Any]) -> None:
    configuration["http"] = {"trusted_proxies": ["192.0.2.0/24"]}


@pytest.mark.usefixtures("behind_a_proxy")
async def test_behind_a_trusted_proxy_its_word_counts(house: Any) -> None:
    caller = house.client("shop-inside", "192.0.2.1")
    assert (await caller.get("/v1/events", headers={"X-Forwarded-For": "10.1.2.3"})).status_code == 200
    assert (await caller.get("/v1/events", headers={"X-Forwarded-For": "10.1.2.3, 203.0.113.9"})).status_code == 403
    assert (await caller.get("/v1/events")).status_code == 403


class Digest(str):
    """A kept digest that may be compared in constant time only: `==` stops at the first character that differs."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("a kept digest was compared by ==")

    __hash__ = str.__hash__


def test_kept_digests_are_compared_in_constant_time_alone() -> None:
    grants = [
        Grant(Digest(hashlib.sha256(f"sk_{n}".encode()).hexdigest()), f"account{n}", frozenset({"send"}))
        for n in range(20)
    ]
    tokens = Tokens(grants)
    owners = [tokens.plain_owner(f"Bearer sk_{n}", "send") for n in range(22)]
    assert owners == [f"account{n}" for n in range(20)] + [None, None]


async def test_a_token_never_comes_back_in_an_answer(house: Any) -> None:
    answer = await house.client("sk_not_a_token").get("/v1/events")
    assert "sk_not_a_token" not in (await answer.get_data()).decode() + str(answer.headers)

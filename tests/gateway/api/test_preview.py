"""POST /v1/sms/preview: what would happen, said by the same code that would do it, and nothing done."""

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
import trio
import trio.testing

from gateway.flows.accept import Accept
from gateway.flows.explain import Explainer, all_able
from gateway.flows.number_facts import NumberFacts
from gateway.flows.preview import Previews
from gateway.rules.faults import ItemErrors

Build = Callable[..., dict[str, Any]]


@pytest.fixture
def configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    telco = configuration["carriers"]["telco"]
    carriers = {"telco": {**telco, "alphabet": "latin1"}, "short": {**telco, "max_parts": 1}, "backup": telco}
    carriers["short"] |= {"message_tlvs": ["0x1401"]}
    return {
        **configuration,
        "carriers": carriers,
        "routes": [{"name": "rest", "tiers": [["telco", "short"], "backup"]}],
    }


async def previewed(house: Any, body: dict[str, Any]) -> dict[str, Any]:
    answer = await house.client().post("/v1/sms/preview", json=body)
    assert answer.status_code == 200, await answer.get_data()
    found: dict[str, Any] = await answer.get_json()
    return found


def on(found: dict[str, Any]) -> dict[str, Any]:
    """By carrier: how it would have the text, or why not."""
    carriers = [carrier for tier in found["carriers"] for carrier in tier]
    return {c["carrier"]: (c["encoding"], c["segments"]) if c["fits"] else c["reason"] for c in carriers}


async def test_a_preview_tells_parts_route_and_carriers_by_tier(house: Any, a_message: Build) -> None:
    found = await previewed(house, a_message(text="x" * 161))
    assert (found["to"], found["from"], found["lane"], found["route"]) == (
        "+34600000001",
        "SHOP",
        "transactional",
        "rest",
    )
    assert (found["encoding"], found["segments"], found["country"]) == ("gsm7", 2, "ES")
    assert found["parts"] == [{"part": 1, "characters": 153}, {"part": 2, "characters": 8}]
    assert [[c["carrier"] for c in tier] for tier in found["carriers"]] == [["telco", "short"], ["backup"]]
    assert on(found) == {
        "telco": ("latin1", 2),
        "short": "it would take 2 parts, and its max_parts is 1",
        "backup": ("gsm7", 2),
    }


async def test_characters_that_force_ucs2_are_named_with_their_places(house: Any, a_message: Build) -> None:
    found = await previewed(house, a_message(text="Hello 🙂ж", allow_unicode=True))
    assert found["encoding"] == "ucs2"
    assert found["unicode_characters"] == [
        {"character": "🙂", "position": 7, "codepoint": "U+1F642"},
        {"character": "ж", "position": 8, "codepoint": "U+0436"},
    ]
    assert on(found) == dict.fromkeys(("telco", "short", "backup"), ("ucs2", 1))


async def test_a_carrier_without_the_alphabet_is_shown_as_it_would_be_met(house: Any, a_message: Build) -> None:
    found = await previewed(house, a_message(text="5 €"))
    assert on(found) == {
        "telco": "its alphabet latin1 lacks the character at position 3",
        "short": ("gsm7", 1),
        "backup": ("gsm7", 1),
    }


async def test_a_carrier_that_does_not_take_a_tlv_of_the_message_is_shown_with_its_tag(
    house: Any, a_message: Build
) -> None:
    found = await previewed(house, a_message(tlvs={"0x1401": "secret"}))
    lacks = "its message_tlvs lacks 0x1401"
    assert on(found) == {"telco": lacks, "short": ("gsm7", 1), "backup": lacks}


@pytest.mark.parametrize("path", ["/v1/sms", "/v1/sms/preview", "/send"])
async def test_a_tlv_that_no_carrier_of_the_route_takes_is_refused(house: Any, a_message: Build, path: str) -> None:
    answer = await house.client().post(path, json=a_message(tlvs={"0x1401": "a", "0x1402": "secret"}))
    told = await answer.get_json()
    assert (answer.status_code, told["codes"]) == (422, {"tlvs": ["tlv_not_taken"]})
    assert "0x1402" in told["fields"]["tlvs"][0]
    assert "message_tlvs" in told["fields"]["tlvs"][0]
    assert "secret" not in await answer.get_data(as_text=True)


async def test_the_transliterated_text_is_shown(house: Any, a_message: Build) -> None:
    found = await previewed(house, a_message(text="“Hi”", transliterate=True))
    assert (found["transliterated"], found["encoding"]) == ('"Hi"', "gsm7")
    assert [c["position"] for c in found["unicode_characters"]] == [1, 4]
    assert (await previewed(house, a_message(transliterate=True)))["transliterated"] is None


async def test_a_preview_files_nothing(house: Any, a_message: Build) -> None:
    await previewed(house, a_message(client_id="once"))
    assert house.store.backlog() == 0
    answer = await house.client().post("/v1/sms", json=a_message(client_id="once"))
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "body", [{"to": "5", "text": "Hi"}, {"to": "+34600000001"}, {"to": "+34600000001", "text": "🙂"}, {"tlvs": 5}]
)
async def test_what_is_wrong_is_told_as_it_would_be_of_the_message(house: Any, body: dict[str, Any]) -> None:
    previewed, sent = [await house.client().post(path, json=body) for path in ("/v1/sms/preview", "/v1/sms")]
    assert previewed.status_code == sent.status_code == 422
    first, second = await previewed.get_json(), await sent.get_json()
    assert (first["fields"], first["codes"]) == (second["fields"], second["codes"])


async def test_only_one_object_is_previewed_and_only_with_the_scope(house: Any, a_message: Build) -> None:
    answer = await house.client().post("/v1/sms/preview", json=[a_message()])
    assert (answer.status_code, (await answer.get_json())["code"]) == (422, "not_an_object")
    assert (await house.client("shop-read").post("/v1/sms/preview", json=a_message())).status_code == 403
    assert (await house.client(None).post("/v1/sms/preview", json=a_message())).status_code == 401


async def test_options_are_taken_by_every_call_and_only_their_names_are_shown(house: Any, a_message: Build) -> None:
    asked = a_message(max_parts=2, flash=True, tlvs={"0x1401": "secret"})
    ids = [(await (await house.client().post(path, json=asked)).get_json())["id"] for path in ("/v1/sms", "/send")]
    bulk = await (
        await house.client().post("/v1/sms/bulk", json=[asked, a_message(), a_message(max_parts=0)])
    ).get_json()
    assert [error["codes"] for error in bulk["errors"]] == [{"max_parts": ["too_small"]}]
    plain = bulk["entities"][1]["id"]
    for message in [*ids, bulk["entities"][0]["id"]]:
        answer = await house.client().get(f"/v1/sms/{message}")
        first = (await answer.get_json())["timeline"][0]
        assert (first["what"], first["options"]) == ("accepted", ["max_parts", "flash", "tlvs"])
        assert "secret" not in await answer.get_data(as_text=True)
    assert "options" not in (await (await house.client().get(f"/v1/sms/{plain}")).get_json())["timeline"][0]


async def test_the_loop_neither_checks_nor_cuts_and_two_previews_at_most_run_at_once(house: Any) -> None:
    seen = Watched()
    explainer = Explainer(house.settings, NumberFacts(house.settings.lookup), all_able)
    previews = Previews(house.settings, cast(Accept, seen), explainer)
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(previews.preview, "shop", {})
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(4):
            seen.go.release()
    assert threading.get_ident() not in seen.threads
    assert len(seen.threads) == 4
    assert seen.most <= 2


class Watched:
    """Accepts nothing, once it may; and knows in which threads it was asked, and how many at once."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.threads: list[int] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    async def look_ahead(self, account: str, body: Any) -> None:
        """Nothing minds networks."""

    def look(self, account: str, body: Any) -> ItemErrors:
        with self._lock:
            self.threads.append(threading.get_ident())
            self._now += 1
            self.most = max(self.most, self._now)
        assert self.go.acquire(timeout=10)
        with self._lock:
            self._now -= 1
        return ItemErrors()


class TestCountries:
    """What the recipient's country has to say."""

    @pytest.fixture
    def configuration(self, configuration: dict[str, Any]) -> dict[str, Any]:
        account = {**configuration["accounts"]["shop"], "fallback_senders": {"US": "34600111222"}}
        account["senders"] = [*account["senders"], "34600*"]
        always = {f"{day}day": "00:00-23:59" for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")}
        countries = {
            "US": {"alphanumeric": "refused"},
            "CA": {"alphanumeric": "refused"},
            "FR": {"quiet_hours": "00:00-23:59", "quiet_hours_on": always},
        }
        return {
            **configuration,
            "countries": countries,
            "accounts": {**configuration["accounts"], "shop": account},
        }

    async def test_the_sender_that_is_used_and_the_one_in_whose_place(self, house: Any) -> None:
        found = await previewed(house, {"to": "+12125550123", "text": "Hello"})
        assert found["from"] == "34600111222"
        assert found["country_rules"] == {"alphanumeric": "refused", "replaced": "SHOP"}
        found = await previewed(house, {"to": "+12125550123", "from": "34600111222", "text": "Hello"})
        assert found["country_rules"] == {"alphanumeric": "refused", "replaced": None}
        found = await previewed(house, {"to": "+34600000001", "text": "Hello"})
        assert (found["country_rules"], found["quiet_hours"], found["schedule"]) == (None, None, None)

    async def test_a_sender_that_the_country_refuses_is_told_in_the_same_words(self, house: Any) -> None:
        answer = await house.client().post("/v1/sms/preview", json={"to": "+14165550123", "text": "Hello"})
        assert answer.status_code == 422
        assert (await answer.get_json())["codes"] == {"from": ["sender_not_for_country"]}

    async def test_quiet_hours_and_when_they_are_over(self, house: Any) -> None:
        item = {"to": "+33612345678", "text": "Hello", "lane": "promotional"}
        found = await previewed(house, item)
        quiet = found["quiet_hours"]
        assert (quiet["hours"], quiet["time_zones"], quiet["applies"]) == ("00:00-23:59", ["Europe/Paris"], True)
        assert quiet["opens_at"] == found["schedule"] is not None
        found = await previewed(house, {**item, "lane": "transactional"})
        assert (found["quiet_hours"]["applies"], found["schedule"]) == (False, None)

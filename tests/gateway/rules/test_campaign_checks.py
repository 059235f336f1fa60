"""A campaign's definition and its recipients by the rules of an account."""

from typing import Any

import pytest
from houses import a_configuration

from gateway.flows.account_checks import checks_of
from gateway.rules.campaign_checks import LEAST_RATE, CampaignCheck, CheckedRecipient, Defined
from gateway.rules.faults import ItemErrors
from gateway.settings import Settings

NOW = 1_795_284_245_000


def check_of(**account: Any) -> CampaignCheck:
    configuration = a_configuration()
    configuration["accounts"]["shop"] |= {"number_check": "shape", **account}
    return checks_of(Settings.model_validate(configuration), CampaignCheck, 400 * 86_400)["shop"]


def defined(rules: CampaignCheck, **fields: Any) -> Defined:
    found = rules.define({"campaign_name": "May", "message": "Hi", **fields}, NOW)
    assert isinstance(found, Defined), found
    return found


def codes(found: Any) -> dict[str, list[str]]:
    assert isinstance(found, ItemErrors), found
    return found.codes


def test_a_campaign_is_promotional_with_its_lanes_validity_unless_it_says() -> None:
    definition = defined(check_of()).definition
    assert (definition.lane, definition.validity_ms, definition.sender) == ("promotional", 48 * 3_600_000, "SHOP")
    said = defined(check_of(), lane="transactional", validity=60, rate=12).definition
    assert (said.lane, said.validity_ms, said.rate) == ("transactional", 60_000, 12.0)


def test_choices_are_read_unless_that_is_refused() -> None:
    rules = check_of()
    assert defined(rules, message="{Hello|Hi}").definition.spintax
    assert codes(rules.define({"campaign_name": "May", "message": "{Hello|Hi}", "spintax": False}, NOW))


def test_a_campaign_may_be_scheduled_400_days_ahead_and_no_more() -> None:
    rules = check_of()
    assert defined(rules, schedule="2027-12-20T00:00:00+01:00").scheduled_at is not None
    assert codes(rules.define({"campaign_name": "May", "message": "Hi", "schedule": "2028-01-20T00:00:00Z"}, NOW)) == {
        "schedule": ["too_far_ahead"]
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (5, {"item": ["wrong_type"]}),
        (None, {"item": ["wrong_type"]}),
        ({}, {"phone": ["missing"], "name": ["missing"]}),
        ({"phone": 34600000001, "name": "A"}, {"phone": ["wrong_type"]}),
        ({"phone": "+34600000001", "to": "+34600000002"}, {"to": ["given_twice"]}),
        ({"to": "12", "name": "A"}, {"to": ["number_too_short"]}),
        ({"phone": "+34600000001", "name": {"a": 1}}, {"name": ["wrong_type"]}),
        ({"phone": "+34600000001", "name": "\0"}, {"name": ["nul"]}),
        ({"phone": "+34600000001", "name": "\ud800"}, {"name": ["lone_surrogate"]}),
        ({"phone": "+34600000001", "name": "🙂"}, {"message": ["needs_unicode"]}),
        ({"phone": "+34600000001", "name": "x" * 160}, {"message": ["too_many_segments"]}),
    ],
    ids=repr,
)
def test_each_fault_of_a_recipient_is_told_under_its_own_names(given: Any, told: dict[str, list[str]]) -> None:
    rules = check_of()
    recipients = rules.recipients(defined(rules, message="Hi {name}", max_parts=1))
    assert codes(recipients.check(given, NOW)) == told


def test_a_recipient_is_a_number_with_the_values_that_the_text_uses() -> None:
    rules = check_of()
    recipients = rules.recipients(defined(rules, message="Hi {name} {n}"))
    found = recipients.check({"phone": " +34 600 000 001 ", "name": "Ada", "n": 5, "more": [1]}, NOW)
    assert found == CheckedRecipient("+34600000001", "rest", "SHOP", "ES", '{"n":5,"name":"Ada"}')


@pytest.mark.parametrize(("account", "asked", "taken"), [
    ("refuse", {}, False), ("refuse", {"allow_unicode": True}, True), ("allow", {}, True),
    ("allow", {"allow_unicode": False}, False), ("refuse", {"transliterate": True}, False),
])  # fmt: skip
def test_what_is_asked_of_texts_goes_before_the_accounts_habit(
    account: str, asked: dict[str, Any], taken: bool
) -> None:
    rules = check_of(unicode=account)
    found = rules.recipients(defined(rules, message="Hi 🙂", **asked)).check("+34600000001", NOW)
    assert isinstance(found, CheckedRecipient) is taken


def test_routes_are_asked_with_the_campaigns_name_and_tag() -> None:
    configuration = a_configuration()
    by = {"may": {"campaign": ["May*"]}, "tagged": {"tag": ["spring"]}, "rest": {}}
    configuration["routes"] = [{"name": name, "match": match, "tiers": ["telco"]} for name, match in by.items()]
    rules = checks_of(Settings.model_validate(configuration), CampaignCheck, 400 * 86_400)["shop"]

    def route_of(**fields: Any) -> str:
        found = rules.recipients(defined(rules, **fields)).check("+34600000001", NOW)
        assert isinstance(found, CheckedRecipient), found
        return found.route

    assert route_of(campaign_name="May sale") == "may"
    assert route_of(campaign_name="June", tag="spring") == "tagged"
    assert route_of(campaign_name="June") == "rest"


@pytest.mark.parametrize("rate", [0, -1, 5e-324, 1e-18, 0.000_099])
def test_a_rate_below_the_least_is_refused(rate: float) -> None:
    found = check_of().define({"campaign_name": "May", "message": "Hi", "rate": rate}, NOW)
    assert codes(found) == {"rate": ["too_small"]}
    assert isinstance(found, ItemErrors)
    assert "leave it out" in found.fields["rate"][0]
    assert defined(check_of(), rate=LEAST_RATE).definition.rate == LEAST_RATE


@pytest.mark.parametrize(
    ("given", "name"), [({}, "message"), ({"message": None}, "message"), ({"text": None}, "text")], ids=str
)
def test_a_text_that_is_missing_is_told_once_with_its_code(given: dict[str, Any], name: str) -> None:
    found = check_of().define({"campaign_name": "May", **given}, NOW)
    assert codes(found) == {name: ["missing"]}
    assert isinstance(found, ItemErrors)
    assert found.fields == {name: ["is missing: give message or template"]}

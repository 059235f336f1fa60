"""Which sender a country sees, what is refused and with which remedy; and what the checks of an item make of it."""

from typing import Any

import pytest

from gateway.rules.checks import Checked, ItemCheck
from gateway.rules.countries import CountrySenders
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.quiet_hours import QuietHours
from gateway.rules.routing import Router
from gateway.settings import Account, Lane, Route
from gateway.settings.countries import CountryRules

NIGHT = 1_795_284_245_123  # 2026-11-21T18:04:05.123Z, a Saturday: 23:34 in India, 19:04 in Paris
HOUR = 3_600_000
LANES = [
    {"name": "transactional", "priority": 2, "validity": "24h"},
    {"name": "promotional", "priority": 3, "validity": "48h", "quiet_hours": "respect"},
]
RULES: dict[str, dict[str, Any]] = {
    "US": {"alphanumeric": "refused"},
    "CA": {"alphanumeric": "refused", "fallback_sender": "+15550100300"},
    "IN": {"alphanumeric": "registered", "registered_senders": ["SHOPIN"], "quiet_hours": "21:00-09:00"},
    "AE": {"alphanumeric": "registered", "fallback_sender": "55501"},
    "ES": {"alphanumeric": "allowed"},
}


def rules() -> dict[str, CountryRules]:
    return {code: CountryRules.model_validate(rule) for code, rule in RULES.items()}


def an_account(**changes: Any) -> Account:
    return Account.model_validate({"name": "shop", "senders": ["*"], "default_sender": "SHOP"} | changes)


def an_item_check(**account: Any) -> ItemCheck:
    lanes = {str(lane["name"]): Lane.model_validate(lane) for lane in LANES}
    return ItemCheck(
        an_account(**account),
        lanes=lanes,
        router=Router([Route.model_validate({"name": "rest", "tiers": ["telco"]})]),
        schedule_ahead=30 * 86_400.0,
        longest_validity=87 * 86_400.0,
        url_refusal=lambda url: None,
        message_tlvs={},
        countries=rules(),
        quiet=QuietHours(rules(), lanes.values()),
    )


@pytest.mark.parametrize(
    ("country", "sender", "account", "used"),
    [
        ("ES", "SHOP", {}, "SHOP"),
        ("DE", "SHOP", {}, "SHOP"),
        (None, "SHOP", {}, "SHOP"),
        ("US", "+15550100200", {}, "+15550100200"),
        ("US", "55501", {}, "55501"),
        ("US", "SHOP", {"fallback_senders": {"US": "+15550100200"}}, "+15550100200"),
        ("CA", "SHOP", {}, "+15550100300"),
        ("CA", "SHOP", {"fallback_senders": {"CA": "55502"}}, "55502"),
        ("IN", "SHOPIN", {}, "SHOPIN"),
        ("IN", "919810000000", {}, "919810000000"),
        ("IN", "MINE", {"registered_senders": {"IN": ["MINE"]}}, "MINE"),
        ("IN", "MINE2", {"registered_senders": {"IN": ["MINE*"]}}, "MINE2"),
        ("AE", "SHOP", {}, "55501"),
        ("AE", "SHOP", {"registered_senders": {"AE": ["SHOP"]}}, "SHOP"),
    ],
)
def test_a_country_sees_the_sender_that_it_takes(
    country: str | None, sender: str, account: dict[str, Any], used: str
) -> None:
    senders = CountrySenders(rules(), an_account(**account))
    assert [senders.sender_for(country, sender) for _ in range(2)] == [used, used]


def test_countries_that_take_every_name_are_not_asked() -> None:
    assert CountrySenders(rules(), an_account()).countries == {"US", "CA", "IN", "AE"}


def test_a_refusal_names_the_rule_and_the_remedy() -> None:
    senders = CountrySenders(rules(), an_account(registered_senders={"IN": ["MINE"]}))
    assert senders.sender_for("US", "SHOP") == Fault(
        "is a name, and United States takes numbers alone as senders: send from a number, "
        "or have fallback_senders set for US",
        FaultCode.SENDER_NOT_FOR_COUNTRY,
    )
    assert senders.sender_for("IN", "SHOP") == Fault(
        "is a name that is not registered for India, which takes registered names alone: use one of MINE, "
        "or have registered_senders or fallback_senders set for IN",
        FaultCode.SENDER_NOT_REGISTERED,
    )


@pytest.mark.parametrize("further", [{}, {"max_parts": 3}])
def test_an_item_is_filed_with_the_countrys_sender_on_the_quick_and_the_close_way(further: dict[str, Any]) -> None:
    check = an_item_check(fallback_senders={"US": "+15550100200"})
    found = check.check({"to": "+12125550123", "text": "Hello", **further}, NIGHT)
    assert isinstance(found, Checked)
    assert (found.sender, found.country) == ("+15550100200", "US")


@pytest.mark.parametrize("further", [{}, {"max_parts": 3}])
def test_an_item_whose_sender_its_country_refuses_is_told_so_under_from(further: dict[str, Any]) -> None:
    found = an_item_check().check({"to": "+12125550123", "text": "Hello", **further}, NIGHT)
    assert isinstance(found, ItemErrors)
    assert found.codes == {"from": ["sender_not_for_country"]}


@pytest.mark.parametrize("further", [{}, {"max_parts": 3}])
@pytest.mark.parametrize(
    ("number", "is_refused"),
    [("+34910000001", True), ("+34600000001", False), ("+12125550123", False), ("+4930123456", True)],
)
def test_landlines_are_refused_where_the_account_says_so_and_what_may_be_a_mobile_passes(
    number: str, is_refused: bool, further: dict[str, Any]
) -> None:
    item = {"to": number, "text": "Hello", "from": "+15550100200", **further}
    assert isinstance(an_item_check().check(item, NIGHT), Checked)
    found = an_item_check(landlines="refuse").check(item, NIGHT)
    assert isinstance(found, ItemErrors) is is_refused
    if isinstance(found, ItemErrors):
        assert found.codes == {"to": ["landline"]}


INDIAN = {"to": "+919812345678", "text": "Hello", "from": "SHOPIN"}
OPENS = 1_795_318_200_000  # 2026-11-22T03:30:00Z, 9:00 in India


def checked(item: dict[str, Any], now: int = NIGHT) -> Checked:
    found = an_item_check().check(item, now)
    assert isinstance(found, Checked), found
    return found


def test_a_promotion_that_comes_in_quiet_hours_is_scheduled_for_their_end_and_is_valid_from_then() -> None:
    found = checked({**INDIAN, "lane": "promotional"})
    assert (found.scheduled_at, found.expires_at) == (OPENS, OPENS + 48 * HOUR)
    found = checked({**INDIAN, "lane": "promotional", "validity": 60})
    assert (found.scheduled_at, found.expires_at) == (OPENS, OPENS + 60_000)


def test_a_promotion_that_comes_when_they_are_over_goes_at_once() -> None:
    found = checked({**INDIAN, "lane": "promotional"}, OPENS)
    assert (found.scheduled_at, found.expires_at) == (None, OPENS + 48 * HOUR)


def test_other_lanes_and_other_countries_do_not_wait() -> None:
    assert checked(INDIAN).scheduled_at is None
    assert checked({**INDIAN, "to": "+34600000001", "lane": "promotional"}).scheduled_at is None


def test_a_schedule_within_quiet_hours_is_moved_to_their_end_and_any_other_stays() -> None:
    item = {**INDIAN, "lane": "promotional"}
    assert checked({**item, "schedule": "2026-11-22T20:00:00Z"}).scheduled_at == OPENS + 24 * HOUR
    assert checked({**item, "schedule": "2026-11-22T05:00:00Z"}).scheduled_at == OPENS + HOUR * 3 // 2


def test_a_validity_that_ends_before_the_quiet_hours_do_is_refused() -> None:
    item = {**INDIAN, "lane": "promotional", "validity": "2026-11-22T01:00:00Z"}
    found = an_item_check().check(item, NIGHT)
    assert isinstance(found, ItemErrors)
    assert found.fields == {"validity": ["ends within quiet hours, which last until 2026-11-22T03:30:00.000Z"]}
    assert found.codes == {"validity": ["ends_in_quiet_hours"]}

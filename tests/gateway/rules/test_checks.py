from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.checks import Checked, ItemCheck
from gateway.rules.faults import FaultCode, ItemErrors
from gateway.rules.item_fields import ALIASES, FIELDS, OTHER_NAMES
from gateway.rules.routing import Router
from gateway.settings import Account, Lane, Route

NOW = 1_795_284_245_123  # 2026-11-21T18:04:05.123Z
HOUR = 3_600_000
LANES = {
    "otp": Lane.model_validate({"name": "otp", "priority": 1, "validity": "5m"}),
    "transactional": Lane.model_validate({"name": "transactional", "priority": 2, "validity": "24h"}),
}
GOOD = {"to": "+34600000001", "text": "Your code is 1234"}


def an_item_check(*, routes: list[dict[str, Any]] | None = None, **account: Any) -> ItemCheck:
    webhook = {"url": "https://shop.example/all", "secrets": ["whsec_" + "QUJD" * 16]}
    settings = {"name": "shop", "senders": ["SHOP", "34600*"], "default_sender": "SHOP", "webhook": webhook} | account
    return ItemCheck(
        Account.model_validate(settings),
        lanes=LANES,
        router=Router(Route.model_validate(route) for route in routes or [{"name": "rest", "tiers": ["telco"]}]),
        schedule_ahead=30 * 86_400.0,
        longest_validity=87 * 86_400.0,
        url_refusal=lambda url: None if url.startswith("https://") else "is not https",
        message_tlvs={},
    )


def good(item: Any, **account: Any) -> Checked:
    found = an_item_check(**account).check(item, NOW)
    assert isinstance(found, Checked), found
    return found


def wrong(item: Any, **account: Any) -> dict[str, list[str]]:
    """The codes by field."""
    found = an_item_check(**account).check(item, NOW)
    assert isinstance(found, ItemErrors), found
    assert found.fields.keys() == found.codes.keys()
    assert all(len(found.fields[name]) == len(found.codes[name]) for name in found.fields)
    return found.codes


def words(item: Any, field: str, **account: Any) -> str:
    found = an_item_check(**account).check(item, NOW)
    assert isinstance(found, ItemErrors)
    return found.fields[field][0]


def test_two_fields_are_enough_and_the_account_says_the_rest() -> None:
    assert good(GOOD) == Checked(
        route="rest",
        lane="transactional",
        recipient="+34600000001",
        sender="SHOP",
        text="Your code is 1234",
        encoding="gsm7",
        segments=1,
        country="ES",
        expires_at=NOW + 24 * HOUR,
        scheduled_at=None,
        client_id=None,
        tag=None,
        webhook_url=None,
        allow_unicode=False,
    )


def test_every_field_is_taken() -> None:
    item = {
        "to": "+34 600 000 001",
        "text": "Привет",
        "from": "+34600111222",
        "client_id": "order-8841",
        "allow_unicode": True,
        "lane": "otp",
        "schedule": "2026-11-21T19:04:05.123Z",
        "validity": 60,
        "webhook_url": "https://shop.example/sms",
        "tag": "may",
    }
    assert good(item) == Checked(
        "rest", "otp", "+34600000001", "+34600111222", "Привет", "ucs2", 1, "ES", NOW + HOUR + 60_000, NOW + HOUR,
        "order-8841", "may", "https://shop.example/sms", True,
    )  # fmt: skip


def test_aliases_and_first_names_are_the_same() -> None:
    item = {"to": "+34600000001", "message": "ж", "clientId": "a-1", "allowUnicode": True}
    assert good(item) == good({"to": "+34600000001", "text": "ж", "client_id": "a-1", "allow_unicode": True})


def test_a_webhook_url_needs_the_secret_of_the_accounts_webhook() -> None:
    item = GOOD | {"webhook_url": "https://shop.example/sms"}
    assert wrong(item, webhook=None) == {"webhook_url": ["no_webhook"]}
    told = "needs a webhook of the account, whose secret signs it"
    assert words(item, "webhook_url", webhook=None) == told


def test_null_is_as_good_as_absent() -> None:
    nothing = dict.fromkeys([*FIELDS, *ALIASES])
    assert good(nothing | GOOD) == good(GOOD)
    assert wrong(nothing) == {"to": ["missing"], "text": ["missing"]}


def test_every_wrong_field_is_named_at_once() -> None:
    assert wrong(
        {
            "to": "+3460000000",
            "text": "Hello🙂",
            "from": "EVIL",
            "client_id": "x" * 41,
            "lane": "fast",
            "schedule": "2020-01-01T00:00:00Z",
            "validity": 0,
            "webhook_url": "http://shop.example/",
            "tag": 5,
            "allow_unicode": None,
            "flash": 1,
            "spintax": 1,
            "clientid": "y",
        }
    ) == {
        "to": ["number_too_short"],
        "from": ["sender_not_allowed"],
        "client_id": ["too_long"],
        "lane": ["unknown_lane"],
        "schedule": ["in_the_past"],
        "validity": ["too_small"],
        "webhook_url": ["url_not_allowed"],
        "tag": ["wrong_type"],
        "flash": ["wrong_type"],
        "spintax": ["wrong_type"],
        "clientid": ["unknown_field"],
    }


def test_the_contracts_own_example_is_said_word_for_word() -> None:
    found = an_item_check().check({"to": "+3460000000", "text": "Hello🙂"}, NOW)
    assert isinstance(found, ItemErrors)
    assert found.fields == {
        "to": ["is too short for Spain (+34): 8 digits, 9 are needed"],
        "text": ["has '🙂' at position 6, which GSM 03.38 cannot carry; set allow_unicode"],
    }
    assert found.codes == {"to": ["number_too_short"], "text": ["needs_unicode"]}


@pytest.mark.parametrize("item", [None, "text", 5, [], [GOOD], True])
def test_an_item_that_is_no_object_is_refused(item: Any) -> None:
    assert wrong(item) == {"item": ["wrong_type"]}


@pytest.mark.parametrize("field", sorted(FIELDS - {"validity", "max_parts", "tlvs", "variables"}))
@pytest.mark.parametrize("value", [5, 5.5, [], {}, ["x"]])
def test_a_field_of_a_wrong_type_is_refused(field: str, value: Any) -> None:
    assert wrong(GOOD | {field: value}) == {field: ["wrong_type"]}


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_an_integer_beyond_64_bits_is_refused_in_every_field(field: str) -> None:
    assert wrong(GOOD | {field: 1 << 63}) == {field: ["integer_too_large"]}


@pytest.mark.parametrize("field", ["text", "client_id", "tag", "webhook_url"])
def test_nul_and_lone_surrogates_are_refused_wherever_text_is_kept(field: str) -> None:
    assert wrong(GOOD | {field: "https://a\0b"}) == {field: ["nul"]}
    assert wrong(GOOD | {field: "https://a\ud800b"}) == {field: ["lone_surrogate"]}
    assert wrong(GOOD | {field: "https://a\ud800b"}, unicode="allow") == {field: ["lone_surrogate"]}


def test_a_field_given_under_both_names_is_refused() -> None:
    assert wrong(GOOD | {"message": "again"}) == {"message": ["given_twice"]}
    assert wrong({"clientId": "a", "client_id": "a"} | GOOD) == {"client_id": ["given_twice"]}
    assert words(GOOD | {"message": "again"}, "message") == "says the same as text: give one of them"


def test_what_is_wrong_with_an_alias_is_said_under_the_alias() -> None:
    assert wrong({"to": "+34600000001", "message": ""}) == {"message": ["empty"]}
    assert wrong({"to": "+34600000001", "message": "x", "clientId": 5}) == {"clientId": ["wrong_type"]}


def test_an_unknown_field_is_told_with_what_was_meant() -> None:
    assert words(GOOD | {"webhookurl": "x"}, "webhookurl") == "is not a field: did you mean webhook_url?"
    assert words(GOOD | {"sender": "SHOP"}, "sender") == "is not a field: did you mean from?"
    assert words(GOOD | {"priority": 1}, "priority") == "is not a field: leave it out"
    assert set(OTHER_NAMES.values()) <= FIELDS


def test_names_of_unknown_fields_can_always_be_shown() -> None:
    found = an_item_check().check(GOOD | {"\ud800" + "x" * 100: 1}, NOW)
    assert isinstance(found, ItemErrors)
    (name,) = found.fields
    assert len(name.encode()) <= 40


def test_known_lanes_are_named_to_who_asks_for_another() -> None:
    assert words(GOOD | {"lane": "fast"}, "lane") == "is not a lane: use one of otp, transactional"


def test_a_number_that_no_route_takes_is_refused() -> None:
    routes = [{"name": "spain", "match": {"country": ["ES"]}, "tiers": ["telco"]}]
    assert good(GOOD, routes=routes).route == "spain"
    assert wrong(GOOD | {"to": "+33612345678"}, routes=routes) == {"to": ["no_route"]}


def test_a_route_may_ask_for_a_tag_however_closely_the_item_is_looked_at() -> None:
    routes = [{"name": "sale", "match": {"tag": ["sale*"]}, "tiers": ["telco"]}, {"name": "rest", "tiers": ["telco"]}]
    assert good(GOOD | {"tag": "sale-7"}, routes=routes).route == "sale"
    assert good(GOOD | {"tag": "sale-7", "max_parts": 3}, routes=routes).route == "sale"
    assert good(GOOD | {"tag": "other"}, routes=routes).route == "rest"


def test_what_carriers_take_is_known_of_every_branch_of_a_route() -> None:
    routes = [{"name": "best", "strategy": "quality", "tiers": ["telco"]}]
    assert good(GOOD, routes=routes).route == "best/ES"
    assert good(GOOD | {"max_parts": 3}, routes=routes).route == "best/ES"


def test_a_sender_is_needed_where_the_account_has_no_default() -> None:
    assert wrong(GOOD, default_sender=None) == {"from": ["sender_missing"]}
    assert good(GOOD | {"from": "SHOP"}, default_sender=None).sender == "SHOP"


@pytest.mark.parametrize(
    ("policy", "asked", "encoding"),
    [
        ("allow", None, "ucs2"),
        ("allow", True, "ucs2"),
        ("allow", False, None),
        ("refuse", True, "ucs2"),
        ("refuse", False, None),
        ("refuse", None, None),
        ("transliterate", None, "gsm7"),
        ("transliterate", False, "gsm7"),
        ("transliterate", True, "ucs2"),
    ],
)
def test_unicode_goes_by_the_message_and_then_by_the_account(
    policy: str, asked: bool | None, encoding: str | None
) -> None:
    item = {"to": "+34600000001", "text": "“quoted”", "allow_unicode": asked}
    if encoding is None:
        assert wrong(item, unicode=policy) == {"text": ["needs_unicode"]}
    else:
        found = good(item, unicode=policy)
        assert found.encoding == encoding
        assert found.text == ('"quoted"' if encoding == "gsm7" else "“quoted”")
        assert found.allow_unicode is (encoding == "ucs2")


def test_a_wrong_allow_unicode_is_told_once() -> None:
    assert wrong(GOOD | {"allow_unicode": "yes"}) == {"allow_unicode": ["wrong_type"]}


def test_the_validity_counts_from_the_schedule() -> None:
    at = {"schedule": "2026-11-21T20:04:05.123Z"}
    assert good(GOOD | at).expires_at == NOW + 2 * HOUR + 24 * HOUR
    assert good(GOOD | at | {"validity": 60}).expires_at == NOW + 2 * HOUR + 60_000
    assert wrong(GOOD | at | {"validity": "2026-11-21T19:00:00Z"}) == {"validity": ["before_schedule"]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(sorted(FIELDS | ALIASES.keys())) | st.text(st.characters(), max_size=15)


@given(st.dictionaries(NAMES, JSON, max_size=8), st.booleans())
def test_whatever_is_given_is_either_a_message_or_faults_with_codes_of_the_list(
    item: dict[str, Any], is_good: bool
) -> None:
    found = an_item_check(unicode="transliterate").check(item | GOOD if is_good else item, NOW)
    if isinstance(found, ItemErrors):
        assert found.fields
        assert {code for codes in found.codes.values() for code in codes} <= set(FaultCode)
        "".join([*found.fields, *(words for told in found.fields.values() for words in told)]).encode()
    else:
        assert found.expires_at > NOW
        "".join(str(value) for value in found).encode()


_TEXTS = st.sampled_from(
    ["Your code is 1234", "¿Qué?", "€" * 80, "x" * 161, "Привет", "\u201cHi\u201d", "a\0b", "\ud83d", ""]
)
_PLAIN_ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "to": st.sampled_from([
            "+34600000001", "+12025550123", "+14165550123", "+447400103340", "+4407400103340", "+77012345678",
            "+99912", "600", "", "+٣٤٦٠٠٠٠٠٠٠١", "0034600000001", None, 7,
        ]),
        "text": st.one_of(_TEXTS, st.text(max_size=200), st.none(), st.just(5)),
        "from": st.sampled_from(["SHOP", "34600111222", "+34600111222", "EVIL", "much too long for it", None, 7]),
        "lane": st.sampled_from(["otp", "transactional", "fast", "", None, 7, ["otp"]]),
        "client_id": st.one_of(st.text(max_size=42), st.none(), st.just(7)),
        "tag": st.one_of(st.text(max_size=102), st.none(), st.just({})),
    },
)  # fmt: skip
_ROUTED = [
    {"name": "spanish-otps", "match": {"country": ["ES"], "lane": ["otp"]}, "tiers": ["telco"]},
    {"name": "ontario", "match": {"prefix": ["1416"]}, "tiers": ["telco"]},
    {"name": "by-number", "match": {"sender": ["34600*"]}, "tiers": ["telco"]},
    {"name": "some", "match": {"country": ["ES", "US", "GB", "CA"]}, "tiers": ["telco"]},
]
_ACCOUNTS = [
    an_item_check(routes=_ROUTED, unicode=unicode, number_check=check, default_sender=sender)
    for unicode in ("allow", "refuse", "transliterate")
    for check in ("shape", "possible", "valid")
    for sender in ("SHOP", None)
]


@given(st.sampled_from(_ACCOUNTS), _PLAIN_ITEMS)
def test_the_quick_look_sees_what_the_close_one_sees(account: ItemCheck, item: dict[str, Any]) -> None:
    assert account.check(item, NOW) == account.check({**item, "validity": None}, NOW)


ROUTES_OF_EACH_KIND: list[list[dict[str, Any]]] = [
    [{"name": "rest", "tiers": ["telco"]}],
    [
        {"name": "es", "tiers": ["telco"], "match": {"country": ["ES"], "lane": ["otp"]}},
        {"name": "rest", "tiers": ["b"]},
    ],
    [{"name": "some", "tiers": ["telco"], "match": {"prefix": ["34600"]}}, {"name": "rest", "tiers": ["b"]}],
    [{"name": "shop", "tiers": ["telco"], "match": {"sender": ["SHOP"]}}, {"name": "rest", "tiers": ["b"]}],
    [{"name": "may", "tiers": ["telco"], "match": {"tag": ["may"]}}, {"name": "rest", "tiers": ["b"]}],
    [{"name": "cheap", "strategy": "cheapest", "tiers": [["a", "b"]], "prices": {"a": {"ES": 1}, "b": {"34600": 0.5}}}],
]


@pytest.mark.parametrize("routes", ROUTES_OF_EACH_KIND)
@pytest.mark.parametrize("account", [{}, {"landlines": "refuse"}])
def test_what_is_kept_of_one_item_is_not_mixed_up_with_another(
    routes: list[dict[str, Any]], account: dict[str, Any]
) -> None:
    kept = an_item_check(routes=routes, **account)
    items = [
        {"to": to, "text": "hi", "from": sender, "lane": lane, "tag": tag}
        for to in ("+34600000001", "+34711000001", "+34910000001", "+447400000001", "+12015550123")
        for sender in (None, "SHOP", "34600*", "+34600123456")
        for lane in (None, "otp", "none")
        for tag in (None, "may")
    ]
    for item in items * 2:
        alone = an_item_check(routes=routes, **account)
        assert kept.check(item, NOW) == alone.check(item, NOW) == alone.check_closely(item, NOW)

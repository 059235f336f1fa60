"""What support was told of a message is understood: ids of ours and of others, numbers in any spelling, filters."""

import pytest

from gateway.desk.faults import WrongFields
from gateway.desk.searching import Search, bare_number, parse, ways_of
from gateway.identifiers import CAMPAIGN, MESSAGE, public
from gateway.messages import Status
from gateway.rules.timestamps import parse_rfc3339
from gateway.settings import Settings
from gateway.store.lists.interface import MessageFilter

ID = 1_795_284_245_123 << 20
SETTINGS = Settings.model_validate(
    {"accounts": {"shop": {"tokens": [{"sha256": "0" * 64}], "senders": ["*"], "default_region": "ES"}}}
)


def meant(q: str) -> list[object]:
    """What is tried for it in turn, in short."""
    found: list[object] = []
    for way in ways_of(Search(q=q), SETTINGS):
        asked = {
            name: value
            for name, value in way.wanted._asdict().items()
            if value is not None and value != MessageFilter._field_defaults.get(name)
        }
        found.append(asked | ({} if way.carrier_id is None else {"carrier_id": way.carrier_id}))
    return found


@pytest.mark.parametrize(
    ("q", "ways"),
    [
        (public(MESSAGE, ID), [{"ids": [ID]}]),
        (public(CAMPAIGN, ID), [{"campaign": ID}]),
        ("+34600000001", [{"recipient": "+34600000001"}]),
        ("+34 600 000-001", [{"recipient": "+34600000001"}]),
        ("*1234", [{"ends_with": "1234"}]),
        ("…1234", [{"ends_with": "1234"}]),
        ("••••••01", [{"ends_with": "01"}]),
        ("8841", [{"ends_with": "8841"}]),
        ("order-8841", [{"client_id": "order-8841"}, {"carrier_id": "order-8841"}]),
        ("5F3A", [{"client_id": "5F3A"}, {"carrier_id": "5F3A"}]),
        (
            "600000001",
            [
                {"recipient": "+600000001"},
                {"recipient": "+34600000001"},
                {"client_id": "600000001"},
                {"carrier_id": "600000001"},
                {"ends_with": "600000001"},
            ],
        ),
        (
            "0034600000001",
            [{"recipient": "+34600000001"}, {"client_id": "0034600000001"}, {"carrier_id": "0034600000001"}],
        ),
    ],
)
def test_one_field_takes_whatever_was_told(q: str, ways: list[object]) -> None:
    assert meant(q) == ways


def test_filters_hold_beside_whatever_was_told() -> None:
    fields = {"q": "*1234", "status": "sent,delivered", "account": "shop", "after": "2026-11-21T18:04:05Z"}
    search = parse(fields)
    assert (search.account, search.after) == ("shop", parse_rfc3339(fields["after"]))
    (way,) = ways_of(search, SETTINGS)
    assert way.wanted.statuses == [Status.SENT, Status.DELIVERED]
    assert (way.wanted.ends_with, way.wanted.after) == ("1234", search.after)


def test_each_thing_can_be_asked_by_its_own_name() -> None:
    search = parse({"id": public(MESSAGE, ID), "client_id": "a", "carrier_message_id": "5F3A", "carrier": "telco"})
    (way,) = ways_of(search, SETTINGS)
    assert (way.wanted.ids, way.wanted.client_id, way.wanted.carrier, way.carrier_id) == ([ID], "a", "telco", "5F3A")
    assert [way.wanted.recipient for way in ways_of(parse({"number": "34600000001"}), SETTINGS)] == ["+34600000001"]
    assert parse({"number": " 34600000001"}).number == "+34600000001"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"q": "msg_01KAK5Y7Q4V8M3Z2T9N6C1XHRD"}, "not_an_id"),
        ({"q": "cmp_1"}, "not_an_id"),
        ({"q": "a\u202eb"}, "not_printable"),
        ({"id": "order-1"}, "not_an_id"),
        ({"number": "12"}, "not_a_number"),
        ({"ends_with": "12a4"}, "not_a_number"),
        ({"status": "lost"}, "unknown_status"),
        ({"after": "yesterday"}, "not_a_time"),
        ({"after": "2026-11-21T18:04:05Z", "before": "2026-11-20T18:04:05Z"}, "too_small"),
    ],
)
def test_what_makes_no_sense_is_told_by_its_field(fields: dict[str, str], code: str) -> None:
    with pytest.raises(WrongFields) as wrong:
        parse(fields)
    assert wrong.value.codes == {list(fields)[-1]: [code]}


@pytest.mark.parametrize("text", ["order 8841", "+34", "11-21", "a+34600000001"])
def test_what_is_no_number_stays_as_it_is(text: str) -> None:
    assert bare_number(text) == text

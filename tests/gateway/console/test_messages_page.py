"""The messages' page over a desk that answers as it is told: what its form asks for, and how a search goes on."""

from typing import Any

import pytest
from console_callers import ConsoleCaller

from gateway.console.pages.messages import MessagesPages
from gateway.desk.cursors import CURSOR
from gateway.desk.masks import Sight
from gateway.desk.searching import Search
from gateway.identifiers import CAMPAIGN, MESSAGE, public
from gateway.messages import Status

FOUND = {
    "id": public(MESSAGE, 7 << 20),
    "account": "shop",
    "client_id": None,
    "from": "SHOP",
    "to": "+34•••••••01",
    "status": "sent",
    "lane": "otp",
    "carrier": None,
    "created_at": "2026-11-22T09:30:00.000Z",
}
CAMPAIGN_ID = public(CAMPAIGN, 8 << 20)


class Desk:
    """Gives the same page to every search."""

    def __init__(self) -> None:
        self.page: dict[str, Any] = {"entities": [], "next_cursor": None, "looked_back_to": None}
        self.asked: list[tuple[Search, int | None]] = []

    async def search(self, wanted: Search, *, limit: int, cursor: int | None, sight: Sight) -> dict[str, Any]:
        assert sight is Sight.MASKED
        assert limit == 50
        self.asked.append((wanted, cursor))
        return self.page


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def pages(desk: Desk) -> Any:
    return lambda frame, settings: MessagesPages(frame, desk, settings)


async def test_a_search_that_was_cut_off_says_how_far_it_went_and_goes_on(desk: Desk, operator: ConsoleCaller) -> None:
    cursor = public(CURSOR, 5)
    desk.page = {"entities": [FOUND], "next_cursor": cursor, "looked_back_to": "2026-11-22T09:12:00.000Z"}
    await operator.get("/console/messages?q=0001&account=shop")
    assert "Searched back to" in operator.last
    assert "09:12:00" in operator.last
    assert "1 found." in operator.last
    assert f'href="/console/messages?q=0001&amp;account=shop&amp;cursor={cursor}"' in operator.last
    await operator.get(f"/console/messages?q=0001&account=shop&cursor={cursor}")
    assert desk.asked[-1] == (Search(q="0001", account="shop"), 5)


async def test_a_search_that_was_cut_off_before_it_found_any_does_not_say_that_there_is_none(
    desk: Desk, operator: ConsoleCaller
) -> None:
    desk.page = {"entities": [], "next_cursor": public(CURSOR, 5), "looked_back_to": "2026-11-22T09:12:00.000Z"}
    await operator.get("/console/messages?q=0001")
    assert "Nothing found so far" in operator.last
    assert "Search further back" in operator.last
    assert "Nothing found<" not in operator.last
    assert "You could" not in operator.last


async def test_the_form_asks_the_desk_for_all_that_was_filled_in(desk: Desk, operator: ConsoleCaller) -> None:
    await operator.get(
        "/console/messages?q=+%2B34600000001+&status=sent&account=shop&carrier=telco&lane=otp"
        "&when=between&after=2026-11-22T09:00&before=2026-11-22T10:00&zone=Europe%2FMadrid"
    )
    ((wanted, cursor),) = desk.asked
    assert wanted == Search(
        q="+34600000001",
        statuses=[Status.SENT],
        account="shop",
        carrier="telco",
        lane="otp",
        after=1_795_334_400_000,
        before=1_795_338_000_000,
    )
    assert cursor is None


async def test_a_pick_by_its_button_goes_before_the_one_that_was_in_force(desk: Desk, operator: ConsoleCaller) -> None:
    await operator.get("/console/messages?q=&when=any&when=today")
    ((wanted, _),) = desk.asked
    assert wanted == Search()


async def test_an_id_leads_straight_to_its_message(desk: Desk, operator: ConsoleCaller) -> None:
    answer = await operator.get(f"/console/messages?q={FOUND['id']}")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/console/messages/{FOUND['id']}"
    assert desk.asked == []


@pytest.mark.parametrize(
    ("query", "client_id", "words"),
    [
        ("", None, "Latest messages"),
        ("q=%2B34 600-000 001", None, "Messages to <bdi>+34600000001</bdi>"),
        ("q=*0001", None, "Messages to numbers that end in <bdi>0001</bdi>"),
        ("q=600000001", None, "Messages that match <bdi>600000001</bdi>"),
        ("q=order-7", "order-7", "Messages with the customer&#39;s reference <bdi>order-7</bdi>"),
        ("q=5F3A-77", "order-7", "Messages with the carrier&#39;s id <bdi>5F3A-77</bdi>"),
        (f"q={CAMPAIGN_ID}", None, f"Messages of campaign <bdi>{CAMPAIGN_ID}</bdi>"),
        (
            "status=sent&account=shop&when=hour",
            None,
            "Latest messages: <bdi>sent</bdi>, <bdi>account shop</bdi>, <bdi>last hour</bdi>",
        ),
        (
            "q=0001&after=2026-11-22T09:00&before=2026-11-22T10:00",
            None,
            "end in <bdi>0001</bdi>: <bdi>from 2026-11-22 09:00</bdi>, <bdi>to 2026-11-22 10:00</bdi>",
        ),
    ],
)
async def test_what_was_found_is_headed_by_what_was_searched(
    desk: Desk, operator: ConsoleCaller, query: str, client_id: str | None, words: str
) -> None:
    desk.page = {"entities": [FOUND | {"client_id": client_id}], "next_cursor": None, "looked_back_to": None}
    await operator.get(f"/console/messages?{query}")
    heading = operator.last.partition('<h2 id="found">')[2].partition("</h2>")[0]
    assert words in heading
    assert "1 shown" in heading


@pytest.mark.parametrize("typed", ["01", "001", "*1"])
async def test_too_few_digits_of_a_number_are_said_to_be_too_few(
    desk: Desk, operator: ConsoleCaller, typed: str
) -> None:
    await operator.get(f"/console/messages?q={typed}")
    fault = operator.last.partition('class="fault"')[2].partition("</p>")[0]
    assert "at least its last 4 digits are needed" in fault
    assert "No message matches" not in operator.last


async def test_an_id_as_short_as_that_is_found_all_the_same(desk: Desk, operator: ConsoleCaller) -> None:
    desk.page = {"entities": [FOUND | {"client_id": "001"}], "next_cursor": None, "looked_back_to": None}
    await operator.get("/console/messages?q=001")
    assert 'class="fault"' not in operator.last
    assert "customer&#39;s reference <bdi>001</bdi>" in operator.last


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("q=msg_1", "was it copied whole?"),
        ("status=dreaming", "Status must be"),
        ("after=noon", "From "),
        ("cursor=cur_x", "The page is not"),
    ],
)
async def test_what_makes_no_sense_is_told_beside_its_field(
    desk: Desk, operator: ConsoleCaller, query: str, told: str
) -> None:
    answer = await operator.get(f"/console/messages?{query}")
    assert answer.status_code == 200
    fault = operator.last.partition('class="fault"')[2].partition("</p>")[0]
    assert told in fault
    assert desk.asked == []

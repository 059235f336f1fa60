"""How far a campaign goes on in quiet hours."""

import trio

from gateway.flows.quiet_campaigns import AT_A_TIME, LONGEST_HOLD_MS, MOST_AHEAD, QuietCampaigns
from gateway.rules.quiet_hours import QuietHours
from gateway.settings import Lane
from gateway.settings.countries import CountryRules
from gateway.store.campaigns.interface import NewRecipient

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z, 3:00 in New York
OPENS = NOW + 5 * 3_600_000
LANE = "promotional"
SLICE = 500


def a_campaign_s() -> QuietCampaigns:
    rules = {"US": CountryRules.model_validate({"quiet_hours": "21:00-08:00"})}
    lane = Lane.model_validate({"name": LANE, "priority": 3, "quiet_hours": "respect"})
    return QuietCampaigns(QuietHours(rules, [lane]))


def some(number: str, country: str) -> list[NewRecipient]:
    return [NewRecipient(position, number, "rest", "SHOP", country, "{}") for position in range(SLICE)]


AMERICANS, SPANIARDS = some("+12125550123", "US"), some("+34600000001", "ES")


async def hold_ms(
    quiet: QuietCampaigns, recipients: list[NewRecipient], now: int, *, campaign: int = 1, lane: str = LANE
) -> int:
    return quiet.hold_ms(campaign, await quiet.openings(lane, recipients, now), now)


async def gone_ahead() -> QuietCampaigns:
    quiet = a_campaign_s()
    holds = [await hold_ms(quiet, AMERICANS, NOW) for _ in range(MOST_AHEAD // SLICE)]
    assert set(holds) == {0}
    return quiet


async def test_it_holds_once_so_many_messages_wait_and_is_looked_at_again_soon() -> None:
    assert await hold_ms(await gone_ahead(), AMERICANS, NOW) == LONGEST_HOLD_MS
    assert await hold_ms(await gone_ahead(), AMERICANS, OPENS - 700) == 700


async def test_a_slice_with_anybody_who_may_be_written_to_is_not_held() -> None:
    assert await hold_ms(await gone_ahead(), [*AMERICANS, *SPANIARDS[:1]], NOW) == 0


async def test_it_goes_on_when_the_hours_are_over_and_begins_to_count_again_the_next_night() -> None:
    quiet = await gone_ahead()
    assert await hold_ms(quiet, AMERICANS, OPENS) == 0
    next_night = OPENS + 13 * 3_600_000
    assert await hold_ms(quiet, AMERICANS, next_night) == 0


async def test_each_campaign_is_counted_by_itself_and_forgotten_when_it_ends() -> None:
    quiet = await gone_ahead()
    assert await hold_ms(quiet, AMERICANS, NOW, campaign=2) == 0
    quiet.ended(1)
    assert await hold_ms(quiet, AMERICANS, NOW) == 0


async def test_other_lanes_are_never_held() -> None:
    assert await hold_ms(await gone_ahead(), AMERICANS, NOW, lane="transactional") == 0


async def test_others_have_their_turn_while_a_slice_is_looked_at() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(others)
        await a_campaign_s().openings(LANE, AMERICANS, NOW)
        nursery.cancel_scope.cancel()
    assert turns >= SLICE // AT_A_TIME // 2

"""Campaigns that a restore has held: paused until they are released, whatever their accounts want."""

from held_stores import end, release, restored
from played_campaigns import PlayedCampaign

from gateway.store.by import by_account
from gateway.store.campaigns.interface import CampaignMove, CampaignState
from gateway.store.held_queue.interface import HeldFilters, HeldWhat


async def test_campaigns_are_paused_and_cannot_be_resumed_by_their_account_until_they_are_released(bench):
    campaign = await PlayedCampaign(bench).load(30)
    await campaign.expand(10)
    async with restored(bench) as after:
        assert after.sql("SELECT state FROM campaigns") == [(CampaignState.PAUSED,)]
        summary = await after.store.held()
        assert [(one.id, one.waiting) for one in summary.campaigns] == [(campaign.id, 20)]
        resume = await after.store.resume_campaign("shop", campaign.id, by=by_account("shop", 1))
        assert resume is CampaignMove.NOT_POSSIBLE
        bind = after.bind()
        await bind.ask(50)
        await release(after, HeldFilters(what=HeldWhat.MESSAGES))
        assert bind.messages == []
        await release(after)
        assert len(bind.messages) == 10
        assert after.sql("SELECT state FROM campaigns") == [(CampaignState.RUNNING,)]


async def test_a_campaign_that_its_account_had_paused_stays_paused_when_it_is_released(bench):
    campaign = await PlayedCampaign(bench).load(30)
    await campaign.pause()
    async with restored(bench) as after:
        await release(after)
        assert after.sql("SELECT state FROM campaigns") == [(CampaignState.PAUSED,)]


async def test_a_held_campaign_that_is_ended_is_canceled(bench):
    campaign = await PlayedCampaign(bench).load(30)
    await campaign.expand(10)
    async with restored(bench) as after:
        await end(after)
        await after.commit()
        assert after.sql("SELECT state, settled FROM campaigns") == [(CampaignState.CANCELED, 1)]


async def test_a_campaign_that_its_account_pauses_while_it_is_held_stays_paused_when_it_is_released(bench):
    campaign = await PlayedCampaign(bench).load(30)
    async with restored(bench) as after:
        pause = await after.store.pause_campaign("shop", campaign.id, by=by_account("shop", 1))
        assert pause is CampaignMove.ALREADY
        await release(after)
        assert after.sql("SELECT state FROM campaigns") == [(CampaignState.PAUSED,)]
        resume = await after.store.resume_campaign("shop", campaign.id, by=by_account("shop", 2))
        assert resume is CampaignMove.DONE


async def test_a_held_campaign_that_its_account_cancels_is_held_no_longer(bench):
    campaign = await PlayedCampaign(bench).load(30)
    async with restored(bench) as after:
        assert len((await after.store.held()).campaigns) == 1
        await after.store.cancel_campaign("shop", campaign.id, by=by_account("shop", 1))
        assert await after.store.held() is None
        assert await release(after) == 0

"""What accounts answer keywords with: a message of theirs, from the number written to, or nothing."""

import logging
from typing import Any

import pytest
from houses import a_configuration

from gateway.flows.keyword_replies import KeywordReplies
from gateway.rules.keywords import KeywordKind
from gateway.settings import Settings

NOW = 1_800_000_000_000
HANDSET = "+34600000001"
OURS = "+34600111222"


def replies(routes: list[dict[str, Any]] | None = None, **account: Any) -> KeywordReplies:
    configuration = a_configuration()
    given = {"senders": ["34600111222"], "default_sender": "34600111222", "default_lane": "promotional", **account}
    configuration["accounts"]["shop"] |= given
    if routes:
        configuration["routes"] = routes
    return KeywordReplies(Settings.model_validate(configuration))


def test_a_reply_comes_from_the_number_written_to_in_the_transactional_lane() -> None:
    answer = replies(stop_reply="Adiós {friend}: 再见")("shop", OURS, HANDSET, KeywordKind.STOP, NOW)
    assert answer is not None
    assert (answer.sender, answer.recipient, answer.lane, answer.route) == (OURS, HANDSET, "transactional", "rest")
    assert (answer.text, answer.encoding) == ("Adiós {friend}: 再见", "ucs2"), "as it is written, whatever it needs"


def test_nothing_is_answered_where_there_is_no_text_for_it() -> None:
    found = replies(help_reply="Hello")
    assert found("shop", OURS, HANDSET, KeywordKind.HELP, NOW) is not None
    assert found("shop", OURS, HANDSET, KeywordKind.STOP, NOW) is None
    assert found("other", OURS, HANDSET, KeywordKind.HELP, NOW) is None


def test_where_no_route_takes_that_lane_the_accounts_own_is_taken() -> None:
    found = replies([{"name": "ads", "tiers": ["telco"], "match": {"lane": ["promotional"]}}], stop_reply="Bye")
    answer = found("shop", OURS, HANDSET, KeywordKind.STOP, NOW)
    assert answer is not None
    assert (answer.lane, answer.route) == ("promotional", "ads")


@pytest.mark.parametrize(("number", "handset"), [("12345", HANDSET), (OURS, "+12345")])
def test_a_number_that_is_not_the_accounts_and_a_handset_that_is_none_are_not_answered(
    number: str, handset: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert replies(stop_reply="Bye")("shop", number, handset, KeywordKind.STOP, NOW) is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert "account=shop kind=stop codes=" in line
    assert number not in line
    assert handset not in line

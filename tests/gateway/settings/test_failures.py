"""What a carrier's failures may be made to mean, and what is told of what can't be meant."""

import re

import pytest
from least_settings import Loads

from gateway.settings import ConfigurationError
from gateway.settings.failures import Action, status_number
from protocol.command_status import CommandStatus

CARRIER = """
[carriers.second]
hosts = ["two.example:2775"]
system_id = "acme"
password = "secret"
"""


def test_statuses_are_named_or_numbered(loads: Loads) -> None:
    carrier = loads(CARRIER + 'on_status = { ESME_RSYSERR = "fail", "0x0400" = "stop", "0X58" = "slow" }').carriers
    assert carrier["second"].on_status == {
        "ESME_RSYSERR": Action.FAIL,
        "0x0400": Action.STOP,
        "0X58": Action.SLOW,
    }
    assert [status_number(name) for name in carrier["second"].on_status] == [0x08, 0x0400, 0x58]


def test_names_of_both_specifications_are_known() -> None:
    assert status_number("ESME_RINVTLVSTREAM") == status_number("ESME_RINVOPTPARSTREAM") == 0xC0
    assert {status_number(status.name) for status in CommandStatus} == set(CommandStatus)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            'on_status = { ESME_FOO = "fail" }',
            'carriers.second.on_status names "ESME_FOO", which is no command_status; write a name of SMPP or a number',
        ),
        ('on_status = { "1024" = "fail" }', 'names "1024", which is no command_status'),
        (
            'on_status = { "0x0400" = "later" }',
            '.on_status.0x0400 is "later"; the actions are retry_here, retry_elsewhere, fail, slow, stop',
        ),
        ('on_status = { "0x0400" = "rebind" }', 'is "rebind"; the actions are'),
        ('on_status = { "0x0400" = 3 }', "is 3; the actions are"),
        ('on_status = { ESME_ROK = "fail" }', 'names "ESME_ROK", which is no failure; take it out'),
        (
            'on_status = { ESME_RSYSERR = "fail", "0x8" = "slow" }',
            'names one status twice, as "ESME_RSYSERR" and as "0x8"; keep one',
        ),
        ('on_receipt = { "001" = "slow" }', 'is "slow"; the actions are fail, retry_elsewhere, stop'),
        (
            'breaker = false\non_receipt = { "001" = "stop" }',
            "on_receipt.001 would stop nothing, since breaker is false",
        ),
        ('breaker = false\non_status = { "0x0400" = "stop" }', "would stop nothing, since breaker is false"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_remedy(loads: Loads, given: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        loads(CARRIER + given)


def test_lanes_send_undelivered_messages_again_only_where_they_say_so(loads: Loads) -> None:
    lanes = loads("[lanes.otp]\nretry_undelivered = true").lanes
    assert [name for name, lane in lanes.items() if lane.retry_undelivered] == ["otp"]

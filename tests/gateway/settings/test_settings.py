"""What load() gives. What it refuses is in test_settings_problems, where things come from in test_settings_files."""

import re
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from least_settings import LEAST, SECRET, Loads, of_account, refusal

from gateway.messages import Status
from gateway.settings import (
    CarrierMode,
    EventType,
    InDoubt,
    InterfaceVersion,
    MessageIdBase,
    Scope,
    Settings,
    load,
)
from gateway.settings.problems import section_in

EXAMPLE = Path(__file__).parents[3] / "config" / "sluice.example.toml"


def of_carrier(line: str) -> str:
    return LEAST.replace('system_id = "acme"', f'system_id = "acme"\n{line}')


def test_one_carrier_one_route_and_one_account_suffice(loads: Loads) -> None:
    settings = loads()
    assert settings.http.listen == ["127.0.0.1:8080"]
    assert settings.operator.listen == ["127.0.0.1:9090"]
    assert settings.store.path == Path("/var/lib/sluice/sluice.db")
    carrier = settings.carriers["telco"]
    assert (carrier.name, carrier.binds, carrier.window, carrier.mode) == ("telco", 1, 10, CarrierMode.TRANSCEIVER)
    assert (carrier.response_timeout, carrier.receipt_horizon) == (60.0, 259_200.0)
    assert carrier.interface_version == 0x34
    account = settings.accounts["shop"]
    assert account.tokens[0].scopes == {Scope.SEND, Scope.READ, Scope.OPT_OUTS}
    assert settings.routes[0].carriers_by_tier == (("telco",),)


def test_the_lanes_of_the_contract_are_there_unwritten(loads: Loads) -> None:
    lanes = loads().lanes
    told = {name: (lane.priority, lane.validity, lane.in_doubt, lane.text_kept) for name, lane in lanes.items()}
    assert told == {
        "otp": (1, 300.0, InDoubt.HOLD, 0.0),
        "transactional": (2, 86_400.0, InDoubt.RESEND, 86_400.0),
        "promotional": (3, 172_800.0, InDoubt.HOLD, 86_400.0),
    }


def test_a_code_is_tried_again_within_seconds_and_an_offer_within_minutes(loads: Loads) -> None:
    lanes = loads().lanes
    told = {name: (lane.retry_floor, lane.retry_ceiling, lane.duplicate_window) for name, lane in lanes.items()}
    assert told == {"otp": (1.0, 10.0, 30.0), "transactional": (5.0, 300.0, 0.0), "promotional": (60.0, 900.0, 0.0)}
    assert {lane.rate for lane in lanes.values()} == {0}


def test_an_account_has_no_limits_unless_some_are_set(loads: Loads) -> None:
    assert set(loads().accounts["shop"].limits.model_dump().values()) == {0}
    limits = loads(of_account("limits = { requests_per_second = 200, messages_per_day = 2_000_000 }"), least="")
    assert limits.accounts["shop"].limits.model_dump() == {
        "requests_per_second": 200, "messages_per_second": 0, "messages_per_day": 2_000_000, "backlog": 0,
    }  # fmt: skip


def test_a_lane_table_changes_one_key_and_adds_a_lane(loads: Loads) -> None:
    lanes = loads('[lanes.otp]\nvalidity = "3m"\n[lanes.alerts]\npriority = 2').lanes
    assert (lanes["otp"].validity, lanes["otp"].priority, lanes["otp"].text_kept) == (180.0, 1, 0.0)
    assert (lanes["alerts"].name, lanes["alerts"].in_doubt) == ("alerts", InDoubt.HOLD)


def test_retention_text_holds_for_lanes_that_do_not_say_their_own(loads: Loads) -> None:
    lanes = loads('[retention]\ntext = "2h"\n[lanes.promotional]\ntext_kept = "1h"').lanes
    assert {name: lane.text_kept for name, lane in lanes.items()} == {
        "otp": 0,
        "transactional": 7200,
        "promotional": 3600,
    }


def test_settings_built_in_code_get_names_and_lanes_too() -> None:
    carrier = {"hosts": ["h:1"], "system_id": "x", "password": "y"}
    settings = Settings.model_validate({"carriers": {"telco": carrier}, "retention": {"text": "2h"}})
    assert settings.carriers["telco"].name == "telco"
    assert settings.lanes["transactional"].text_kept == 7200


def test_the_example_loads_with_its_secrets_from_the_credentials_directory(tmp_path: Path) -> None:
    contents = {"operator_token": "0123456789abcdef\n", "telco_password": "one\n", "backup_password": "two\r\n"}
    for name, content in {**contents, "shop_webhook_secret": SECRET}.items():
        (tmp_path / name).write_text(content)
    settings = load(EXAMPLE, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert [c.password.get_secret_value() for c in settings.carriers.values()] == ["one", "two"]
    assert settings.operator.tokens[0].sha256 == "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f"
    assert settings.routes[1].carriers_by_tier == (("telco", "backup"),)
    webhook = settings.accounts["shop"].webhook
    assert webhook is not None
    assert [len(key) for key in webhook.keys] == [24]


def test_the_example_shows_every_key_each_with_a_comment() -> None:
    text = EXAMPLE.read_text()
    shown = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
    sections = {name for name in (section_in(field.annotation) for field in Settings.model_fields.values()) if name}
    inner = {found for s in sections for f in s.model_fields.values() if (found := section_in(f.annotation))}
    keys = {key for section in sections | inner for key in section.model_fields}
    instead_of_files = {"password", "secrets", "file", "token"}
    in_headers = {"match", "webhook", "name", "tls", "limits"}
    assert keys - shown - instead_of_files - in_headers == set()
    least_account_and_carrier = (
        text[text.index("[carriers.backup]") : text.index("[[routes]]")],
        text[text.index("[accounts.school]") :],
    )
    explained = text
    for part in least_account_and_carrier:
        explained = explained.replace(part, "")
    bare = [line for line in explained.splitlines() if " = " in line and "  #" not in line]
    assert bare == []


@pytest.mark.parametrize(
    "text", ["host", "host:", ":2775", "host:70000", "2001:db8::7:2775", "[zz]:1", "http://h:1", "h:²"]
)
def test_an_address_that_is_none_is_refused(loads: Loads, text: str) -> None:
    told = refusal(loads, least=LEAST.replace("smpp.telco.example:2775", text))
    assert "sluice.toml: carriers.telco.hosts[0] is " in told


def test_a_network_with_host_bits_is_answered_with_the_network_that_was_meant(loads: Loads) -> None:
    told = refusal(loads, '[http]\ntrusted_proxies = ["10.1.2.3/8"]')
    assert """http.trusted_proxies[0] is '10.1.2.3/8'; the network of that address is "10.0.0.0/8\"""" in told
    assert loads('[http]\ntrusted_proxies = ["10.0.0.0/8", "::1"]').http.trusted_proxies == [
        ip_network("10.0.0.0/8"), ip_network("::1/128"),
    ]  # fmt: skip


def test_every_status_of_a_message_has_its_event() -> None:
    statuses = {f"message.{status}" for status in Status}
    assert {str(event) for event in EventType} == statuses | {
        "message.in_doubt",
        "message.inbound",
        "recipient.opt_out",
        "campaign.completed",
        "webhook.test",
    }


def test_an_endpoint_is_told_all_but_queued_scheduled_and_doubt_unless_it_says(loads: Loads) -> None:
    told = f'[accounts.shop.webhook]\nurl = "https://shop.example/sms"\nsecrets = ["{SECRET}"]'
    webhook = loads(least=of_account(told)).accounts["shop"].webhook
    assert webhook is not None
    assert set(EventType) - set(webhook.events) == {EventType.QUEUED, EventType.SCHEDULED, EventType.IN_DOUBT}
    assert webhook.batch == 1


@pytest.mark.parametrize("url", ["sqlite:///srv/x.db", "sqlite:////srv/x.db"])
def test_the_store_has_an_absolute_path(loads: Loads, url: str) -> None:
    assert loads(f'[store]\nurl = "{url}"').store.path == Path("/srv/x.db")


@pytest.mark.parametrize(
    "url", ["sqlite://x.db", "sqlite:///", "sqlite:///:memory:", "/srv/x.db", "sqlite:///srv/", "sqlite:///x?mode=ro"]
)
def test_a_store_without_an_absolute_path_is_refused(loads: Loads, url: str) -> None:
    assert 'write "sqlite://" and an absolute path' in refusal(loads, f'[store]\nurl = "{url}"')


def test_values_of_a_carrier_are_read(loads: Loads) -> None:
    choices = 'mode = "transmitter+receiver"\nmessage_id = "hex"\ninterface_version = "5.0"'
    carrier = loads(least=of_carrier(f"{choices}\nsubmit_rate = 0.5\nsource_ton = 0")).carriers["telco"]
    assert carrier.mode is CarrierMode.TRANSMITTER_AND_RECEIVER
    assert carrier.message_id is MessageIdBase.HEX
    assert carrier.interface_version is InterfaceVersion.V5_0
    assert (carrier.submit_rate, carrier.source_ton, carrier.dest_ton) == (0.5, 0, None)


def test_prefixes_of_a_route_are_kept_without_the_plus(loads: Loads) -> None:
    route = '[[routes]]\nname = "es"\ntiers = [["telco"]]\nmatch = { prefix = ["+34600", "34"] }\n'
    assert loads(least=route + LEAST).routes[0].match.prefix == ["34600", "34"]


def test_the_longest_validity_leaves_time_for_receipts(loads: Loads) -> None:
    assert loads('[retention]\nmessages = "10d"').longest_validity == 7 * 86_400


def test_settings_cannot_be_changed(loads: Loads) -> None:
    settings = loads()
    with pytest.raises(ValueError, match="frozen"):
        settings.limits.bulk_items = 1


def test_settings_need_no_event_loop_and_no_web_server() -> None:
    code = "import sys, gateway.settings; print(*{'trio', 'quart', 'h11', 'aiosqlite', 'smpplib'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"

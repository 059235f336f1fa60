"""`sluice check` prints a configuration that loads again, without a secret, and what each carrier can take."""

import argparse
import tomllib
from pathlib import Path

import pytest
from least_settings import LEAST

from gateway.cli import check, main
from gateway.cli.toml_text import settings_text
from gateway.settings import Carrier, Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CONFIGURATION = f"""
[operator]
tokens = [{{ file = "operator_token" }}]
webhook = {{ url = "https://ops.example/sms", secret_files = ["ops_webhook"] }}
[lookup]
url = "https://numbers.example/lookup"
token_file = "lookup_token"
[carriers.telco]
hosts = ["smpp.telco.example:2775"]
system_id = 'ac"me'
password = "hunter2hunter2"
interface_version = "3.3"
[carriers.backup]
hosts = ["smpp.backup.example:2775"]
system_id = "acme"
password_file = "backup_password"
[[routes]]
name = "rest"
tiers = ["telco", ["backup"]]
[accounts.shop]
tokens = [{{ sha256 = "{SHA}", allow_from = ["10.0.0.0/8"] }}]
senders = ["SHOP"]
webhook = {{ url = "https://shop.example/sms?key=hunter4", secrets = ["{SECRET}"], secret_files = ["webhook"] }}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "operator_token").write_text("0123456789abcdef")
    (tmp_path / "backup_password").write_text("hunter3")
    (tmp_path / "webhook").write_text("whsec_" + "A" * 32)
    (tmp_path / "ops_webhook").write_text("whsec_" + "A" * 32)
    (tmp_path / "lookup_token").write_text("hunter5")
    (tmp_path / "sluice.toml").write_text(CONFIGURATION)
    return tmp_path / "sluice.toml"


def checked(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    check.add_arguments(parser)
    return check.run(parser.parse_args(arguments))


def test_the_effective_configuration_is_toml_with_every_default(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked("--config", str(config)) == 0
    printed = tomllib.loads(capsys.readouterr().out)
    assert printed["http"]["listen"] == ["127.0.0.1:8080"]
    assert printed["retention"]["messages"] == "90d"
    assert list(printed["lanes"]) == ["otp", "transactional", "promotional"]
    telco = printed["carriers"]["telco"]
    assert (telco["system_id"], telco["interface_version"], telco["response_timeout"]) == ('ac"me', "3.3", "1m")
    assert printed["routes"][0]["tiers"] == ["telco", ["backup"]]
    assert printed["accounts"]["shop"]["tokens"][0]["allow_from"] == ["10.0.0.0/8"]


def test_secrets_are_masked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked("--config", str(config))
    printed = capsys.readouterr().out
    for secret in ("hunter", SECRET, SHA, "0123456789abcdef", "AAAAAAAA"):
        assert secret not in printed
    tables = tomllib.loads(printed)
    assert tables["carriers"]["telco"]["password"] == "***"
    assert tables["carriers"]["backup"]["password_file"] == "backup_password"
    assert "password" not in tables["carriers"]["backup"]
    assert tables["accounts"]["shop"]["webhook"]["secrets"] == ["***"]
    assert tables["accounts"]["shop"]["webhook"]["url"] == "https://shop.example/sms?***"
    assert tables["operator"]["tokens"] == [{"file": "operator_token", "name": "operator", "role": "operator"}]
    assert "secrets" not in tables["operator"]["webhook"]
    assert (tables["lookup"]["token_file"], tables["lookup"].get("token")) == ("lookup_token", None)


def test_what_is_printed_loads_again_once_the_secrets_are_put_back(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked("--config", str(config))
    printed = capsys.readouterr().out
    restored = printed.replace('secrets = ["***"]', f'secrets = ["{SECRET}"]').replace(f"{SHA[:8]}***", SHA)
    config.write_text(restored)
    assert checked("--config", str(config)) == 0
    assert capsys.readouterr().out == printed


def test_a_wrong_configuration_ends_with_1_and_tells_why(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIGURATION.replace('name = "rest"', 'name = "rest"\nnmae = 1'))
    assert checked("--config", str(config)) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "routes[0].nmae is no key that Sluice knows" in printed.err


def a_carrier(**settings: object) -> Carrier:
    least = {"name": "telco", "hosts": ["h:1"], "system_id": "x", "password": "y"}
    return Carrier.model_validate({**least, **settings})


def test_the_ceiling_is_binds_times_window_over_the_round_trip() -> None:
    assert check.ceiling(a_carrier(binds=5)).splitlines() == [
        "# telco: 5 binds x window 10 = 50 PDUs under way; no rate is set",
        "#   at 50 ms round trip: 1_000 PDU/s, held by the window",
        "#   at 200 ms round trip: 250 PDU/s, held by the window",
    ]


@pytest.mark.parametrize(
    ("rates", "told", "at_50_ms", "at_200_ms"),
    [
        ({"submit_rate": 100}, "submit_rate 100", "100 PDU/s, held by the rate", "50 PDU/s, held by the window"),
        ({"submit_rate_per_bind": 0.5}, "submit_rate_per_bind 0.5", "0.5 PDU/s, held by the rate", "0.5 PDU/s"),
        ({"submit_rate": 9, "submit_rate_per_bind": 30}, "submit_rate 9 and submit_rate_per_bind 30", "9 PDU/s", "9 P"),
    ],
)
def test_the_rate_holds_where_it_is_lower(rates: dict[str, float], told: str, at_50_ms: str, at_200_ms: str) -> None:
    first, second, third = check.ceiling(a_carrier(**rates)).splitlines()
    assert first.endswith(f"; {told}")
    assert f": {at_50_ms}" in second
    assert f": {at_200_ms}" in third


def test_a_pair_of_connections_is_told() -> None:
    assert "2 binds (a transmitter and a receiver each) x" in check.ceiling(
        a_carrier(binds=2, mode="transmitter+receiver")
    )


def test_what_a_profile_gives_is_printed_as_effective(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sluice.toml"
    file.write_text(LEAST.replace('system_id = "acme"', 'system_id = "acme"\nprofile = "vonage-like"\nbinds = 1'))
    assert main(["check", "--config", str(file)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert {'profile = "vonage-like"', 'message_id = "decimal"', "submit_rate = 30", "binds = 1"} <= set(printed)


UNUSUAL: dict[str, object] = {
    "profile": "vonage-like", "schedule_delivery_time": "relative",
    "hosts": ["a.example:1", "[2001:db8::1]:2"], "hosts_order": "round_robin", "local_address": "2001:db8::9",
    "tls": {"server_name": "smpp.example", "min_version": "1.3"}, "outbind_listen": ["127.0.0.1:2776"],
    "outbind_from": ["192.0.2.0/24"], "system_id": 'ac"me', "system_type": "VMA", "interface_version": "5.0",
    "address_range": "^34", "mode": "transmitter+receiver", "binds": 2, "window": 9, "adaptive_window": False,
    "strict_window": True, "submit_rate": 1500.0, "submit_rate_per_bind": 0.5, "throttle_pause": "1500ms",
    "enquire_link_idle": "21s", "enquire_link_timeout": "11s", "enquire_link_misses": 3, "response_timeout": "61s",
    "bind_timeout": "16s", "connect_timeout": "11s", "unbind_timeout": "11s", "messages_per_session": 100_000,
    "inactivity_timeout": "151s", "reconnect_floor": "6s", "reconnect_ceiling": "121s",
    "receipt_timezone": "Europe/Madrid", "receipt_horizon": "73h", "message_id": "hex", "receipts_of": "last",
    "text_receipts": True, "receipt_errors": {"0B1": "inbox_full"},
    "on_status": {"0x0400": "slow", "ESME_RSYSERR": "fail"}, "on_receipt": {"0B1": "retry_elsewhere"},
    "breaker": False, "breaker_errors": 0.4, "breaker_latency": "19s", "breaker_pause": "29s",
    "breaker_return": "31s", "receipt_silence": "9m", "receipt_silence_least": "59s",
    "source_ton": 5, "source_npi": 0, "dest_ton": 2, "dest_npi": 8, "keep_plus": True,
    "service_type": "CMT", "priority_flags": {"otp": 3, "promotional": 1}, "validity_period": "absolute",
    "alphabet": "latin1", "data_coding": 3, "ucs2_data_coding": 24, "packed": True, "national_tables": ["turkish"],
    "long_messages": "sar", "max_parts": 10, "tlvs": {"0x1400": 'say "1201"', "0x1402": "hex:0501"},
    "message_tlvs": ["0x1401"], "user_message_reference": True, "unroutable_inbound": "refuse", "query_sm": True,
    "cancel_sm": True, "trace_file": "/var/log/telco.pcap", "one_pdu_per_write": True,
}  # fmt: skip


def test_each_key_of_a_carrier_reads_back_as_it_was() -> None:
    carrier = a_carrier(**UNUSUAL)
    fields = type(carrier).model_fields
    # The name is the table's, and a password is never printed.
    assert {key for key in fields if getattr(carrier, key) == fields[key].get_default()} == {"password_file"}
    text = settings_text(Settings.model_construct(carriers={"telco": carrier}))
    table = tomllib.loads(text)["carriers"]["telco"]
    assert table.pop("password") == "***"
    assert Carrier.model_validate({**table, "name": "telco", "password": "y"}) == carrier


def test_a_table_of_a_carrier_is_printed_where_the_carrier_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sluice.toml"
    given = 'tlvs = { "0x1400" = "1201" }\npriority_flags = { otp = 3 }'
    file.write_text(LEAST.replace('system_id = "acme"', f'system_id = "acme"\n{given}'))
    assert main(["check", "--config", str(file)]) == 0
    printed = tomllib.loads(capsys.readouterr().out)["carriers"]["telco"]
    assert (printed["tlvs"], printed["priority_flags"]) == ({"0x1400": "1201"}, {"otp": 3})


def test_what_an_operator_says_of_a_country_is_printed_and_a_country_that_is_none_is_a_caution(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sluice.toml"
    given = {"FR": 'quiet_hours_on = { saturday = "20:00-10:00" }', "UK": 'alphanumeric = "allowed"'}
    countries = "".join(f"[countries.{code}]\n{line}\n" for code, line in given.items())
    file.write_text(countries + LEAST)
    assert main(["check", "--config", str(file)]) == 0
    shown = capsys.readouterr()
    assert 'caution: countries.UK names no country, so it says nothing; did you mean "GB"?\n' in shown.err
    printed = tomllib.loads(shown.out)["countries"]
    assert printed["FR"]["quiet_hours_on"] == {"saturday": "20:00-10:00"}
    assert (printed["FR"]["quiet_days"], printed["US"]["alphanumeric"]) == (["sunday"], "refused")
    # Of forty countries, what is as usual would bury the rest.
    assert "registered_senders" not in printed["FR"]

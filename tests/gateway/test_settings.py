"""What load() takes, what it refuses and in which words, and that no secret gets out on the way."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages import Status
from gateway.settings import (
    CarrierMode,
    ConfigurationError,
    EventType,
    InDoubt,
    InterfaceVersion,
    MessageIdBase,
    Scope,
    Settings,
    ignored_variables,
    load,
)
from gateway.settings_problems import section_in
from gateway.settings_types import COUNTRIES, format_duration, parse_duration, split_address

EXAMPLE = Path(__file__).parents[2] / "config" / "sluice.example.toml"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

LEAST = f"""
[carriers.telco]
hosts = ["smpp.telco.example:2775"]
system_id = "acme"
password = "hunter2hunter2"
[[routes]]
name = "rest"
tiers = ["telco"]
[accounts.shop]
tokens = [{{ sha256 = "{SHA}" }}]
senders = ["SHOP", "34600*"]
"""

Loads = Callable[..., Settings]


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    """Loads a text, by default added to the least configuration there is; `**files` are written beside it."""

    def from_text(
        text: str = "",
        *,
        least: str = LEAST,
        environ: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Settings:
        for name, content in (files or {}).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content)
        (tmp_path / "sluice.toml").write_text(f"{text}\n{least}")
        return load(tmp_path / "sluice.toml", environ or {})

    return from_text


def refusal(loads: Loads, *arguments: str, **options: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        loads(*arguments, **options)
    return str(caught.value)


def of_carrier(line: str) -> str:
    return LEAST.replace('system_id = "acme"', f'system_id = "acme"\n{line}')


def of_account(line: str) -> str:
    return f"{LEAST}\n{line}"


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
    instead_of_files = {"password", "secrets", "file"}
    in_headers = {"match", "webhook", "name"}
    assert keys - shown - instead_of_files - in_headers == set()
    least_account_and_carrier = (
        text[text.index("[carriers.backup]") : text.index("[[routes]]")],
        text[text.index("[accounts.school]") :],
    )
    explained = text
    for part in least_account_and_carrier:
        explained = explained.replace(part, "")
    bare = [line for line in explained.splitlines() if " = " in line and "  #" not in line]
    assert bare == ['name = "rest"'] or bare == []


# --- durations, addresses, networks


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("20s", 20), ("5m", 300), ("72h", 259_200), ("90d", 7_776_000), (0, 0), ("1.5s", 1.5)],
)
def test_a_duration_is_kept_as_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", [20, 1.5, True, False, "20", "s", "-5s", "5 s", "5S", "1h30m", "", None, "٥s", "1e3s"])
def test_a_duration_without_its_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="write a number with its unit"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_a_duration_is_read_back_as_it_was_written(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (259_200, "72h"), (7_776_000, "90d"), (60, "1m"), (0.25, "250ms")]
)
def test_a_duration_is_written_as_people_do(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("smpp.telco.example:2775", ("smpp.telco.example", 2775)),
        ("[2001:db8::7]:2775", ("2001:db8::7", 2775)),
        ("192.0.2.7:0", ("192.0.2.7", 0)),
    ],
)
def test_an_address_is_split_into_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


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


def test_countries_are_those_that_the_numbering_library_knows() -> None:
    assert COUNTRIES == phonenumbers.SUPPORTED_REGIONS


def test_every_status_of_a_message_has_its_event() -> None:
    statuses = {f"message.{status}" for status in Status}
    assert {str(event) for event in EventType} == statuses | {"message.in_doubt", "message.inbound", "webhook.test"}


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
    lines = 'mode = "transmitter+receiver"\nmessage_id = "hex"\ninterface_version = "5.0"\nsubmit_rate = 0.5\nsource_ton = 0'
    carrier = loads(least=of_carrier(lines)).carriers["telco"]
    assert carrier.mode is CarrierMode.TRANSMITTER_AND_RECEIVER
    assert carrier.message_id is MessageIdBase.HEX
    assert carrier.interface_version is InterfaceVersion.V5_0
    assert (carrier.submit_rate, carrier.source_ton, carrier.dest_ton) == (0.5, 0, None)


def test_prefixes_of_a_route_are_kept_without_the_plus(loads: Loads) -> None:
    routes = '[[routes]]\nname = "es"\ntiers = [["telco"]]\nmatch = { prefix = ["+34600", "34"] }'
    assert loads(routes.join(["", ""]) or "", least=routes + LEAST).routes[0].match.prefix == ["34600", "34"]


# --- what is refused


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("window = 0", "carriers.telco.window is 0; give 1 to 1_000 PDUs"),
        ("window = true", "carriers.telco.window is true, but must be a number"),
        ("window = 1.5", "carriers.telco.window is 1.5, but must be a whole number"),
        ('window = "ten"', "carriers.telco.window is 'ten', but must be a whole number"),
        ("submit_rate = nan", "carriers.telco.submit_rate is nan; give 0 to 1_000_000 PDU/s"),
        ("submit_rate = inf", "carriers.telco.submit_rate is inf; give 0 to 1_000_000 PDU/s"),
        ('response_timeout = "2h"', 'carriers.telco.response_timeout is "2h"; give "100ms" to "10m"'),
        ("response_timeout = 60", "carriers.telco.response_timeout is 60; write a number with its unit"),
        ('mode = "trx"', "carriers.telco.mode is 'trx', but must be 'transceiver' or 'transmitter+receiver'"),
        ('receipt_timezone = "Mars"', "carriers.telco.receipt_timezone is 'Mars', which is no time zone"),
        ('receipt_timezone = "../x"', "carriers.telco.receipt_timezone is '../x', which is no time zone"),
        ('interface_version = "3.5"', "carriers.telco.interface_version is '3.5'"),
        ("windwo = 3", 'carriers.telco.windwo is no key that Sluice knows; did you mean "window"?'),
        ('name = "x"', "carriers.telco.name is the table's own name; remove it"),
        ('tls = { ca_file = "x" }', "carriers.telco.tls is not offered yet (TLS to carriers); remove it"),
        ('profile = "generic"', "carriers.telco.profile is not offered yet"),
        ('service_type = "LONGER"', "carriers.telco.service_type has 6 characters; give at most 5 ASCII characters"),
        ('text_receipts = "maybe"', "carriers.telco.text_receipts is 'maybe', but must be true or false"),
        ('reconnect_floor = "3m"', 'carriers.telco.reconnect_floor is above reconnect_ceiling ("2m")'),
        ('enquire_link_misses = 20\nenquire_link_timeout = "2m"', "leaves a dead link unnoticed"),
        ('password_file = "x"', "carriers.telco has both password and password_file; keep one"),
    ],
)
def test_an_impossible_value_of_a_carrier_is_told_with_file_key_and_remedy(
    loads: Loads, tmp_path: Path, line: str, told: str
) -> None:
    text = refusal(loads, least=of_carrier(line))
    assert f"- {tmp_path}/sluice.toml: " in text
    assert told in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[accounts.shop2]\nsenders = ["*"]', "accounts.shop2.tokens is empty, so nobody could call; run `sluice token shop2`"),
        (f'[accounts.b]\nsenders = ["*"]\ntokens = [{{ sha256 = "{SHA}" }}]', "accounts.b.tokens[0] is the same token as one of account shop"),
        ('[accounts.shop.webhook]\nurl = "ftp://x"', "accounts.shop.webhook.url is not a URL"),
        ('[accounts.shop.webhook]\nurl = "https://u:p@x.example/"', "accounts.shop.webhook.url carries a login"),
        ('[accounts.shop.webhook]\nurl = "https://x.example/"', "accounts.shop.webhook.secrets is missing. Signing secrets"),
        ('[accounts.shop.webhook]\nurl = "https://x.example/"\nsecrets = []', "accounts.shop.webhook.secrets is empty"),
        ('[accounts.shop.webhook]\nevents = ["message.read"]', "accounts.shop.webhook.events[0] is 'message.read'; the events are"),
        ('[accounts.shop.webhook]\nevents = ["recipient.opt_out"]', "'recipient.opt_out', which is not offered yet"),
        ("[accounts.shop.limits]\nbacklog = 1", "accounts.shop.limits is not offered yet (limits of an account)"),
        ('[lanes.otp]\nduplicate_window = "30s"', "lanes.otp.duplicate_window is not offered yet"),
        ("[lanes.alerts]", "lanes.alerts.priority is missing"),
        ('[operator]\nwebhook = { url = "x" }', "operator.webhook is not offered yet"),
        ("[operator]\nlisten = ['127.0.0.1:8080']", 'operator.listen[0] is "127.0.0.1:8080", which is listened on already'),
        ('[retention]\nmessages = "100h"', 'retention.messages is "100h", but a receipt may come later: validity is "48h" in lane promotional, and '
         'receipt_horizon "72h" at carrier telco; give "120h" or more'),
        ('[retention]\nevents = "24h"', 'retention.events is "24h", shorter than webhooks.horizon; give "72h" or more'),
        ('[lanes.otp]\ntext_kept = "100d"', 'lanes.otp.text_kept is "100d", longer than retention.messages ("90d")'),
        ('[store]\nurl = "postgresql://x/y"', "store.url names PostgreSQL, which is not offered yet"),
        ("[carriers.'a b']", "carriers.a b is named 'a b'; a name has 1 to 40 letters"),
        ("[lanes.OTP]\npriority = 1\n[lanes.otp]", 'lanes.otp differs from "OTP" in case or hyphens alone'),
        ("carriers = 3", "carriers is 3, but must be a table"),
        ("htp = 3", 'htp is no key that Sluice knows; did you mean "http"?'),
    ],
)  # fmt: skip
def test_an_impossible_setting_is_told_with_its_remedy(loads: Loads, text: str, told: str) -> None:
    least = LEAST if not text.startswith("carriers") else LEAST.replace("[carriers.telco]", "[x]")
    assert told in refusal(loads, least=f"{text}\n{least}")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('default_sender = "OTHER"', 'accounts.shop.default_sender is "OTHER", which senders does not allow'),
        ('default_lane = "fast"', 'accounts.shop.default_lane names the lane "fast", which is not there; there are otp, promotional'),
        ('default_region = "UK"', """accounts.shop.default_region is 'UK', which is no country code; write the two capitals of ISO 3166, such as "GB\""""),
        ('number_check = "strict"', "accounts.shop.number_check is 'strict', but must be 'shape', 'possible' or 'valid'"),
        ('unicode = "no"', "accounts.shop.unicode is 'no', but must be"),
    ],
)  # fmt: skip
def test_an_impossible_value_of_an_account_is_told(loads: Loads, line: str, told: str) -> None:
    assert told in refusal(loads, least=of_account(line))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('tiers = ["nobody"]', 'routes[0].tiers names the carrier "nobody", which is not there; there are telco'),
        ('tiers = [{ telco = 70 }]', "routes[0].tiers[0] has weights, which are not offered yet"),
        ('tiers = ["telco", ["telco"]]\nmatch = { lane = ["otp"] }', 'routes[0].tiers has "telco" twice'),
        ("tiers = []", "routes[0].tiers is empty; give at least one"),
        ('tiers = ["telco"]\nmatch = { lane = ["x"] }', 'routes[0].match.lane names the lane "x"'),
        ('tiers = ["telco"]\nmatch = { account = ["x"] }', 'routes[0].match.account names the account "x"'),
        ('tiers = ["telco"]\nmatch = { prefix = ["3a"] }', "routes[0].match.prefix[0] is '3a'"),
        ('tiers = ["telco"]\nmatch = { country = ["ESP"] }', "routes[0].match.country[0] is 'ESP'"),
        ('tiers = ["telco"]\noverflow_after = "5s"', "routes[0].overflow_after is not offered yet"),
        ('tiers = ["telco"]', 'routes[1] ("rest") is never reached, since route "first" before it takes all'),
    ],
)  # fmt: skip
def test_an_impossible_route_is_told(loads: Loads, line: str, told: str) -> None:
    assert told in refusal(loads, least=f'[[routes]]\nname = "first"\n{line}\n{LEAST}')


def test_two_routes_of_one_name_are_refused(loads: Loads) -> None:
    route = '[[routes]]\nname = "rest"\ntiers = ["telco"]\nmatch = { lane = ["otp"] }\n'
    assert 'routes[1].name is "rest", as an earlier route is' in refusal(loads, least=route + LEAST)


def test_all_problems_are_told_at_once(loads: Loads) -> None:
    told = refusal(
        loads,
        '[http]\nlisen = []\n[retention]\ntext = 24\n[[routes]]\ntiers = ["nobody"]\n[accounts.b]\ndefault_lane = "fast"',
        least=LEAST.replace("[[routes]]", "window = 0\n[[routes]]"),
        environ={"SLUICE_HTP__LISTEN": "x", "SLUICE_STORE__BACKLOG_LIMIT": "many"},
    )
    keys = re.findall(r"^- .*?: ([\w.\[\]]+|'htp') ", told, re.MULTILINE)
    assert sorted(keys) == [
        "'htp'", "accounts.b.default_lane", "carriers.telco.window", "http.lisen", "retention.text", "routes[0].name",
        "routes[0].tiers", "store.backlog_limit",
    ]  # fmt: skip
    assert told.startswith("The configuration cannot be used; 8 things are wrong:\n")


def test_an_empty_file_is_answered_with_the_lines_to_paste(loads: Loads, tmp_path: Path) -> None:
    told = refusal(loads, least="")
    pasted = "\n".join(line for line in told.splitlines() if not line.startswith(("- ", "The ")))
    told_tables = tomllib.loads(pasted.replace('sha256 = "..."', f'sha256 = "{SHA}"'))
    assert set(told_tables) == {"carriers", "routes", "accounts"}
    (tmp_path / "telco_password").write_text("x")
    assert loads(least=pasted.replace('sha256 = "..."', f'sha256 = "{SHA}"')).routes[0].name == "rest"


# --- files


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.toml: cannot be read: No such file or directory"):
        load(tmp_path / "nowhere.toml", {})


@pytest.mark.parametrize(
    ("content", "told"), [(b"a = \n", "is not TOML: .*line 1"), (b"a = '\xff'", "is not UTF-8: byte 5")]
)
def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "sluice.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=told):
        load(tmp_path / "sluice.toml", {})


def test_included_files_are_merged(loads: Loads) -> None:
    account = f'[accounts.two]\nsenders = ["*"]\ntokens = [{{ sha256 = "{"0" * 64}" }}]\n'
    settings = loads('include = ["accounts.d/*.toml"]', files={"accounts.d/two.toml": account})
    assert sorted(settings.accounts) == ["shop", "two"]


def test_a_key_given_in_two_files_names_both(loads: Loads, tmp_path: Path) -> None:
    told = refusal(loads, 'include = ["more.toml"]', files={"more.toml": "[carriers.telco]\nsystem_id = 'x'"})
    assert f"- {tmp_path}/more.toml: carriers.telco.system_id is given in {tmp_path}/sluice.toml too; keep one" in told


def test_a_wrong_key_of_an_included_file_is_told_with_that_file(loads: Loads, tmp_path: Path) -> None:
    told = refusal(loads, 'include = ["more.toml"]', files={"more.toml": "[carriers.telco]\nbinds = 0\n[store]\nx = 1"})
    assert f"- {tmp_path}/more.toml: carriers.telco.binds is 0" in told
    assert f"- {tmp_path}/more.toml: store.x is no key" in told


def test_an_included_file_includes_none_itself(loads: Loads, tmp_path: Path) -> None:
    told = refusal(loads, 'include = ["more.toml"]', files={"more.toml": "include = ['x']"})
    assert f"- {tmp_path}/more.toml: include may stand in {tmp_path}/sluice.toml alone" in told


def test_an_included_file_must_be_there_but_a_pattern_may_find_nothing(loads: Loads, tmp_path: Path) -> None:
    assert f"include names {tmp_path}/more.toml, which does not exist" in refusal(loads, 'include = ["more.toml"]')
    assert loads('include = ["accounts.d/*.toml", "*.toml"]').include == ["accounts.d/*.toml", "*.toml"]


# --- secrets


def test_a_secret_is_read_from_the_credentials_directory_before_the_file_beside(loads: Loads, tmp_path: Path) -> None:
    least = LEAST.replace('password = "hunter2hunter2"', 'password_file = "telco"')
    beside = loads(least=least, files={"telco": "beside\n", "credentials/other": ""})
    assert beside.carriers["telco"].password.get_secret_value() == "beside"
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert loads(least=least, environ=environ).carriers["telco"].password.get_secret_value() == "beside"
    credentials = loads(least=least, environ=environ, files={"credentials/telco": "from systemd"})
    assert credentials.carriers["telco"].password.get_secret_value() == "from systemd"


def test_a_secret_file_may_be_absolute(loads: Loads, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("far away")
    least = LEAST.replace('password = "hunter2hunter2"', f'password_file = "{tmp_path}/elsewhere"')
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert loads(least=least, environ=environ).carriers["telco"].password.get_secret_value() == "far away"


def test_a_secret_file_that_is_missing_or_empty_is_told_with_the_places_looked_at(loads: Loads, tmp_path: Path) -> None:
    least = LEAST.replace('password = "hunter2hunter2"', 'password_file = "telco"')
    told = refusal(loads, least=least, environ={"CREDENTIALS_DIRECTORY": "/run/credentials/sluice"})
    assert (
        f"carriers.telco.password_file names a file that does not exist; looked for /run/credentials/sluice/telco and {tmp_path}/telco"
        in told
    )
    assert "telco, which is empty" in refusal(loads, least=least, files={"telco": "\n"})


def test_secrets_of_a_webhook_are_read_from_files_beside_those_given(loads: Loads) -> None:
    table = f'[accounts.shop.webhook]\nurl = "https://x.example/"\nsecrets = ["{SECRET}"]\nsecret_files = ["next"]'
    webhook = loads(least=of_account(table), files={"next": "whsec_" + "A" * 32}).accounts["shop"].webhook
    assert webhook is not None
    assert webhook.keys[1] == bytes(24)
    told = refusal(loads, least=of_account(table), files={"next": "whsec_short"})
    assert (
        'accounts.shop.webhook.secret_files[0] names a file whose content is not "whsec_" and 24 or more bytes' in told
    )
    assert told.count("\n- ") == 1


def test_an_operator_token_that_can_be_guessed_is_refused(loads: Loads) -> None:
    told = refusal(loads, '[operator]\ntokens = [{ file = "token" }]', files={"token": "letmein"})
    assert "operator.tokens[0].file names a file with a token of 7 characters, which can be guessed" in told


SPILLED = "Spilled-s3cret"


@pytest.mark.parametrize(
    "text",
    [
        LEAST.replace('"hunter2hunter2"', f'"{SPILLED}é"'),
        LEAST.replace("password =", "pasword =").replace("hunter2hunter2", SPILLED),
        LEAST.replace('"hunter2hunter2"', f'["{SPILLED}"]'),
        LEAST.replace('"hunter2hunter2"', f'"{SPILLED}"\nwindow = 0'),
        LEAST.replace(SHA, SPILLED),
        LEAST.replace(f'{{ sha256 = "{SHA}" }}', f'"{SPILLED}"'),
        LEAST.replace(f'[{{ sha256 = "{SHA}" }}]', f'"{SPILLED}"'),
        of_account(f'webhook = {{ url = "https://x.example/", secrets = ["{SPILLED}"] }}'),
        of_account(f'webhook = {{ url = "https://x.example/", secrets = "{SPILLED}" }}'),
        of_account(f'webhook = {{ url = "https://u:{SPILLED}@x.example/", secrets = ["x"] }}'),
        f'[operator]\ntokens = ["{SPILLED}"]\n{LEAST}',
        f'[operator]\ntokens = [{{ token = "{SPILLED}" }}]\n{LEAST}',
    ],
)  # fmt: skip
def test_a_secret_is_never_told_in_a_problem(loads: Loads, text: str) -> None:
    assert SPILLED not in refusal(loads, least=text)


def test_a_secret_is_never_shown_by_settings(loads: Loads) -> None:
    settings = loads(least=of_account(f'webhook = {{ url = "https://x.example/", secrets = ["{SECRET}"] }}'))
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hunter2" not in shown
        assert SECRET not in shown
    assert settings.carriers["telco"].password.get_secret_value() == "hunter2hunter2"


# --- the environment


def test_the_environment_overrides_any_key(loads: Loads) -> None:
    settings = loads(
        "[http]\nlisten = ['127.0.0.1:1']",
        least=LEAST.replace("carriers.telco]", "carriers.Telco-ES]").replace('["telco"]', '["Telco-ES"]'),
        environ={
            "SLUICE_CARRIERS__TELCO_ES__PASSWORD": "12345",
            "SLUICE_CARRIERS__TELCO_ES__WINDOW": "7",
            "SLUICE_CARRIERS__TELCO_ES__ONE_PDU_PER_WRITE": "true",
            "SLUICE_CARRIERS__TELCO_ES__RESPONSE_TIMEOUT": "30s",
            "SLUICE_HTTP__LISTEN": '["0.0.0.0:80", "[::]:80"]',
            "SLUICE_LANES__OTP__VALIDITY": "1m",
            "SLUICE_RETENTION": '{"text": "1h"}',
            "PATH": "/bin",
        },
    )
    carrier = settings.carriers["Telco-ES"]
    assert carrier.password.get_secret_value() == "12345"
    assert (carrier.window, carrier.one_pdu_per_write, carrier.response_timeout) == (7, True, 30.0)
    assert settings.http.listen == ["0.0.0.0:80", "[::]:80"]
    assert (settings.lanes["otp"].validity, settings.retention.text) == (60.0, 3600.0)


def test_the_environment_alone_can_give_everything(loads: Loads) -> None:
    settings = loads(
        least="",
        environ={
            "SLUICE_CARRIERS__TELCO__HOSTS": '["smpp.telco.example:2775"]',
            "SLUICE_CARRIERS__TELCO__SYSTEM_ID": "acme",
            "SLUICE_CARRIERS__TELCO__PASSWORD": "x",
            "SLUICE_ROUTES": '[{"name": "rest", "tiers": ["telco"]}]',
            "SLUICE_ACCOUNTS__SHOP__TOKENS": f'[{{"sha256": "{SHA}"}}]',
            "SLUICE_ACCOUNTS__SHOP__SENDERS": '["SHOP"]',
            "SLUICE_ACCOUNTS__SHOP__WEBHOOK__URL": "https://x.example/",
            "SLUICE_ACCOUNTS__SHOP__WEBHOOK__SECRETS": f'["{SECRET}"]',
        },
    )
    webhook = settings.accounts["shop"].webhook
    assert webhook is not None
    assert webhook.url == "https://x.example/"


def test_a_secret_of_the_environment_replaces_the_file_that_was_named(loads: Loads) -> None:
    least = LEAST.replace('password = "hunter2hunter2"', 'password_file = "not there"')
    settings = loads(least=least, environ={"SLUICE_CARRIERS__TELCO__PASSWORD": "given"})
    assert settings.carriers["telco"].password.get_secret_value() == "given"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SLUICE_CARRIERS__TELCO__WINDOW", "many", "carriers.telco.window is 'many', but must be a whole number"),
        (
            "SLUICE_CARRIERS__TELCO__WINDWO",
            "1",
            'carriers.telco.windwo is no key that Sluice knows; did you mean "window"?',
        ),
        ("SLUICE_OPERATOR__FOO__BAR", "1", "operator.foo is no key that Sluice knows"),
        ("SLUICE_HTTP__LISTEN", "0.0.0.0:80", "http.listen is '0.0.0.0:80', but must be a list"),
        ("SLUICE_STORE", "{", "store is '{', but must be a table"),
        ("SLUICE_CARRIER__TELCO__WINDOW", "1", "'carrier' is no section; the sections are accounts, carriers,"),
        ("SLUICE_INCLUDE", '["x"]', "include may stand in the file alone"),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(loads: Loads, variable: str, value: str, told: str) -> None:
    assert f"- environment variable {variable}: {told}" in refusal(loads, environ={variable: value})


def test_variables_of_others_with_our_prefix_do_not_stop_the_start(loads: Loads) -> None:
    environ = {"SLUICE_PORT_8080_TCP": "tcp://10.0.0.1:8080", "SLUICE_SERVICE_HOST": "10.0.0.1"}
    loads(environ=environ)
    assert ignored_variables({**environ, "SLUICE_HTTP__LISTEN": "[]", "HOME": "/"}) == sorted(environ)


# --- endpoints


@pytest.mark.parametrize(
    ("url", "networks", "told"),
    [
        ("https://shop.example/sms", "", None),
        ("http://shop.example/sms", "", "is http, which is taken into webhooks.allow_networks alone"),
        ("http://127.0.0.1:9000/", "", "is http, and 127.0.0.1 is in no network of webhooks.allow_networks"),
        ("http://127.0.0.1:9000/", '"127.0.0.0/8"', None),
        ("http://hooks.internal/", '"10.0.0.0/8"', None),
        ("http://[fd00::1]/", '"10.0.0.0/8"', "is http, and fd00::1 is in no network"),
        ("https://10.0.0.7/", "", "points to 10.0.0.7, which is inside"),
        ("https://10.0.0.7/", '"10.0.0.0/8"', None),
        ("https://1.1.1.1/", "", None),
    ],
)
def test_an_endpoint_inside_needs_its_network_allowed(loads: Loads, url: str, networks: str, told: str | None) -> None:
    least = of_account(f'webhook = {{ url = "{url}", secrets = ["{SECRET}"] }}')
    if told is None:
        loads(f"[webhooks]\nallow_networks = [{networks}]", least=least)
    else:
        assert f"accounts.shop.webhook.url {told}" in refusal(
            loads, f"[webhooks]\nallow_networks = [{networks}]", least=least
        )


def test_the_longest_validity_leaves_time_for_receipts(loads: Loads) -> None:
    assert loads('[retention]\nmessages = "10d"').longest_validity == 7 * 86_400


def test_settings_cannot_be_changed(loads: Loads) -> None:
    settings = loads()
    with pytest.raises(ValueError, match="frozen"):
        settings.limits.bulk_items = 1  # type: ignore[misc]


def test_settings_need_no_event_loop_and_no_web_server() -> None:
    code = "import sys, gateway.settings; print(*{'trio', 'quart', 'h11', 'aiosqlite', 'smpplib'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"

"""What load() refuses, and in which words: file, key, reason and remedy, everything at once."""

import re
import tomllib
from pathlib import Path

import pytest
from least_settings import LEAST, SECRET, SHA, Loads, of_account, refusal

EXAMPLE = Path(__file__).parents[2] / "config" / "sluice.example.toml"


def of_carrier(line: str) -> str:
    return LEAST.replace('system_id = "acme"', f'system_id = "acme"\n{line}')


RECEIPTS_COME_LATER = (
    'retention.messages is "100h", but a receipt may come later: validity is "48h" in lane promotional, '
    'and receipt_horizon "72h" at carrier telco; give "120h" or more'
)


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
        ('tls = { min_version = "1.0" }', "carriers.telco.tls.min_version is '1.0'"),
        (
            'tlvs = { "entity" = "1" }',
            "carriers.telco.tlvs is 'entity', which is no tag; write it in hexadecimal, such as \"0x1400\"",
        ),
        ('tlvs = { "0x1400" = "hex:0" }', "carriers.telco.tlvs has 'hex:0' for 0x1400; write octets as"),
        (
            'tlvs = { "0x1400" = "1", "0X1400" = "2" }',
            "carriers.telco.tlvs has 0x1400 twice, since '0X1400' is the same tag in another spelling; keep one",
        ),
        (
            'tlvs = { "0x0424" = "1" }',
            "carriers.telco.tlvs is '0x0424', a tag that the gateway sets itself; take it out",
        ),
        ('tlvs = { "0x20C" = "1" }', "carriers.telco.tlvs is '0x20C', a tag that the gateway sets itself"),
        ('message_tlvs = ["0x0204"]', "carriers.telco.message_tlvs[0] is '0x0204', a tag that the gateway sets itself"),
        (f'tlvs = {{ "0x1400" = "{"x" * 256}" }}', "tlvs has 256 octets for 0x1400; give at most 255"),
        (f'tlvs = {{ "0x1400" = "hex:{"00" * 256}" }}', "tlvs has 256 octets for 0x1400; give at most 255"),
        (
            "priority_flags = { otpp = 3 }",
            'carriers.telco.priority_flags names the lane "otpp", which is not there; there are otp, promotional',
        ),
        (
            'alphabet = "latin1"\npacked = true',
            'carriers.telco.packed needs alphabet "gsm7", and that is "latin1"; take it out',
        ),
        (
            'alphabet = "ascii"\nnational_tables = ["turkish"]',
            'carriers.telco.national_tables needs alphabet "gsm7", and that is "ascii"; take it out',
        ),
        ("data_coding = 8", "carriers.telco.data_coding is 8, as ucs2_data_coding is, so nobody could tell texts in"),
        ("ucs2_data_coding = 0", "carriers.telco.ucs2_data_coding is 0, as data_coding is, so nobody could tell texts"),
        (
            'outbind_from = ["192.0.2.0/24"]',
            "carriers.telco.outbind_from does nothing without outbind_listen; give that too, or take it out",
        ),
        ('national_tables = ["klingon"]', "carriers.telco.national_tables"),
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
        (
            '[accounts.shop2]\nsenders = ["*"]',
            "accounts.shop2.tokens is empty, so nobody could call; run `sluice token shop2`",
        ),
        (
            f'[accounts.b]\nsenders = ["*"]\ntokens = [{{ sha256 = "{SHA}" }}]',
            "accounts.shop.tokens[0] is the same token as one of account b",
        ),
        ('[accounts.shop.webhook]\nurl = "ftp://x"', "accounts.shop.webhook.url is not a URL"),
        ('[accounts.shop.webhook]\nurl = "https://u:p@x.example/"', "accounts.shop.webhook.url carries a login"),
        (
            '[accounts.shop.webhook]\nurl = "https://x.example/"',
            "accounts.shop.webhook.secrets is missing. Signing secrets",
        ),
        ('[accounts.shop.webhook]\nurl = "https://x.example/"\nsecrets = []', "accounts.shop.webhook.secrets is empty"),
        (
            '[accounts.shop.webhook]\nevents = ["message.read"]',
            "accounts.shop.webhook.events[0] is 'message.read'; the events are",
        ),
        ('[opt_outs]\nstop = ["HELP!"]', 'opt_outs.stop[0] is "HELP!", which means help already; remove one of them'),
        ('[opt_outs]\nstop = ["BAJA"]\nstart = ["baja"]', 'opt_outs.start[0] is "baja", which means stop already'),
        ('[opt_outs]\nhelp = ["?!"]', "opt_outs.help[0] is '?!'; write a word such as"),
        ('[accounts.other]\nstop_reply = " "', "accounts.other.stop_reply has 1 characters; give 1 to 640"),
        ("[accounts.shop.limits]\nbacklog = -1", "accounts.shop.limits.backlog is -1; give 0 to 1_000_000_000"),
        ('[lanes.otp]\nduplicate_window = "2d"', "lanes.otp.duplicate_window is"),
        (
            '[lanes.otp]\nretry_ceiling = "500ms"',
            'lanes.otp.retry_ceiling is "500ms", shorter than retry_floor; give "1s"',
        ),
        ("[lanes.alerts]", "lanes.alerts.priority is missing"),
        ('[operator]\nwebhook = { url = "x" }', "operator.webhook.url is not a URL that events can be put to"),
        (
            "[operator]\nlisten = ['127.0.0.1:8080']",
            'operator.listen[0] is "127.0.0.1:8080", which is listened on already',
        ),
        (
            "[http]\nsubmit_listen = ['127.0.0.1:8080']",
            'http.submit_listen[0] is "127.0.0.1:8080", which is listened on already',
        ),
        ('[retention]\nmessages = "100h"', RECEIPTS_COME_LATER),
        (
            '[retention]\nmessages = "200h"\nidempotency = "201h"',
            'retention.idempotency is "201h", longer than retention.messages ("200h")',
        ),
        ('[retention]\nevents = "24h"', 'retention.events is "24h", shorter than webhooks.horizon; give "72h" or more'),
        ('[lanes.otp]\ntext_kept = "100d"', 'lanes.otp.text_kept is "100d", longer than retention.messages ("90d")'),
        ('[store]\nurl = "postgresql://x/y"', "store.url names PostgreSQL, which is not offered yet"),
        ("[carriers.'a b']", "carriers.a b is named 'a b'; a name has 1 to 40 letters"),
        ("[lanes.OTP]\npriority = 1\n[lanes.otp]", 'lanes.otp differs from "OTP" in case or hyphens alone'),
        ("carriers = 3", "carriers must be a table"),
        ("htp = 3", 'htp is no key that Sluice knows; did you mean "http"?'),
    ],
)
def test_an_impossible_setting_is_told_with_its_remedy(loads: Loads, text: str, told: str) -> None:
    least = LEAST if not text.startswith("carriers") else LEAST.replace("[carriers.telco]", "[x]")
    assert told in refusal(loads, least=f"{text}\n{least}")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('default_sender = "OTHER"', 'accounts.shop.default_sender is "OTHER", which senders does not allow'),
        (
            'default_lane = "fast"',
            'accounts.shop.default_lane names the lane "fast", which is not there; there are otp, promotional',
        ),
        (
            'default_region = "UK"',
            'which is no country code; write the two capitals of ISO 3166, such as "GB"',
        ),
        (
            'number_check = "strict"',
            "accounts.shop.number_check is 'strict', but must be 'shape', 'possible' or 'valid'",
        ),
        ('unicode = "no"', "accounts.shop.unicode is 'no', but must be"),
    ],
)
def test_an_impossible_value_of_an_account_is_told(loads: Loads, line: str, told: str) -> None:
    assert told in refusal(loads, least=of_account(line))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('tiers = ["nobody"]', 'routes[0].tiers names the carrier "nobody", which is not there; there are telco'),
        ("tiers = [{ telco = 0 }]", "routes[0].tiers[0] gives telco the weight 0; a weight must be from 1 to 1000000"),
        ("tiers = [{ nobody = 7 }]", 'routes[0].tiers names the carrier "nobody", which is not there; there are telco'),
        ("tiers = [{}]", "routes[0].tiers[0] has no carrier; give at least one"),
        ("tiers = [7]", "routes[0].tiers[0] must be the name of a carrier, a list of names such as"),
        ('tiers = ["telco", ["telco"]]\nmatch = { lane = ["otp"] }', 'routes[0].tiers has "telco" twice'),
        ("tiers = []", "routes[0].tiers is empty; give at least one"),
        ('tiers = ["telco"]\nmatch = { lane = ["x"] }', 'routes[0].match.lane names the lane "x"'),
        ('tiers = ["telco"]\nmatch = { account = ["x"] }', 'routes[0].match.account names the account "x"'),
        ('tiers = ["telco"]\nmatch = { prefix = ["3a"] }', "routes[0].match.prefix[0] is '3a'"),
        ('tiers = ["telco"]\nmatch = { country = ["ESP"] }', "routes[0].match.country[0] is 'ESP'"),
        (
            'tiers = ["telco"]\noverflow_after = "5s"',
            "routes[0].overflow_after does nothing: the route has one carrier",
        ),
        ('tiers = ["telco"]\noverflow_after = "5ms"', 'routes[0].overflow_after is "5ms"; give "100ms" to "24h"'),
        ('tiers = ["telco"]\nstrategy = "best"', "routes[0].strategy is 'best', but must be 'tiers', 'weighted'"),
        (
            'tiers = [{ telco = 1 }]\nstrategy = "quality"',
            'routes[0].tiers[0] has weights, which strategy "quality" does not use; write a list',
        ),
        ('tiers = ["telco"]\nexplore = 0.1', 'routes[0].explore does nothing without strategy "quality"'),
        (
            'tiers = ["telco"]\nquality_window = "5m"',
            'routes[0].quality_window does nothing without strategy "quality"',
        ),
        ('tiers = ["telco"]\nstrategy = "quality"\nexplore = 0.6', "routes[0].explore is 0.6; give 0 to 0.5"),
        (
            'tiers = ["telco"]\nstrategy = "cheapest"',
            'routes[0].prices lacks carrier telco, and strategy "cheapest" needs a price of each; add telco = { "*"',
        ),
        (
            'tiers = ["telco"]\nstrategy = "cheapest"\nprices = { telco = { ES = 1 } }',
            'routes[0].prices lacks "*" for carrier telco, and strategy "cheapest" needs a price of each; add',
        ),
        (
            'tiers = ["telco"]\nprices = { backup = { ES = 1 } }',
            'routes[0].prices names the carrier "backup", which is not in its tiers',
        ),
        ('tiers = ["telco"]\nprices = { telco = { Spain = 1 } }', "routes[0].prices.telco has a price for 'Spain'"),
        ('tiers = ["telco"]\nprices = { telco = { ES = -1 } }', "routes[0].prices.telco has the price -1 for ES"),
        (
            'tiers = ["telco"]\nprices = { telco = { ES = 0.0000001 } }',
            "routes[0].prices.telco has the price 1e-07 for",
        ),
        (
            'tiers = ["telco"]\nprices = { telco = { 34 = 1, "+34" = 2 } }',
            "routes[0].prices.telco has two prices for 34",
        ),
        ('tiers = ["telco"]\nmatch = { mccmnc = ["21"] }', "routes[0].match.mccmnc[0] is '21'; write the country and"),
        ('tiers = ["telco"]\nmatch = { tag = [""] }', "routes[0].match.tag[0] is ''; write a name, or its beginning"),
        ('tiers = ["telco"]', 'routes[1] ("rest") is never reached, since route "first" before it takes all'),
    ],
)
def test_an_impossible_route_is_told(loads: Loads, line: str, told: str) -> None:
    assert told in refusal(loads, least=f'[[routes]]\nname = "first"\n{line}\n{LEAST}')


def test_two_routes_of_one_name_are_refused(loads: Loads) -> None:
    route = '[[routes]]\nname = "rest"\ntiers = ["telco"]\nmatch = { lane = ["otp"] }\n'
    assert 'routes[1].name is "rest", as an earlier route is' in refusal(loads, least=route + LEAST)


def test_all_problems_are_told_at_once(loads: Loads) -> None:
    told = refusal(
        loads,
        "[http]\nlisen = []\n[retention]\ntext = 24\n"
        '[[routes]]\ntiers = ["nobody"]\n[accounts.b]\ndefault_lane = "fast"',
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

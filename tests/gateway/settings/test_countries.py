"""The rules of countries: those that come along, what the configuration says over them, and what is wrong with them."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from least_settings import LEAST, Loads, refusal

from gateway.settings.countries import SenderRule, country_cautions, shipped_file
from gateway.settings.types import COUNTRIES

HOME = Path(__file__).parents[3]


def test_rules_come_along_for_many_countries_and_every_one_names_its_source(loads: Loads) -> None:
    countries = loads().countries
    assert len(countries) >= 25
    assert countries.keys() <= COUNTRIES
    assert {"US", "CA", "IN", "FR", "ES", "GB", "DE", "BR", "MX", "CN", "SA", "AE"} <= countries.keys()
    headers = re.findall(r"^\[[A-Z]{2}\].*$", shipped_file().read_text(), re.MULTILINE)
    assert [line for line in headers if "  # " not in line] == []
    assert len(headers) == len(countries)


def test_a_country_with_quiet_hours_names_its_time_zone(loads: Loads) -> None:
    quiet = {code for code, rules in loads().countries.items() if rules.quiet_hours}
    assert {"US", "IN", "FR"} <= quiet
    assert [code for code in quiet if loads().countries[code].time_zone is None] == []


def test_a_key_of_the_configuration_replaces_that_key_alone(loads: Loads) -> None:
    given = '[countries.FR]\nquiet_hours = "20:00-09:00"\n[countries.PT]\nalphanumeric = "refused"'
    countries = loads(given).countries
    assert (countries["FR"].quiet_hours, countries["FR"].quiet_days) == ("20:00-09:00", ["sunday"])
    assert countries["PT"].alphanumeric is SenderRule.REFUSED
    assert countries["US"].alphanumeric is SenderRule.REFUSED


def test_quiet_hours_can_be_taken_away(loads: Loads) -> None:
    assert loads('[countries.US]\nquiet_hours = ""').countries["US"].quiet_hours == ""


def test_the_environment_names_a_country_in_any_case(loads: Loads) -> None:
    found = loads(environ={"SLUICE_COUNTRIES__FR__QUIET_HOURS": "19:00-10:00"}).countries["FR"]
    assert (found.quiet_hours, found.quiet_days) == ("19:00-10:00", ["sunday"])


def test_a_file_of_ones_own_replaces_all_that_comes_along(loads: Loads) -> None:
    files = {"mine.toml": '[PT]\nalphanumeric = "registered"\n[ES]\nquiet_days = ["sunday"]'}
    given = 'countries_file = "mine.toml"\n[countries.ES]\nalphanumeric = "refused"'
    countries = loads(given, files=files).countries
    assert countries.keys() == {"PT", "ES"}
    assert (countries["ES"].alphanumeric, countries["ES"].quiet_days) == (SenderRule.REFUSED, ["sunday"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "own.toml: is named as countries_file and cannot be read: No such file or directory"),
        ("[ES", "own.toml: is not TOML: "),
        ('ES = "x"', "own.toml: ES must be a table"),
        ('[ES]\nalfanumeric = "allowed"', 'own.toml: ES.alfanumeric is no key that Sluice knows; did you mean "alpha'),
        ('[ES]\nalphanumeric = "perhaps"', "own.toml: countries.ES.alphanumeric is 'perhaps', but must be 'allowed', "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_of_countries_is_told_with_its_name(
    loads: Loads, content: str | None, told: str
) -> None:
    files = {} if content is None else {"own.toml": content}
    assert told in refusal(loads, 'countries_file = "own.toml"', files=files)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('quiet_hours = "21-8"', "countries.ES.quiet_hours is '21-8'; write begin and end"),
        ('quiet_hours = "24:00-08:00"', "countries.ES.quiet_hours is '24:00-08:00'; write begin and end"),
        ('quiet_hours = "08:00-08:00"', "which is all day or nothing; for a whole day write quiet_days"),
        ('quiet_days = ["Sunday"]', "countries.ES.quiet_days[0] is 'Sunday', but must be 'monday', "),
        ('quiet_dates = ["1 May"]', "countries.ES.quiet_dates[0] is '1 May'; write \"05-01\""),
        ('time_zone = "Europe/Spain"', "countries.ES.time_zone is 'Europe/Spain', which is no time zone"),
        ('registered_senders = ["A*B"]', "countries.ES.registered_senders[0] is 'A*B'; write a sender"),
        ('fallback_sender = "SHOPPINGMALL1"', "countries.ES.fallback_sender is 'SHOPPINGMALL1'; write a number"),
        ('alphanumeric = "refused"\nfallback_sender = "SHOP"',
         'countries.ES.fallback_sender is "SHOP", a name, and ES takes numbers alone; write a number'),
        ('alphanumeric = "registered"\nfallback_sender = "SHOP"',
         'countries.ES.fallback_sender is "SHOP", which is not among the registered_senders of ES'),
    ],
)  # fmt: skip
def test_an_impossible_rule_is_told_with_its_remedy(loads: Loads, line: str, told: str) -> None:
    assert told in refusal(loads, f"[countries.ES]\n{line}")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('fallback_senders = { US = "15550100200" }', 'US is "15550100200", which senders does not allow; add it'),
        ('fallback_senders = { US = "SHOP" }', 'fallback_senders.US is "SHOP", a name, and US takes numbers alone'),
        ('fallback_senders = { UK = "SHOP" }', "is 'UK', which is no country code"),
        ('registered_senders = { IN = [""] }', "registered_senders.IN[0] is ''; write a sender"),
        ('landlines = "no"', "accounts.shop.landlines is 'no', but must be 'allow' or 'refuse'"),
    ],
)  # fmt: skip
def test_what_an_account_says_of_countries_must_be_possible(loads: Loads, line: str, told: str) -> None:
    assert told in refusal(loads, least=f"{LEAST}\n{line}")


def test_an_account_may_fall_back_on_a_name_that_is_registered_for_it(loads: Loads) -> None:
    line = 'fallback_senders = { IN = "SHOP" }\nregistered_senders = { IN = ["SHOP"] }'
    assert loads(least=f"{LEAST}\n{line}").accounts["shop"].fallback_senders == {"IN": "SHOP"}


def test_a_table_that_names_no_country_is_worth_a_word_and_no_reason_to_stop(loads: Loads) -> None:
    settings = loads('[countries.UK]\nalphanumeric = "refused"\n[countries.Spain]\nalphanumeric = "refused"')
    assert sorted(country_cautions(settings)) == [
        "countries.Spain names no country, so it says nothing; write the two capitals of ISO 3166",
        'countries.UK names no country, so it says nothing; did you mean "GB"?',
    ]
    assert list(country_cautions(loads())) == []


def test_a_built_package_brings_its_countries_along(tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    ran = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=HOME, check=True, capture_output=True, text=True, timeout=60
    )
    with zipfile.ZipFile(tmp_path / ran.stdout.split()[-1]) as wheel:
        assert wheel.read("gateway/settings/countries.toml") == shipped_file().read_bytes()

"""Profiles of carriers: which there are, what they give beneath a carrier's own keys, and what is wrong with one."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from least_settings import LEAST, Loads, refusal

from gateway.settings import Carrier, MessageIdBase, profiles
from gateway.settings.types import HostsOrder, ReceiptsOf

HOME = Path(__file__).parents[3]


def with_profile(profile: str, *lines: str) -> str:
    return LEAST.replace('system_id = "acme"', "\n".join(['system_id = "acme"', f'profile = "{profile}"', *lines]))


def carrier(loads: Loads, profile: str, *lines: str, **options: object) -> Carrier:
    return loads(least=with_profile(profile, *lines), **options).carriers["telco"]


def without_profile(found: Carrier) -> dict[str, object]:
    return {key: value for key, value in found.model_dump().items() if key != "profile"}


def test_generic_is_the_defaults_and_the_profile_where_none_is_said(loads: Loads) -> None:
    bare = Carrier(name="telco", hosts=["smpp.telco.example:2775"], system_id="acme", password="hunter2hunter2")
    assert loads().carriers["telco"].model_dump() == bare.model_dump()
    assert carrier(loads, "generic").model_dump() == bare.model_dump()


@pytest.mark.parametrize("name", profiles.names())
def test_every_profile_that_comes_along_is_taken_and_says_something(loads: Loads, name: str) -> None:
    says = profiles.read(profiles.folder() / f"{name}.toml")
    assert (without_profile(carrier(loads, name)) != without_profile(carrier(loads, "generic"))) is (name != "generic")
    assert set(says) <= set(profiles.KEYS)


@pytest.mark.parametrize("name", profiles.names())
def test_every_profile_names_its_source(name: str) -> None:
    text = (profiles.folder() / f"{name}.toml").read_text()
    assert name == "generic" or "# Source: " in text
    assert max(map(len, text.splitlines())) <= 140


def test_at_most_ten_profiles_come_along() -> None:
    found = profiles.names()
    assert {"generic", "kannel-like", "hex-response-decimal-receipt", "latin1-default"} <= set(found)
    assert len(found) <= 10


def test_hex_in_the_response_and_decimal_in_the_receipt_is_a_profile(loads: Loads) -> None:
    assert carrier(loads, "hex-response-decimal-receipt").message_id is MessageIdBase.DECIMAL


def test_a_carrier_of_tls_alone_is_a_profile(loads: Loads) -> None:
    assert carrier(loads, "sinch-like").tls is not None


def test_a_carriers_own_keys_win_over_its_profile_and_the_environment_over_both(loads: Loads) -> None:
    assert carrier(loads, "kannel-like").receipts_of is ReceiptsOf.FIRST
    assert carrier(loads, "kannel-like", 'receipts_of = "last"').receipts_of is ReceiptsOf.LAST
    environ = {"SLUICE_CARRIERS__TELCO__RECEIPTS_OF": "one"}
    assert carrier(loads, "kannel-like", environ=environ).receipts_of is ReceiptsOf.ONE
    assert carrier(loads, "kannel-like", 'receipts_of = "last"', environ=environ).receipts_of is ReceiptsOf.ONE


def test_the_environment_names_a_profile_too(loads: Loads) -> None:
    settings = loads(environ={"SLUICE_CARRIERS__TELCO__PROFILE": "vonage-like"})
    assert settings.carriers["telco"].submit_rate == 30


def test_a_key_of_the_carrier_replaces_the_profiles_whole(loads: Loads) -> None:
    files = {"own.toml": 'tlvs = { "0x1400" = "1", "0x1401" = "2" }\nhosts_order = "round_robin"'}
    found = carrier(loads, "own.toml", 'tlvs = { "0x1402" = "3" }', files=files)
    assert found.tlvs == {"0x1402": "3"}
    assert found.hosts_order is HostsOrder.ROUND_ROBIN


def test_a_path_is_looked_for_beside_the_configuration_or_absolutely(loads: Loads, tmp_path: Path) -> None:
    files = {"profiles/telco.toml": "window = 3"}
    assert carrier(loads, "profiles/telco.toml", files=files).window == 3
    assert carrier(loads, f"{tmp_path}/profiles/telco.toml").window == 3


def test_a_profile_that_is_not_there_is_told_with_those_that_are(loads: Loads, tmp_path: Path) -> None:
    told = refusal(loads, least=with_profile("kanel"))
    assert f'- {tmp_path}/sluice.toml: carriers.telco.profile names the profile "kanel", which is not there' in told
    assert "generic, gsm-241, hex-response-decimal-receipt, " in told
    assert 'names the profile "..", which is not there' in refusal(loads, least=with_profile(".."))
    told = refusal(loads, least=with_profile("./kanel.toml"))
    assert f"- {tmp_path}/kanel.toml: is named as a profile and cannot be read: No such file" in told


def test_an_unknown_key_of_a_profile_is_told_with_the_profiles_file(loads: Loads, tmp_path: Path) -> None:
    told = refusal(loads, least=with_profile("own.toml"), files={"own.toml": "windwo = 3"})
    assert f'- {tmp_path}/own.toml: windwo is no key that Sluice knows; did you mean "window"?' in told


@pytest.mark.parametrize("key", ["name", "profile", "hosts", "system_id", "password", "password_file"])
def test_what_is_one_carriers_alone_has_no_place_in_a_profile(loads: Loads, tmp_path: Path, key: str) -> None:
    told = refusal(loads, least=with_profile("own.toml"), files={"own.toml": f'{key} = "Spilled-s3cret"'})
    assert f"- {tmp_path}/own.toml: {key} is one carrier's own; a profile may not say it" in told
    assert "Spilled" not in told


def test_an_impossible_value_of_a_profile_is_told_with_the_profiles_file(loads: Loads, tmp_path: Path) -> None:
    told = refusal(loads, least=with_profile("own.toml"), files={"own.toml": "window = 0"})
    assert f"- {tmp_path}/own.toml: carriers.telco.window is 0; give 1 to 1_000 PDUs" in told
    told = refusal(loads, least=with_profile("own.toml"), files={"own.toml": "window = "})
    assert f"- {tmp_path}/own.toml: is not TOML: " in told


def test_a_built_package_brings_its_profiles_along(tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    ran = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=HOME, check=True, capture_output=True, text=True, timeout=60
    )
    with zipfile.ZipFile(tmp_path / ran.stdout.split()[-1]) as wheel:
        packed = [name for name in wheel.namelist() if name.startswith("gateway/settings/carrier_profiles/")]
        assert sorted(Path(name).stem for name in packed) == profiles.names()
        wheel.extractall(tmp_path / "installed")
    ask = "from gateway.settings import profiles; print(profiles.folder(), *profiles.names())"
    told = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.split()
    assert told == [str(tmp_path / "installed/gateway/settings/carrier_profiles"), *profiles.names()]

"""Where settings come from: included files, secret files, the environment; and that no secret gets out on the way."""

from pathlib import Path

import pytest
from least_settings import LEAST, SECRET, SHA, Loads, of_account, refusal

from gateway.settings import (
    ConfigurationError,
    Settings,
    ignored_variables,
    load,
)


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
    assert "carriers.telco.password_file names a file that does not exist" in told
    assert f"looked for /run/credentials/sluice/telco and {tmp_path}/telco" in told
    assert "telco, which is empty" in refusal(loads, least=least, files={"telco": "\n"})
    folder = least.replace('"telco"\n', '"."\n')
    assert f"names {tmp_path}, which cannot be read: Is a directory" in refusal(loads, least=folder)


def test_a_secret_file_that_is_no_text_is_told(loads: Loads, tmp_path: Path) -> None:
    (tmp_path / "telco").write_bytes(b"\xff\xfe")
    least = LEAST.replace('password = "hunter2hunter2"', 'password_file = "telco"')
    assert f"names {tmp_path}/telco, which is not text in UTF-8" in refusal(loads, least=least)


def test_settings_built_in_code_read_no_files() -> None:
    carrier = {"hosts": ["h:1"], "system_id": "x", "password_file": "y"}
    with pytest.raises(ValueError, match="files are read by load"):
        Settings.model_validate({"carriers": {"telco": carrier}})


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
        of_account(f'webhook = "https://u:{SPILLED}@x.example/"'),
        of_account(f'webhook = {{ url = "https://x.example/", secret_files = "{SPILLED}" }}'),
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
    asking = '[lookup]\nurl = "https://n.example"\ntoken_file = "not there"'
    assert loads(asking, environ={"SLUICE_LOOKUP__TOKEN": "given"}).lookup.bearer == "given"


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
        ("SLUICE_HTTP__LISTEN", "0.0.0.0:80", "http.listen must be a list"),
        ("SLUICE_STORE", "{", "store must be a table"),
        ("SLUICE_CARRIER__TELCO__WINDOW", "1", "'carrier' is no section; the sections are accounts, alerts, carriers,"),
        ("SLUICE_INCLUDE", '["x"]', "include may stand in the file alone"),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(loads: Loads, variable: str, value: str, told: str) -> None:
    assert f"- environment variable {variable}: {told}" in refusal(loads, environ={variable: value})


def test_variables_of_others_with_our_prefix_do_not_stop_the_start(loads: Loads) -> None:
    environ = {"SLUICE_PORT_8080_TCP": "tcp://10.0.0.1:8080", "SLUICE_SERVICE_HOST": "10.0.0.1"}
    loads(environ=environ)
    assert ignored_variables({**environ, "SLUICE_HTTP__LISTEN": "[]", "HOME": "/"}) == sorted(environ)

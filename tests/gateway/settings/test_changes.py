"""What differs between two configurations, and which of it a reload brings in force."""

from typing import Any, get_args

import pytest
from least_settings import LEAST, SECRET, SHA, Loads
from pydantic import BaseModel

from gateway.settings import Settings
from gateway.settings.changes import changes, effective, needs_new_binds
from gateway.settings.kinds import KINDS, Kind

OTHER_SHA = SHA[::-1]


def of(loads: Loads, text: str = LEAST) -> Settings:
    """The settings of a whole text."""
    return loads(text, least="")


def lines(old: Settings, new: Settings) -> list[str]:
    return [change.line for change in changes(old, new)]


def sections_of(annotation: Any) -> list[type[BaseModel]]:
    """The sections that a field of the whole configuration holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in get_args(annotation) for found in sections_of(inner)]


def test_every_setting_has_a_kind() -> None:
    keys = set()
    for name, field in Settings.model_fields.items():
        sections = sections_of(field.annotation)
        keys |= {(name, key) for section in sections for key in section.model_fields} or {("", name)}
    assert keys == set(KINDS)


def test_the_same_configuration_differs_in_nothing(loads: Loads) -> None:
    assert changes(of(loads), of(loads)) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("", "window = 20", "carriers.telco.window: 10 -> 20"),
        ("", "submit_rate = 12345", "carriers.telco.submit_rate: 0 -> 12345"),
        ("", "messages_per_session = 1000000", "carriers.telco.messages_per_session: 0 -> 1_000_000"),
        ("", "adaptive_window = false", "carriers.telco.adaptive_window: true -> false"),
        ("", 'message_id = "hex"', "carriers.telco.message_id: auto -> hex"),
        ("", 'system_type = "x"', 'carriers.telco.system_type: "" -> "x"'),
        ("", 'receipt_errors = { "0B1" = "absent_subscriber" }', "carriers.telco.receipt_errors: (changed)"),
        ("submit_rate = 100", "submit_rate = 50.5", "carriers.telco.submit_rate: 100 -> 50.5"),
    ],
)
def test_a_key_is_told_with_both_values(loads: Loads, before: str, after: str, told: str) -> None:
    old, new = (of(loads, LEAST.replace("[[routes]]", f"{line}\n[[routes]]")) for line in (before, after))
    assert lines(old, new) == [told]


def test_secrets_are_told_as_changed_alone(loads: Loads) -> None:
    webhook = f'webhook = {{ url = "https://shop.example/a?key=hush", secrets = ["{SECRET}"] }}'
    old = of(loads, f"{LEAST}\n{webhook}")
    other = SECRET.replace("Mf", "Nf")
    new = of(
        loads,
        f"{LEAST}\n{webhook}".replace("hunter2hunter2", "hunter3hunter3")
        .replace(SHA, OTHER_SHA)
        .replace(SECRET, other)
        .replace("hush", "whisper"),
    )
    told = lines(old, new)
    assert told == [
        "carriers.telco.password: (changed)",
        "accounts.shop.tokens: (changed)",
        "accounts.shop.webhook.url: (changed)",
        "accounts.shop.webhook.secrets: (changed)",
    ]
    for secret in ("hunter", SHA, OTHER_SHA, SECRET, other, "hush", "whisper"):
        assert not any(secret in line for line in told)


def test_tables_that_come_and_go_and_another_order_of_routes_are_told(loads: Loads) -> None:
    spain, france = (
        f'[[routes]]\nname = "{code}"\nmatch.country = ["{code}"]\ntiers = ["telco"]\n' for code in ("ES", "FR")
    )
    at = LEAST.index("[[routes]]")
    both, turned = (f"{LEAST[:at]}{routes}{LEAST[at:]}" for routes in (spain + france, france + spain))
    assert lines(of(loads, both), of(loads, turned)) == ["routes: in another order"]
    assert lines(of(loads), of(loads, both)) == ["routes.ES: added", "routes.FR: added"]
    assert lines(of(loads, both), of(loads)) == ["routes.ES: removed", "routes.FR: removed"]


def test_what_needs_a_restart_stays_as_it_was(loads: Loads) -> None:
    old = of(loads)
    given = f'[http]\nlisten = ["127.0.0.1:1"]\ntrusted_proxies = ["10.0.0.0/8"]\n{LEAST}'
    new = of(loads, given.replace("[[routes]]", 'trace_file = "/tmp/x"\nwindow = 20\n[[routes]]'))

    kept = effective(old, new)

    assert kept.http.listen == old.http.listen
    assert kept.http.trusted_proxies == new.http.trusted_proxies
    assert kept.carriers["telco"].trace_file is None
    assert kept.carriers["telco"].window == 20
    assert [change.path for change in changes(old, new) if change.kind is Kind.RESTART] == [
        "http.listen",
        "carriers.telco.trace_file",
    ]
    assert not any(change.kind is Kind.RESTART for change in changes(old, kept))


def test_a_carrier_that_is_new_may_have_what_needs_a_restart(loads: Loads) -> None:
    further = '[carriers.more]\nhosts = ["a:1"]\nsystem_id = "a"\npassword = "b"\ntrace_file = "/tmp/more"\n'
    assert effective(of(loads), of(loads, further + LEAST)).carriers["more"].trace_file == "/tmp/more"


@pytest.mark.parametrize(
    ("line", "is_anew"),
    [('system_type = "x"', True), ('hosts_order = "round_robin"', True), ("window = 20", False), ("binds = 2", False)],
)
def test_binds_are_made_anew_where_they_were_made_by_what_has_changed(loads: Loads, line: str, is_anew: bool) -> None:
    old, new = of(loads), of(loads, LEAST.replace("[[routes]]", f"{line}\n[[routes]]"))
    assert needs_new_binds(old.carriers["telco"], new.carriers["telco"]) is is_anew

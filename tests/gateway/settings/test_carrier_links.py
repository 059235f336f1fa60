"""Settings of a carrier's links: TLS files, what SMPP 3.3 has not, addresses for outbind, and words of caution."""

import re
from pathlib import Path

import pytest
import trustme
from least_settings import Loads

from gateway.rules.options import MessageOptions
from gateway.rules.ways import way_of, written
from gateway.settings import ConfigurationError
from gateway.settings.cautions import cautions
from protocol.text import Encoding

AUTHORITY = trustme.CA()
OURS = AUTHORITY.issue_cert("acme.example")
CA, CERTIFICATE = AUTHORITY.cert_pem.bytes().decode(), OURS.cert_chain_pems[0].bytes().decode()
KEY = OURS.private_key_pem.bytes().decode()

CARRIER = """
[carriers.second]
hosts = ["two.example:2775"]
system_id = "acme"
password = "secret"
"""

BARE = """
[carriers.second]
system_id = "acme"
password = "secret"
"""


def test_tls_files_are_found_among_the_credentials_first_and_else_beside_the_configuration(
    loads: Loads, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "acme.key").write_text(KEY)
    settings = loads(
        CARRIER + 'tls = { ca_file = "ca.pem", certificate_file = "acme.pem", key_file = "acme.key" }',
        files={"ca.pem": CA, "acme.pem": CERTIFICATE, "acme.key": "of someone else"},
        environ={"CREDENTIALS_DIRECTORY": str(credentials)},
    )
    tls = settings.carriers["second"].tls
    assert tls is not None
    assert tls.ca_file == str(tmp_path / "ca.pem")
    assert tls.key_file == str(credentials / "acme.key")
    assert tls.context().check_hostname


def test_tls_true_is_the_usual_tls_and_false_is_none(loads: Loads) -> None:
    assert loads(CARRIER + "tls = true").carriers["second"].tls is not None
    assert loads(CARRIER + "tls = false").carriers["second"].tls is None


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        ('{ ca_file = "nowhere.pem" }', "carriers.second.tls.ca_file names a file that does not exist; looked for"),
        ('{ ca_file = "acme.key" }', "holds no certificate in PEM"),
        ('{ certificate_file = "acme.pem" }', "holds no certificate with its key; give key_file"),
        ('{ key_file = "acme.key" }', "key_file without certificate_file"),
        ('{ certificate_file = "ca.pem", key_file = "acme.key" }', "is not the key of"),
        ('{ min_version = "1.1" }', "carriers.second.tls.min_version"),
    ],
)
def test_tls_that_cannot_work_is_told_with_its_key(loads: Loads, tls: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        loads(f"{CARRIER}tls = {tls}", files={"ca.pem": CA, "acme.pem": CERTIFICATE, "acme.key": KEY})
    assert "PRIVATE KEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tlvs", '{ "0x1400" = "1" }'),
        ("message_tlvs", '["0x1401"]'),
        ("user_message_reference", "true"),
        ("long_messages", '"sar"'),
        ("long_messages", '"payload"'),
    ],
)
def test_what_needs_tlvs_is_refused_for_a_carrier_of_smpp_3_3(loads: Loads, key: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"carriers.second.{key} needs TLVs"):
        loads(f'{CARRIER}interface_version = "3.3"\n{key} = {value}')


@pytest.mark.parametrize(("version", "tlvs"), [("3.3", ""), ("3.4", "0005000101"), ("5.0", "0005000101")])
def test_flash_in_latin_1_is_told_by_a_tlv_but_never_to_a_carrier_of_smpp_3_3(
    loads: Loads, version: str, tlvs: str
) -> None:
    carrier = loads(f'{CARRIER}interface_version = "{version}"\nalphabet = "latin1"').carriers["second"]
    asked = MessageOptions(flash=True)
    (segment,) = written("hi", Encoding.GSM7, way_of(carrier), 1, asked, ucs2_allowed=False)
    assert segment.tlvs == bytes.fromhex(tlvs)


def test_outbind_takes_no_address_twice_and_with_tls_it_needs_a_certificate(loads: Loads) -> None:
    with pytest.raises(ConfigurationError, match=r"carriers.second.outbind_listen\[?1?.*listened on already"):
        loads(CARRIER + 'outbind_listen = ["127.0.0.1:2799", "127.0.0.1:2799"]')
    with pytest.raises(ConfigurationError, match=r"carriers\.second\.tls\.certificate_file is missing"):
        loads(CARRIER + 'outbind_listen = ["127.0.0.1:2799"]\ntls = true')


def test_pain_37_what_is_odd_but_allowed_is_a_caution_without_the_secret(loads: Loads) -> None:
    odd = CARRIER.replace('"secret"', '"secret-of-many-letters"').replace('"acme"', '"acme-of-many-letters"')
    carrier = loads(f'{odd}tls = {{ verify = false }}\ninterface_version = "3.3"').carriers["second"]
    told = list(cautions(carrier))
    assert [line.split()[0] for line in told] == ["password", "system_id", "tls.verify", "mode"]
    assert "secret-of" not in "".join(told)
    assert list(cautions(loads(CARRIER).carriers["second"])) == []


def test_settings_that_leave_something_undone_are_a_caution(loads: Loads) -> None:
    calls = 'outbind_listen = ["127.0.0.1:2777"]\noutbind_from = ["192.0.2.0/24"]'
    carrier = loads(f'{BARE}{calls}\nmode = "transmitter+receiver"\nschedule_delivery_time = "relative"')
    told = list(cautions(carrier.carriers["second"]))
    assert [line.split()[0] for line in told] == ["hosts", "schedule_delivery_time"]
    careful = loads(f'{CARRIER}schedule_delivery_time = "relative"\ncancel_sm = true').carriers["second"]
    assert list(cautions(careful)) == []


def test_tlvs_of_255_octets_tables_for_gsm_and_flags_for_lanes_of_ones_own_are_taken(loads: Loads) -> None:
    carrier = loads(
        f'{CARRIER}tlvs = {{ "0X1400" = "hex:{"00" * 255}" }}\nnational_tables = ["turkish"]\npacked = true\n'
        'priority_flags = { otp = 3, alerts = 2 }\n[lanes.alerts]\npriority = 1\nvalidity = "1h"'
    ).carriers["second"]
    assert list(carrier.tlvs) == ["0x1400"]
    assert carrier.priority_flags == {"otp": 3, "alerts": 2}


def test_a_trace_file_is_named_by_its_whole_path_and_is_of_one_carrier(loads: Loads, tmp_path: Path) -> None:
    one, third = f'trace_file = "{tmp_path}/two.pcap"', CARRIER.replace("second", "third")
    assert loads(CARRIER + one).carriers["second"].trace_file == f"{tmp_path}/two.pcap"
    with pytest.raises(ConfigurationError, match=r"carriers\.third\.trace_file is the file of carrier second already"):
        loads(CARRIER + one + third + f'trace_file = "{tmp_path}/x/../two.pcap"')
    with pytest.raises(ConfigurationError, match=r"carriers\.second\.trace_file is relative"):
        loads(CARRIER + 'trace_file = "two.trace"')


def test_a_carrier_that_only_calls_has_no_hosts(loads: Loads) -> None:
    calls = 'outbind_listen = ["127.0.0.1:2777"]\noutbind_from = ["192.0.2.0/24"]'
    for hosts in ("", "\nhosts = []"):
        assert loads(BARE + calls + hosts).carriers["second"].hosts == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "carriers.second.hosts is missing; write the addresses that the carrier gave"),
        ("hosts = []", "carriers.second.hosts is missing; write the addresses that the carrier gave"),
        ('outbind_listen = ["127.0.0.1:2777"]', "carriers.second.outbind_from is missing, and without hosts nobody"),
    ],
)
def test_a_carrier_that_nobody_could_connect_to_or_from_stops_the_start(loads: Loads, given: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        loads(BARE + given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            'response_timeout = "10s"\nbreaker_latency = "15s"',
            'breaker_latency is above response_timeout ("10s"), where it would never be seen; lower it',
        ),
        (
            'receipt_silence = "2m"\nreceipt_silence_least = "5m"',
            'receipt_silence_least is above receipt_silence ("2m"); lower it or raise that',
        ),
        ("breaker_errors = 0", "breaker_errors is 0.0; give 0.01 to 1"),
    ],
)
def test_terms_of_a_breaker_that_could_not_hold_are_told(loads: Loads, given: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        loads(CARRIER + given)


def test_short_time_outs_contradict_no_usual_value_of_a_breaker(loads: Loads) -> None:
    short = 'response_timeout = "1s"\nreceipt_silence = "2s"\n'
    loads(CARRIER + short)
    # As `sluice check` prints it.
    loads(CARRIER + short + 'breaker_latency = "20s"\nreceipt_silence_least = "60s"')


def test_a_local_address_is_one_or_a_list(loads: Loads) -> None:
    assert loads(CARRIER + 'local_address = "198.51.100.10"').carriers["second"].local_address == ["198.51.100.10"]
    several = loads(CARRIER + 'local_address = ["2001:db8::10", "2001:DB8:0::11"]').carriers["second"]
    assert several.local_address == ["2001:db8::10", "2001:db8::11"]
    assert loads(CARRIER).carriers["second"].local_address == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('local_address = "here.example"', "write an IP address of this machine"),
        ('local_address = "0.0.0.0"', "is no machine's own"),
        ('local_address = ["198.51.100.10", "198.51.100.10"]', "names an address twice"),
        ('local_address = ["198.51.100.10", "2001:db8::10"]', "has IPv4 and IPv6 addresses"),
    ],
)
def test_a_local_address_that_cannot_be_left_from_is_told(loads: Loads, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=f"carriers.second.local_address.*{told}"):
        loads(CARRIER + text)


@pytest.mark.parametrize(("own", "host"), [("198.51.100.10", "[2001:db8::7]:2775"), ("2001:db8::10", "192.0.2.7:2775")])
def test_a_host_of_the_other_family_than_local_address_is_refused(loads: Loads, own: str, host: str) -> None:
    text = CARRIER.replace("two.example:2775", host) + f'local_address = "{own}"'
    with pytest.raises(ConfigurationError, match=r"carriers.second.hosts has .* can't be reached from local_address"):
        loads(text)


def test_a_local_address_does_nothing_for_a_carrier_that_only_calls(loads: Loads) -> None:
    with pytest.raises(ConfigurationError, match=r"carriers\.second\.local_address does nothing without hosts"):
        loads(BARE + 'outbind_listen = ["127.0.0.1:0"]\noutbind_from = ["192.0.2.0/24"]\nlocal_address = "192.0.2.1"')

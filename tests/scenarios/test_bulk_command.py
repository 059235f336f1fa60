"""`sluice bulk` against a whole gateway: cut off on either side, called again, and every row is sent once."""

import json
import signal

import pytest
from arrivals import wait_until
from daemons import TOKEN, account, carrier, environment
from ports import free_port
from sluice_processes import sluice_process

pytestmark = pytest.mark.scenario

ROWS = 1_200
HOLD = {"transactional": {"in_doubt": "hold", "doubt_grace": "1s"}}
TEMPLATE = "Hello {first_name:there}, your code is {code}"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "people.csv"
    rows = [f"+3460020{n:04},Hello {n},{n}" for n in range(ROWS)]
    path.write_text("\n".join(["phone,first_name,code", *rows]))
    return path


@pytest.fixture
def bulk(tmp_path, file):
    """Starts the command against a gateway; what still runs in the end is killed."""
    started = []

    def start(gateway, *options, file=file):
        arguments = ["bulk", file, "--template", TEMPLATE, "--url", gateway.url, "--token", TOKEN, "--json", *options]
        started.append(sluice_process(arguments, folder=tmp_path, environment=environment()))
        return started[-1]

    yield start
    for process in started:
        process.end()


def summary_of(process, status=0):
    assert process.wait() == status, process.errors.all()
    return json.loads(process.output.all()[-1])


def every_number():
    return {f"+3460020{n:04}" for n in range(ROWS)}


@pytest.mark.parametrize(
    ("cut", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)], ids=["killed", "interrupted"]
)
def test_a_run_that_was_cut_off_goes_on_and_sends_nothing_twice(
    gateway_with, simulator_with, record, bulk, cut, status
):
    simulator = simulator_with(*record.option)
    # At this pace it takes seconds: it is cut off long before its end, however late the signal comes.
    shop = account(limits={"messages_per_second": 150})
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=50)}, accounts={"shop": shop})
    options = ("--batch", "10", "--concurrency", "2")
    first = bulk(gateway, *options)
    wait_until(lambda: record.count() >= 100, "a hundred have arrived")
    first.signal(cut)
    assert first.wait() == status, first.errors.all()
    if status == 130:
        assert "the same command goes on from here" in first.errors.all()[-1]

    summary = summary_of(bulk(gateway, *options, "--wait"))

    assert (summary["accepted"], summary["refused"], summary["outcomes"]) == (ROWS, 0, {"delivered": ROWS})
    assert 100 <= summary["accepted_before"] < ROWS
    assert sorted(record.numbers()) == sorted(every_number())


@pytest.mark.parametrize("is_killed", [False, True], ids=["restarted", "killed"])
def test_a_gateway_that_restarts_in_the_middle_is_waited_for(
    gateway_with, simulator_with, record, webhooks, bulk, is_killed
):
    simulator = simulator_with(*record.option)
    gateway = gateway_with(
        http={"listen": [f"127.0.0.1:{free_port()}"]}, carriers={"telco": carrier(simulator.port)}, lanes=HOLD
    )
    running = bulk(gateway, "--batch", "10", "--concurrency", "2", "--wait")
    wait_until(lambda: record.count() >= 100, "a hundred have arrived")
    if is_killed:
        gateway.kill()
    else:
        assert gateway.stop() == 0
    gateway.start()

    summary = summary_of(running)

    assert (summary["accepted"], summary["refused"], sum(summary["outcomes"].values())) == (ROWS, 0, ROWS)
    # What a kill leaves in doubt is held here, so that whatever arrives twice would have been accepted twice.
    assert summary["outcomes"]["delivered"] >= ROWS - 10 * is_killed
    assert record.twice() == set()
    wait_until(lambda: gateway.get("/v1/events?status=pending")["entities"] == [], "every event is told")
    told = {event["message_id"]: event["data"]["to"] for event in webhooks.events.all()}
    assert sorted(told.values()) == sorted(every_number())


def test_refused_rows_are_told_and_the_corrected_ones_are_sent(
    gateway_with, simulator_with, record, bulk, file, tmp_path
):
    simulator = simulator_with(*record.option)
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=50)})
    lines = file.read_text().split("\n")[:40]
    lines[7], lines[9] = "+34123,Hello 6,6", "+34600200008,Hello 8,"
    file.write_text("\n".join(lines))

    summary = summary_of(bulk(gateway, "--errors", str(tmp_path / "errors.csv")), status=1)

    assert summary["refused"] == 2
    assert list(summary["refused_by"]) == ["to: number_too_short", "variables.code: missing"]
    errors = (
        (tmp_path / "errors.csv").read_text().replace(",+34123,", ",+34600200006,").replace("Hello 8,", "Hello 8,8")
    )
    file.write_text(errors)
    assert summary_of(bulk(gateway, "--wait"))["outcomes"] == {"delivered": 2}
    assert sorted(record.numbers()) == [f"+3460020{n:04}" for n in range(39)]


def test_an_account_over_its_limits_waits_as_it_is_told_and_gets_all(gateway_with, simulator_with, record, bulk):
    simulator = simulator_with(*record.option)
    shop = account(limits={"messages_per_second": 500})
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=50)}, accounts={"shop": shop})
    running = bulk(gateway, "--batch", "400", "--wait")
    assert summary_of(running)["outcomes"] == {"delivered": ROWS}
    assert any("asks to wait 1 s" in line for line in running.errors.all())
    assert sorted(record.numbers()) == sorted(every_number())


def test_a_row_that_no_message_can_be_made_of_harms_no_other(gateway_with, simulator_with, record, bulk, tmp_path):
    simulator = simulator_with(*record.option)
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=50)})
    bad = [
        r'"a\ud800"', r'"a\u0000b"', "1" * 4_000, "1" * 4_000, "1" * 6_000, "1e999", "NaN", "{}", "[[1]]", "null",
        '"' + "x" * 9_000 + '"',
        "1e-400", "[" * 100_000,
    ]  # fmt: skip
    lines = [f'{{"phone": "+346002000{n:02}", "code": {value}}}' for n, value in enumerate(bad)]
    many = json.dumps({"phone": "+34600200077", **{f"c{n}": "1" for n in range(300)}})
    others = [f'{{"phone": "+34600201{n:03}", "code": {n}, "First Name ü": "", "": 1}}' for n in range(100)]
    (tmp_path / "people.ndjson").write_text("\n".join([*others[:50], *lines, many, "{", "7", *others[50:]]))

    summary = summary_of(bulk(gateway, "--wait", "--errors", "errors.csv", file=tmp_path / "people.ndjson"), status=1)

    assert (summary["rows"], summary["refused"]) == (116, 15)
    # 1e-400 is read as 0.0, which is a number like others.
    assert sorted(record.numbers()) == sorted(["+34600200011", *(f"+34600201{n:03}" for n in range(100))])
    assert summary["outcomes"] == {"delivered": 101}


def test_the_preview_is_the_gateways_own(gateway_with, simulator_with, record, bulk):
    simulator = simulator_with(*record.option)
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)}, accounts={"shop": account()})
    found = summary_of(bulk(gateway, "--dry-run"))
    assert found["rows"] == ROWS
    assert found["first"][0]["text"] == "Hello Hello 0, your code is 0"
    assert record.count() == 0

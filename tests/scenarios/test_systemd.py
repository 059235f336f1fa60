"""A life under a service manager: it is told the truth about each stage, and a restart refuses nobody."""

import threading

import pytest
from daemons import OPERATOR_TOKEN, carrier, configuration
from service_manager import managing

pytestmark = pytest.mark.scenario

CALLERS = 4


def test_ready_is_told_when_calls_are_answered_and_a_stop_is_told_by_its_stages(simulator, webhooks, tmp_path):
    settings = configuration(tmp_path, webhook_url=webhooks.url, carriers={"telco": carrier(simulator.port)})
    with managing(tmp_path, settings) as manager:
        manager.start()

        assert manager.http.call("GET", "/readyz").status == 200
        assert manager.operator.get("/admin/status")
        assert "READY" not in manager.told.all()[0], "the store is opened before"
        ready = manager.told.wait(lambda told: "READY" in told)
        assert ready["STATUS"].startswith("Binds ")
        manager.told.wait(lambda told: told.get("STATUS", "").startswith("Binds 1/1 up; queued 0; in doubt 0;"))

        assert manager.stop() == 0
        stages = [state.split(";")[0].removeprefix("Stopping: ") for state in manager.states() if "Stopping" in state]
        assert list(dict.fromkeys(stages)) == [
            "answers the requests under way",
            "waits for carriers' answers",
            "writes the last receipts",
            "waits for webhooks under way",
            "closes the store",
        ]
        assert [told["STATUS"] for told in manager.told.all(lambda told: "STOPPING" in told)] == [
            next(state for state in manager.states() if "Stopping" in state)
        ]


def test_the_watchdog_is_fed_through_the_writer(simulator, tmp_path):
    settings = configuration(tmp_path, carriers={"telco": carrier(simulator.port)})
    with managing(tmp_path, settings, watchdog_seconds=0.3) as manager:
        manager.start()
        manager.told.wait_for(3, lambda told: "WATCHDOG" in told)
        assert manager.stop() == 0


def test_secrets_are_read_from_the_credentials_that_systemd_loads(simulator, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "telco_password").write_text("secret\n")
    (credentials / "operator_token").write_text(OPERATOR_TOKEN)
    telco = {**carrier(simulator.port), "password_file": "telco_password"}
    del telco["password"]
    operator = {"listen": ["127.0.0.1:0"], "tokens": [{"file": "operator_token"}]}
    settings = configuration(tmp_path, carriers={"telco": telco}, operator=operator)
    with managing(tmp_path, settings, credentials=credentials) as manager:
        manager.start().errors.wait(lambda line: "carrier=telco able=True" in line)
        assert manager.operator.get("/admin/status")
        assert manager.stop() == 0


def test_a_restart_refuses_no_connection_and_keeps_every_201(simulator_with, record, webhooks, tmp_path):
    simulator = simulator_with(*record.option, "--latency", "20ms")
    settings = configuration(tmp_path, webhook_url=webhooks.url, carriers={"telco": carrier(simulator.port, window=50)})
    accepted, troubles, enough = [], [], threading.Event()

    def call(manager, number):
        count = 0
        while not enough.is_set():
            count += 1
            body = {"to": f"+346001{number}{count:04}", "text": "Hello"}
            try:
                answer = manager.http.call("POST", "/v1/sms", body)
            except OSError as trouble:
                troubles.append(repr(trouble))
                continue
            (accepted if answer.status == 201 else troubles).append(answer.json)

    with managing(tmp_path, settings) as manager:
        manager.start()
        threads = [threading.Thread(target=call, args=(manager, number)) for number in range(CALLERS)]
        for thread in threads:
            thread.start()
        webhooks.events.wait_for(20)
        assert manager.stop() == 0
        before = len(accepted)
        manager.start()
        webhooks.events.wait_for(20, after=len(webhooks.events))
        enough.set()
        for thread in threads:
            thread.join()

        assert troubles == []
        assert before < len(accepted)
        webhooks.wait_for_each(accepted, "delivered")
        assert manager.stop() == 0
    assert sorted(record.numbers()) == sorted(message["to"] for message in accepted)


def test_without_sockets_handed_over_the_configured_addresses_are_used(simulator, tmp_path):
    settings = configuration(tmp_path, carriers={"telco": carrier(simulator.port)})
    with managing(tmp_path, settings, names=["http"]) as manager:
        process = manager.start()
        line = process.errors.wait(lambda line: "listening http=" in line)
        assert f"http={manager.http.url} " in line
        assert manager.http.call("GET", "/healthz").status == 200
        assert manager.stop() == 0


def test_a_socket_of_an_unknown_name_is_said_in_words(simulator, tmp_path):
    settings = configuration(tmp_path, carriers={"telco": carrier(simulator.port)})
    with managing(tmp_path, settings, names=["http", "sluice.socket"]) as manager:
        process = manager.start(wait=False)
        assert process.wait() == 1
        said = process.errors.all()
        assert len(said) == 1, said
        assert "sluice.socket" in said[0]
        assert "http, operator" in said[0]

"""Another configuration for a gateway that runs: routes, carriers and accounts come and go, and no message is lost."""

import random
import signal

import pytest
from callers import Caller
from daemons import SECRET, account, carrier, sha256, to_toml
from ports import free_port

pytestmark = pytest.mark.scenario


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def test_routes_and_carriers_of_a_reload_take_what_is_sent_from_then_on(gateway_with, simulator_with, webhooks):
    first, second = (simulator_with("--no-number-outcomes") for _ in range(2))
    gateway = gateway_with(carriers={"first": carrier(first.port)})
    gateway.wait_able("first")
    assert webhooks.carriers_of(gateway.send_bulk(batch(10, 5))) == {"first"}

    carriers = {"first": carrier(first.port), "second": carrier(second.port)}
    route = {"name": "spain", "match": {"country": ["ES"]}, "tiers": ["second"]}
    done = gateway.reload(carriers=carriers, routes=[route, {"name": "rest", "tiers": ["first"]}])
    assert done == {"changed": ["carriers.second: added", "routes.spain: added"], "needs_restart": []}
    gateway.wait_able("second")
    assert webhooks.carriers_of(gateway.send_bulk(batch(20, 5))) == {"second"}
    assert first.figures()["binds"] == 1


def test_a_bad_file_changes_nothing_and_says_why(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    gateway.write_text(to_toml({**gateway.settings, "routes": [{"name": "rest", "tiers": ["nobody"]}]}))

    answer = gateway.operator.call("POST", "/admin/reload", {})

    assert (answer.status, answer.json["code"]) == (422, "invalid_configuration")
    assert any("nobody" in line for line in answer.json["problems"]), answer.json
    gateway.wait_logged("not reloaded:")
    assert webhooks.carriers_of(gateway.send_bulk(batch(10, 5))) == {"telco"}


def test_sighup_does_as_sluice_reload(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.wait_able("telco")
    gateway.write(accounts={**gateway.settings["accounts"], "other": account(tokens=[{"sha256": sha256("sk_other")}])})

    gateway.process.signal(signal.SIGHUP)

    gateway.wait_logged("reloaded: accounts.other: added")
    sent = Caller(gateway.url, "sk_other").send("+34600100001")
    assert sent["status"] == "queued"


def test_a_removed_accounts_token_is_refused_and_its_messages_still_end(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--no-number-outcomes", "--latency", "300ms")
    accounts = {"shop": account(webhooks.url), "other": account(tokens=[{"sha256": sha256("sk_other")}])}
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=2)}, accounts=accounts)
    gateway.wait_able("telco")
    sent = Caller(gateway.url, "sk_other").send_bulk(batch(10, 10))

    gateway.reload(accounts={"shop": account(webhooks.url)})

    assert Caller(gateway.url, "sk_other").call("GET", f"/v1/sms/{sent[0]['id']}").status == 401
    gateway.wait_for(lambda: simulator.figures()["taken"] == 10 or None, "all ten at the carrier")


def test_messages_of_a_vanished_route_go_by_another_or_fail_with_no_route(gateway_with, simulator_with, webhooks):
    second = simulator_with("--no-number-outcomes")
    nobody = {"closed": carrier(free_port())}
    routes = [{"name": "closed", "tiers": ["closed"]}]
    gateway = gateway_with(carriers={**nobody, "second": carrier(second.port)}, routes=routes)
    gateway.wait_able("second")
    spanish, french = gateway.send_bulk(batch(10, 5)), gateway.send_bulk([{"to": "+33612345678", "text": "Hello"}])

    spain = {"name": "spain", "match": {"country": ["ES"]}, "tiers": ["second"]}
    gateway.reload(carriers={"second": carrier(second.port)}, routes=[spain])

    assert webhooks.carriers_of(spanish) == {"second"}
    assert webhooks.wait(french[0], "failed")["data"]["error"]["code"] == "no_route"


class Changing:
    """A configuration that one thing of is changed at a time; carrier `stays` and its route are never touched."""

    def __init__(self, ports, settings):
        self.ports = ports
        self.chance = random.Random(7)
        self.carriers = dict(settings["carriers"])
        self.routes = list(settings["routes"])
        self.accounts = dict(settings["accounts"])

    def change(self):
        kinds = (self._route, self._order, self._weights, self._carrier, self._window, self._account, self._rate)
        self.chance.choice(kinds)()
        return {"carriers": self.carriers, "routes": [*self.routes, REST], "accounts": self.accounts}

    def _route(self):
        names = {route["name"] for route in self.routes}
        name = self.chance.choice(("a", "b", "c"))
        if name in names:
            self.routes = [route for route in self.routes if route["name"] != name]
        else:
            prefix = f"346001{'abc'.index(name)}"
            self.routes.append({"name": name, "match": {"prefix": [prefix]}, "tiers": self._tiers()})

    def _order(self):
        self.chance.shuffle(self.routes)

    def _weights(self):
        self.routes = [{**route, "tiers": self._tiers()} for route in self.routes]

    def _tiers(self):
        others = [name for name in self.carriers if name != "stays"]
        if not others:
            return ["stays"]
        return [{"stays": 1, **{name: self.chance.randint(1, 3) for name in others}}]

    def _carrier(self):
        name = self.chance.choice(("second", "third"))
        if name in self.carriers:
            del self.carriers[name]
        else:
            self.carriers[name] = carrier(self.ports[name], window=10)
        self._weights()

    def _window(self):
        for name in self.carriers.keys() - {"stays"}:
            self.carriers[name] = carrier(self.ports[name], window=self.chance.randint(1, 30))

    def _rate(self):
        for name in self.carriers.keys() - {"stays"}:
            self.carriers[name] = carrier(self.ports[name], window=10, submit_rate=self.chance.choice((0, 300, 2000)))

    def _account(self):
        if "other" in self.accounts:
            del self.accounts["other"]
        else:
            self.accounts["other"] = account(tokens=[{"sha256": sha256("sk_other")}])


REST = {"name": "rest", "tiers": ["stays"]}


@pytest.mark.timeout(300)
def test_a_hundred_reloads_under_load_lose_and_double_nothing(gateway_with, simulator_with, webhooks):
    names = ("stays", "second", "third")
    simulators = {name: simulator_with("--no-number-outcomes", "--latency", "10ms") for name in names}
    ports = {name: simulator.port for name, simulator in simulators.items()}
    all_carriers = {name: carrier(port, window=30) for name, port in ports.items()}
    webhook = {"url": webhooks.url, "secrets": [SECRET], "events": ["message.delivered"], "batch": 100}
    gateway = gateway_with(carriers=all_carriers, routes=[REST], accounts={"shop": account(webhook=webhook)})
    gateway.wait_able(*names)
    changing, accepted = Changing(ports, {**gateway.settings, "routes": []}), []
    for number in range(100):
        accepted += gateway.send_bulk(
            [{"to": f"+346001{n % 3}{n:04}", "text": f"Hello {number} {n}"} for n in range(100)]
        )
        if number % 10 == 9:
            gateway.write_text("carriers = 3")
            assert gateway.operator.call("POST", "/admin/reload", {}).status == 422
        gateway.reload(**changing.change())
    # Receipts of carriers that were taken out come once they are back.
    gateway.reload(carriers=all_carriers)

    assert len(webhooks.wait_for_each(accepted, "delivered", seconds=90)) == 10_000
    figures = {name: simulator.figures() for name, simulator in simulators.items()}
    assert sum(one["taken"] for one in figures.values()) == 10_000
    assert all(one["taken"] > 300 for one in figures.values()), figures
    assert [one["doubled"] for one in figures.values()] == [0, 0, 0]
    assert figures["stays"]["connections"] == 1
    status = gateway.operator.get("/admin/status")
    assert (status["doubts"], status["ready"]) == (0, 0)

"""The demo's throw-away world: a configuration that loads, ports that are free, and nothing left behind."""

import socket
from pathlib import Path

import pytest

from gateway.cli.demo import setting
from gateway.cli.demo.one_message import curl_command
from gateway.settings import load


def test_the_configuration_is_one_that_the_gateway_takes() -> None:
    with setting.a_setting(4711) as world:
        settings = load(world.configuration)
        assert settings.http.listen == [f"127.0.0.1:{world.http_port}"]
        assert settings.store.path.parent == world.folder
        webhook = settings.accounts["shop"].webhook
        assert webhook is not None
        assert webhook.keys == [world.webhook_key]
        assert settings.lanes["transactional"].doubt_grace == setting.GRACE_SECONDS
        assert settings.carriers["telco"].window == setting.WINDOW


def test_the_folder_goes_with_the_demo_whatever_ends_it() -> None:
    folder = Path()

    def fail() -> None:
        nonlocal folder
        with setting.a_setting(4711) as world:
            folder = world.folder
            (folder / "sluice.db").touch()
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    assert folder.name.startswith("sluice-demo-")
    assert not folder.exists()


def test_a_taken_port_is_replaced_by_a_free_one() -> None:
    with setting.a_setting(4711) as first:
        pass
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", first.http_port))
        taken.listen()
        with setting.a_setting(4711) as second:
            ports = {second.http_port, second.operator_port, second.smpp_port}
    assert first.http_port not in ports
    assert len(ports) == 3


def test_the_printed_curl_fits_a_terminal_and_its_lines_belong_together() -> None:
    with setting.a_setting(4711) as world:
        lines = curl_command(world).splitlines()
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert max(map(len, lines)) <= 76

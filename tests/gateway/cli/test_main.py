"""What all commands share: how they end when their reader has gone."""

import json
import subprocess
import sys
from typing import Any

AT = "2026-11-21T18:04:05.000Z"


def test_a_reader_that_has_seen_enough_ends_a_command_without_a_word(gateway: Any) -> None:
    row = {"at": AT, "who": "operator", "what": "reload", "outcome": None, "message": None, "event": None}
    gateway.on("GET", "/admin/audit?limit=500", {"entities": [row] * 500, "next_cursor": "cur_1"})
    gateway.on("GET", "/admin/audit?limit=500&cursor=cur_1", {"entities": [row] * 500, "next_cursor": "cur_1"})
    command = [sys.executable, "-m", "gateway", "audit", "--limit", "1000000", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == row
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(60) == 141

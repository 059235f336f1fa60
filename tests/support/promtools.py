"""Prometheus' own checker of rules, metrics and their tests."""

import shutil
import subprocess
from collections.abc import Sequence

from needs import need


def promtool(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run it to its end; `given` on standard input."""
    found = need("promtool", lambda: shutil.which("promtool"), install="run .ci/install-peers")
    command: Sequence[str] = [found, *arguments]
    return subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)

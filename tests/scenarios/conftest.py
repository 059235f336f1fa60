"""The carriers of the scenarios: our own simulators, each a process. The rest comes from tests/conftest.py."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from simulators import Simulator, simulating


@pytest.fixture
def simulator_with(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Starts a simulator with these options: `simulator_with("--latency", "20ms")`, `simulator_with(port=port)`."""
    with ExitStack() as stack:

        def start(*options: str, port: int = 0) -> Simulator:
            return stack.enter_context(simulating(tmp_path, *options, port=port))

        yield start


@pytest.fixture
def simulator(simulator_with: Callable[..., Simulator]) -> Simulator:
    """A simulator that delivers everything at once."""
    return simulator_with()

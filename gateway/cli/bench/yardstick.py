"""How fast the machine is just now: the CPU of one submit_sm made by smpplib, `python -m gateway.cli.bench.yardstick`.

A library that nobody tunes for a figure; it takes 45 to 95 microseconds on one and the same shared machine.
"""

import subprocess
import time

from smpplib import smpp

from gateway.cli.bench.processes import module, our_environment

_COUNT = 1_000
_TIMES = 5


class _Client:
    """What smpplib asks for a sequence number."""

    sequence = 1

    def next_sequence(self) -> int:
        return 1


def yardstick_us() -> float:
    """In a process of its own, so that nothing that runs here counts: the best of five, in microseconds."""
    command = module("gateway.cli.bench.yardstick")
    ran = subprocess.run(command, capture_output=True, check=True, env=our_environment())  # noqa: S603 - ours
    return float(ran.stdout)


def main() -> None:
    """Print it."""
    client, best = _Client(), float("inf")
    for _ in range(_TIMES):
        started = time.process_time()
        for _ in range(_COUNT):
            smpp.make_pdu(
                "submit_sm", client=client, source_addr="SHOP", destination_addr="34600000001", short_message=b"Hello"
            ).generate()
        best = min(best, time.process_time() - started)
    print(f"{best / _COUNT * 1e6:.1f}")


if __name__ == "__main__":
    main()

"""Ports for programs that can't be told to take any and say which, and for what comes up later, or never."""

import socket

FIRST, LAST = 20_000, 32_000
"""Below those that Linux gives to whoever asks for any: neither a server nor a connection comes upon one by chance."""
_claims: list[socket.socket] = []
"""One for each port that was given, under its name: held, and seen by every process, until this one ends."""


def free_port() -> int:
    """A port of loopback that nobody listens on, and that no process of the tests is given before this one ends."""
    for port in range(FIRST, LAST):
        claim = socket.socket(socket.AF_UNIX)
        # A name beside the file system, which the kernel frees with its holder. It is as wide as the ports are.
        if _is_bound(claim, f"\0sluice tests: port {port}"):
            with socket.socket() as probe:
                if _is_bound(probe, ("127.0.0.1", port)):
                    _claims.append(claim)
                    return port
        claim.close()
    raise AssertionError(f"no port from {FIRST} to {LAST} is free")


def _is_bound(one: socket.socket, address: str | tuple[str, int]) -> bool:
    try:
        one.bind(address)
    except OSError:
        return False
    return True

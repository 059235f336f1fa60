"""How the gateway of a configuration is asked from its own machine: where it listens for operators, and a token that
stands in a file.
"""

from gateway.cli.calls import CallError
from gateway.settings import Operator
from gateway.settings.secrets import SecretFiles
from gateway.settings.types import split_address

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on so is called so


def called_at(listen: str) -> tuple[str, int]:
    """Host and port under which an address that is listened on is called: every address is none to call."""
    host, port = split_address(listen)
    return _EVERYWHERE.get(host, host), port


def operators_url(operator: Operator) -> str:
    host, port = called_at(operator.listen[0])
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def operator_token(operator: Operator, files: SecretFiles) -> str | None:
    """The first that a file holds; None: none is in a file. Raises CallError where it can't be read."""
    names = [token.file for token in operator.tokens if token.file is not None]
    try:
        return files.read(names[0]).strip() if names else None
    except ValueError as error:
        raise CallError(f"The operator token of the configuration {error}.") from None

"""A CA of the bench's own and a certificate of its sink, made by `openssl` for one run and gone with its folder.

By RFC 5280 to the letter, as Python 3.13 wants them.
"""

import shutil
import subprocess
from pathlib import Path

from gateway.cli.bench.processes import BenchError

_CONFIG = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = sluice bench
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[sink]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1
"""
_NEW_KEY = "-config openssl.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
_COMMANDS = (
    f"req -x509 {_NEW_KEY} -extensions ca -days 2 -keyout ca.key -out ca.pem",
    f"req -new {_NEW_KEY} -keyout sink.key -out csr",
    "x509 -req -in csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 2 -extfile openssl.cnf -extensions sink -out crt",
)


def lacks_openssl() -> str | None:
    """What a row needs that is not here, in words."""
    return None if shutil.which("openssl") else "openssl is not installed"


def certified(folder: Path) -> tuple[Path, Path]:
    """The CA's certificate, for those who are to trust it, and the sink's file of its key and certificate.

    Raises BenchError where they can't be made.
    """
    (folder / "openssl.cnf").write_text(_CONFIG)
    for command in _COMMANDS:
        try:
            arguments = ["openssl", *command.split()]
            subprocess.run(arguments, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603 - of ours
        except OSError as error:
            raise BenchError(f"openssl: {error}") from None
        except subprocess.CalledProcessError as error:
            raise BenchError(f"openssl {command.split()[0]}: {error.stderr}") from None
    pem = folder / "sink.pem"
    pem.write_text((folder / "sink.key").read_text() + (folder / "crt").read_text())
    return folder / "ca.pem", pem

"""The section about TLS towards a carrier, and the ssl.SSLContext that it makes; what cannot work is told at the check.

The connection is gateway.carriers' matter, where secret files lie is settings.secrets'.
"""

import ssl
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, model_validator

from gateway.settings.secrets import SecretFiles
from gateway.settings.types import Section, TlsVersion

_VERSIONS = {TlsVersion.V1_2: ssl.TLSVersion.TLSv1_2, TlsVersion.V1_3: ssl.TLSVersion.TLSv1_3}


def _find(name: str, info: ValidationInfo) -> str:
    """The path of a file, made absolute where load() says where to look; ssl reads it itself. Raises ValueError."""
    path = Path(name)
    if isinstance(info.context, SecretFiles):
        path = info.context.find(name)
    try:
        path.read_bytes()
    except OSError as error:
        raise ValueError(f"names {path}, which cannot be read: {error.strerror}") from None
    return str(path)


TlsFile = Annotated[str, AfterValidator(_find)]


class Tls(Section):
    """TLS towards a carrier; the names of hosts are checked against their certificates."""

    ca_file: TlsFile | None = None
    """File of the authorities that are trusted (PEM), in `$CREDENTIALS_DIRECTORY` or beside the configuration file; the
    system's where not said."""
    certificate_file: TlsFile | None = None
    """Our certificate with its chain (PEM), for carriers that ask for one, and for `outbind_listen`."""
    key_file: TlsFile | None = None
    """The private key of `certificate_file` (PEM), without a passphrase; not needed where that file holds it too."""
    server_name: str | None = None
    """Name that is asked for (SNI) and checked, where it is not that of the host."""
    min_version: TlsVersion = TlsVersion.V1_2
    """Least version that is taken: `"1.2"` or `"1.3"`."""
    verify: bool = True
    """false takes any certificate: anyone on the way can then read the passwords and texts."""

    @model_validator(mode="after")
    def _check_files(self) -> "Tls":
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("has key_file without certificate_file; give both, or neither")
        self.context()
        return self

    def context(self) -> ssl.SSLContext:
        """For connections that we open. Raises ValueError for files that hold no certificate or key."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.verify
        context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        self._trust(context)
        return context

    def server_context(self) -> ssl.SSLContext:
        """For connections that the carrier opens. Where `ca_file` is said, its certificate is asked for and checked."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED if self.verify and self.ca_file is not None else ssl.CERT_NONE
        self._trust(context)
        return context

    def _trust(self, context: ssl.SSLContext) -> None:
        context.minimum_version = _VERSIONS[self.min_version]
        if self.ca_file is not None:
            try:
                context.load_verify_locations(self.ca_file)
            except ssl.SSLError:
                raise ValueError(f"ca_file is {self.ca_file}, which holds no certificate in PEM") from None
        elif self.verify:
            context.load_default_certs()
        if self.certificate_file is not None:
            self._show_certificate(context, self.certificate_file)

    def _show_certificate(self, context: ssl.SSLContext, certificate_file: str) -> None:
        def passphrase() -> str:
            raise ValueError(
                f"key_file is {self.key_file or certificate_file}, which asks for a passphrase; take it off with "
                "`openssl pkey -in KEY -out KEY.plain`"
            )

        try:
            context.load_cert_chain(certificate_file, self.key_file, passphrase)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                reason = f"key_file is {self.key_file}, which is not the key of {certificate_file}"
            elif self.key_file is None:
                reason = (
                    f"certificate_file is {certificate_file}, which holds no certificate with its key; give key_file"
                )
            else:
                reason = (
                    f"certificate_file and key_file are {certificate_file} and {self.key_file}: no PEM of those kinds"
                )
            raise ValueError(reason) from None


def _parse(value: Any) -> Any:
    if value is True:
        return {}
    return None if value is False else value


MaybeTls = Annotated[Tls | None, BeforeValidator(_parse)]
"""A table, or true for what is usual, or false for none."""

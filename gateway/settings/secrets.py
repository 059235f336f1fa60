"""Where secret files are looked for, and how one is read. Sections ask for their own; load() says where to look."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


@dataclass(frozen=True, slots=True)
class SecretFiles:
    """Where secrets lie: `$CREDENTIALS_DIRECTORY` (systemd's LoadCredential=) first, else beside the configuration."""

    beside: Path
    credentials: Path | None = None

    @classmethod
    def of(cls, configuration: Path, environ: Mapping[str, str]) -> "SecretFiles":
        """Those of a configuration file."""
        credentials = environ.get("CREDENTIALS_DIRECTORY")
        return cls(configuration.parent, Path(credentials) if credentials else None)

    def find(self, name: str) -> Path:
        """Where the file of this name lies. Raises ValueError, which tells where it was looked for."""
        places = [self.beside / name]
        if self.credentials is not None and not Path(name).is_absolute():
            places.insert(0, self.credentials / name)
        for place in places:
            # One that may not be looked at is there: reading it tells what is wrong with it.
            try:
                if place.exists():
                    return place.absolute()
            except OSError:
                return place.absolute()
        looked = " and ".join(str(place) for place in places)
        raise ValueError(f"names a file that does not exist; looked for {looked}")

    def read(self, name: str) -> str:
        """The secret in a file, without the line end. Raises ValueError, which tells where it was looked for."""
        place = self.find(name)
        try:
            secret = place.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise ValueError(f"names {place}, which cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"names {place}, which is not text in UTF-8") from None
        if not secret:
            raise ValueError(f"names {place}, which is empty; write the secret into it")
        return secret


def read_secret(name: str, info: ValidationInfo) -> str:
    """The secret that a `*_file` key names, by the SecretFiles that load() hands over as context. Raises ValueError."""
    if not isinstance(info.context, SecretFiles):
        raise ValueError("names a file, and files are read by load() alone; give the secret itself here")
    return info.context.read(name)


def _check_readable(name: str, info: ValidationInfo) -> str:
    read_secret(name, info)
    return name


SecretFile = Annotated[str, AfterValidator(_check_readable)]
"""The name of a file that holds a secret; one that cannot be read is told of under its own key."""


def read_or_empty(name: object, info: ValidationInfo) -> str:
    """The secret, or nothing where it cannot be read.

    For the section that takes it in: the SecretFile beside it tells why, and the other keys are looked at too.
    """
    try:
        return read_secret(name, info) if isinstance(name, str) else ""
    except ValueError:
        return ""

"""Tables of number ranges and the mobile networks that they were given to: lines of `prefix,mccmnc`, read and checked.

Which network a number has is gateway/rules/networks' to say.
"""

import re
from pathlib import Path

_LINE = re.compile(r"([1-9][0-9]{0,14}),((?:[0-9]{5,6})?)", re.ASCII).fullmatch
_FILES = (Path(__file__).parent / "networks.csv", Path(__file__).parents[2] / "config" / "networks.csv")
"""Where the sample lies: beside this file once installed, in config/ of the source tree."""


def shipped_table() -> Path:
    """The table that comes with Sluice: a sample."""
    return next((file for file in _FILES if file.is_file()), _FILES[0])


def read_table(file: Path) -> dict[str, str]:
    """By prefix (digits, without the plus): MCC and MNC, or nothing where the range is nobody's that is known.

    Raises ValueError, which names the file, and the line.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"names {file}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"names {file}, which is not UTF-8: byte {error.start} is none") from None
    table: dict[str, str] = {}
    for place, line in enumerate(text.splitlines(), 1):
        written = line.strip()
        if not written or written.startswith("#"):
            continue
        found = _LINE(written)
        if found is None:
            raise ValueError(
                f'names {file}, whose line {place} is {written[:40]!r}; write digits and a network: "34600,21401"'
            )
        prefix, network = found.groups()
        if table.setdefault(prefix, network) != network:
            raise ValueError(f"names {file}, whose line {place} gives {prefix} another network than a line before")
    return table

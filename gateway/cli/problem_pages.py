"""Writes docs/problems, a page for each problem of the HTTP API: `python -m gateway.cli.problem_pages docs/problems`.

A test compares the pages with this. What they say is told by gateway/api/problem_types.py and the files beside it.
"""

import argparse
from pathlib import Path

from gateway.api.description.problem_pages import index, markdown
from gateway.api.problem_types import TYPES


def pages() -> dict[str, str]:
    """By file name."""
    return {"README.md": index(), **{f"{slug}.md": markdown(kind) for slug, kind in TYPES.items()}}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a page for each problem of the HTTP API.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to, such as docs/problems")
    folder: Path = parser.parse_args().folder
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")

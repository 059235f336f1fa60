"""trio_asyncio, under Python 3.14 too, which took two names away that it asks for as it is imported.

They are the base of its policy, which only has another name since then, and that of a watcher of child processes, which
nothing here starts. https://github.com/python-trio/trio-asyncio/issues/160 is where this ends: then this file goes.
"""

import asyncio
import sys
import warnings
from asyncio import events

with warnings.catch_warnings():
    # It asks for policies, whose end is announced for 3.16.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="trio_asyncio")
    if sys.version_info >= (3, 14):
        events.BaseDefaultEventLoopPolicy = events._BaseDefaultEventLoopPolicy  # type: ignore[attr-defined]
        asyncio.AbstractChildWatcher = object  # type: ignore[attr-defined]
    import trio_asyncio

    if sys.version_info >= (3, 14):
        del events.BaseDefaultEventLoopPolicy, asyncio.AbstractChildWatcher  # type: ignore[attr-defined]

__all__ = ["trio_asyncio"]

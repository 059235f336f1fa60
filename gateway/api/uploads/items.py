"""What an upload holds, as it comes: its pieces through the reader of their format."""

from typing import Any

import trio

from gateway.api.problems import body_too_large
from gateway.api.uploads.csv_records import CsvReader
from gateway.api.uploads.ndjson_lines import NdjsonReader
from gateway.api.uploads.streamed import PIECE, Upload

Reader = NdjsonReader | CsvReader


class Items:
    """Some at a time, each with what is wrong with it in its place. `limit`: octets of the upload."""

    def __init__(self, upload: Upload, reader: Reader, limit: int) -> None:
        self._upload = upload
        self._reader = reader
        self._limit = limit
        self._piece = b""
        self._ended = False

    def __aiter__(self) -> "Items":
        return self

    async def __anext__(self) -> list[Any]:
        """Raises a Problem 408, 413 or 422."""
        while not self._ended:
            await trio.lowlevel.checkpoint()
            if not self._piece:
                self._piece = await self._upload.next()
                self._ended = not self._piece
                if self._upload.size > self._limit:
                    raise body_too_large(self._limit)
            piece, self._piece = self._piece[:PIECE], self._piece[PIECE:]
            if some := self._reader.feed(piece, last=self._ended):
                return some
        raise StopAsyncIteration

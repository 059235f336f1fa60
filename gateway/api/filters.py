"""What lists are filtered by, read from query parameters; what is wrong is a problem document.

How they are read is gateway/desk/filters.py's, for operators ask so, too.
"""

from gateway.api.problems import invalid_fields
from gateway.desk import filters
from gateway.desk.faults import WrongFields
from gateway.desk.filters import CREATED as CREATED
from gateway.desk.filters import parse_number as parse_number
from gateway.desk.filters import parse_sender as parse_sender
from gateway.desk.filters import parse_time as parse_time


class Filters(filters.Filters):
    """The parameters of one call."""

    def refuse_wrong(self) -> None:
        """Raises a Problem 422 where anything was wrong."""
        try:
            super().refuse_wrong()
        except WrongFields as wrong:
            raise invalid_fields(wrong.fields, wrong.codes, done="Nothing was looked up") from None

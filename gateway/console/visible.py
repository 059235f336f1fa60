"""What others wrote, made safe to look at: characters that turn or hide what stands beside them are shown by name.

HTML is escaped by the templates; this is about what stays text and lies all the same: U+202E makes `gpj.exe` of
`exe.jpg`, and controls are not to be seen. What joins emoji and letters of Arabic or Persian (U+200C, U+200D) stays.
"""

import re
from typing import Any

from markupsafe import Markup

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and newline
    "\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """The text with each such character as `⟨U+202E⟩`."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def visible_in_place(text: str) -> str:
    """The text with a \ufffd for each such character: as long as it was, where columns are counted already."""
    return _UNSEEN.sub("\ufffd", text)


def finalized(value: Any) -> Any:
    """For Jinja's `finalize`: each expression of each template goes through `visible`, but markup made by templates."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

"""The examples of docs/http.md and docs/http/*.md: what stands in their blocks, and which calls that makes."""

import re
import shlex
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
INDEX = DOCS / "http.md"
PAGES = {page.stem: page for page in sorted((DOCS / "http").glob("*.md"))}
EVERYTHING = "\n".join(page.read_text("utf-8") for page in (INDEX, *PAGES.values()))

_CALL = re.compile(r"""call\(\s*"(\w+)",\s*f?(["`])(.*?)\2""")
_METHODS = {"-d": "POST", "--data-binary": "POST"}


def blocks(page: Path, language: str) -> list[str]:
    """`sh`, `python`, `js` or `json`, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def calls(page: Path, language: str) -> set[tuple[str, str]]:
    """Method and path of each call in the examples of this language; what is filled into a path is `{}`."""
    code = "\n".join(blocks(page, language))
    if language == "sh":
        return {_of_curl(line) for line in _commands(code) if "curl" in line}
    found = {(method, re.sub(r"\$?\{[^}]*\}", "{}", path).partition("?")[0]) for method, _, path in _CALL.findall(code)}
    loops = re.findall(r"""["'](/v1/opt-\w+)["']""", code)
    return {
        (method, path.replace("{}", loop, 1)) for method, path in found for loop in (loops or [""]) if path[:2] == "{}"
    } | {(method, path) for method, path in found if path[:2] != "{}"}


def _commands(code: str) -> list[str]:
    """Each from `curl` on, with its lines joined."""
    joined = re.sub(r"\\\n", " ", code)
    return [f"curl{rest}" for rest in re.split(r"(?m)(?:^|(?<=\| )|(?<=  ))curl(?= )", joined)[1:]]


def _of_curl(command: str) -> tuple[str, str]:
    words = shlex.split(command.replace("|", "").replace(">", ""))
    url = next(word for word in words if word.startswith("http://"))
    path = url.split("/", 3)[3].partition("?")[0]
    given = next((words[at + 1] for at, word in enumerate(words) if word == "-X"), None)
    default = next((method for word, method in _METHODS.items() if word in words), "GET")
    return given or default, f"/{path}"

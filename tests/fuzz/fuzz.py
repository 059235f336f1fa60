"""Runs the fuzz targets, one process each, one after the other: `make fuzz`, or this with --help.

What is found lies in .fuzz/findings, and how to run it again is printed. What was learnt lies in .fuzz/corpus.
"""

import argparse
import hashlib
import importlib
import importlib.util
import os
import random
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / ".fuzz"
TARGETS = ("framing", "codec", "session", "receipts", "text", "bodies")
INPUT_SECONDS = 10
"""One input may not take longer, unless its target says so."""
MEMORY_MIB = 1024


def main() -> int:
    """0 if no target found anything."""
    arguments = _arguments()
    if importlib.util.find_spec("atheris") is None:
        reason = "atheris is absent; it has wheels for Linux on x86_64: pip install -r .ci/requirements.txt"
        print(reason, file=sys.stderr)
        return int(os.environ.get("SLUICE_TESTS_REQUIRE_ALL") == "1")
    return max([_run(name, arguments) for name in arguments.targets or TARGETS])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all unless told")
    parser.add_argument("--runs", type=int, default=0, help="inputs for each target")
    parser.add_argument("--seed", type=int, help="of the fuzzer's choices; one at random unless told")
    parser.add_argument("--seconds", type=int, default=60, help="for each target, unless --runs is given")
    return parser.parse_args()


def _run(name: str, arguments: argparse.Namespace) -> int:
    findings, corpus = KEPT / "findings", KEPT / "corpus" / name
    findings.mkdir(parents=True, exist_ok=True)
    target = _plant(name, corpus)
    seed = arguments.seed or random.randrange(1, 2**32)
    limit = f"-runs={arguments.runs}" if arguments.runs else f"-max_total_time={arguments.seconds}"
    seconds = getattr(target, "INPUT_SECONDS", INPUT_SECONDS)
    options = [
        limit, f"-seed={seed}", f"-max_len={target.LONGEST_INPUT}", f"-timeout={seconds}",
        f"-rss_limit_mb={MEMORY_MIB}", f"-artifact_prefix={findings}/{name}-", "-print_final_stats=1", "-verbosity=1",
        "-reload=0",
    ]  # fmt: skip
    start = time.monotonic()
    ended = subprocess.run(
        [sys.executable, HERE / "one_target.py", name, *options, corpus], stderr=subprocess.PIPE, text=True, check=False
    )
    lasted = time.monotonic() - start
    figures = dict(
        line.removeprefix("stat::").split(":", 1) for line in ended.stderr.splitlines() if line.startswith("stat::")
    )
    inputs = int(figures.get("number_of_executed_units", "0"))
    peak = figures.get("peak_rss_mb", "?").strip()
    print(f"{name}: {inputs:,} inputs in {lasted:.0f} s, seed {seed}, {peak} MiB, exit {ended.returncode}", flush=True)
    if ended.returncode:
        print(ended.stderr[-4000:])
        for finding in sorted(findings.glob(f"{name}-*")):
            print(f"replay: {sys.executable} {HERE / 'one_target.py'} {name} {finding}")
    return ended.returncode


def _plant(name: str, corpus: Path):  # type: ignore[no-untyped-def]
    """The target, once its seeds lie in its corpus."""
    sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
    target = importlib.import_module(f"target_{name}")
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    return target


if __name__ == "__main__":
    sys.exit(main())

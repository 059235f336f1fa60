"""One target under libFuzzer's eye: `python one_target.py NAME [options of libFuzzer] CORPUS`, in a process of its own.

To replay a finding: `python one_target.py NAME FILE`.
"""

import importlib
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]


def main() -> None:
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["protocol", "gateway.api.bodies", "gateway.rules"]):
        target = importlib.import_module(f"target_{name}")
    atheris.Setup(sys.argv, target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

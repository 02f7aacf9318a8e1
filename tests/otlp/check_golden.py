#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The golden requests are what tests/golden/generate.py makes today, and the official library accepts all that are valid.

    python3 tests/otlp/check_golden.py

One line per check, `ok NAME` or `not ok NAME` with what is wrong; ends non-zero when one is not.
"""

import importlib.util
import pathlib
import tempfile

from google.protobuf.message import DecodeError

from check import GOLDEN, ROOT, check, finish, golden_files
import items


def remade():
    spec = importlib.util.spec_from_file_location("golden_generate", ROOT / "tests/golden/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with tempfile.TemporaryDirectory() as folder:
        module.main(pathlib.Path(folder))
        return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def accepted(name, signal):
    try:
        items.decode(signal, (GOLDEN / f"{name}.bin").read_bytes())
        return True
    except DecodeError:
        return False


def main():
    now, kept = remade(), {path.name: path.read_bytes() for path in GOLDEN.iterdir()}
    check("the golden requests are what generate.py makes", [name for name in sorted(set(now) | set(kept)) if now.get(name) != kept.get(name)])
    wrong = [name for name, signal, numbers in golden_files() if accepted(name, signal) != (numbers[-1] == "0")]
    check("the official library refuses those with invalid UTF-8 and no others", wrong)
    finish()


if __name__ == "__main__":
    main()

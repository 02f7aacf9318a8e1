# SPDX-License-Identifier: Apache-2.0
"""What the check_*.py here share: one line per check, the otlp-tool, records of four bytes of length and the bytes."""

import os
import pathlib
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/otlp"
sys.path.insert(0, str(ROOT / "tests/conformance"))
sys.dont_write_bytecode = True

_failed = 0


def check(name, problems):
    """One check; `problems` are lines, none when it holds."""
    global _failed
    try:
        problems = list(problems)
    except Exception as error:  # the tool refused, or the official library did: this check failed, the others go on
        problems = [f"{type(error).__name__}: {error}"]
    print(f"{'not ok' if problems else 'ok'} {name}", flush=True)
    for line in problems[:20]:
        print(f"  {line}")
    _failed += bool(problems)


def finish():
    sys.exit(1 if _failed else 0)


def find_tool():
    """The otlp-tool: the script's argument, else that of STINT_TEST_BUILD, else the newest below build."""
    if len(sys.argv) > 1:
        return sys.argv[1]
    if "STINT_TEST_BUILD" in os.environ:
        return str(pathlib.Path(os.environ["STINT_TEST_BUILD"]) / "tests/otlp/otlp-tool")
    found = sorted(ROOT.glob("build/*/tests/otlp/otlp-tool"), key=lambda path: path.stat().st_mtime)
    if not found:
        sys.exit("otlp-tool is not built: ninja -C build/... tests/otlp/otlp-tool")
    return str(found[-1])


def run(tool, *arguments, stdin=b""):
    """What the tool wrote. Fails: RuntimeError with its words."""
    result = subprocess.run([tool, *map(str, arguments)], input=stdin, capture_output=True, timeout=120)
    if result.returncode != 0:
        raise RuntimeError(result.stderr.decode(errors="replace").strip())
    return result.stdout


def records(data):
    found = []
    while data:
        (size,) = struct.unpack_from("<I", data)
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


def record(data):
    return struct.pack("<I", len(data)) + data


def golden_files():
    """(name, signal, numbers) of each line of expected.txt."""
    for line in (GOLDEN / "expected.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, signal, *numbers = line.split()
            yield name, signal, numbers

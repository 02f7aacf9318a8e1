# SPDX-License-Identifier: Apache-2.0
# The parts of tools/test, in their order: each is a function of (full) that runs something and returns an Outcome.
# Logs lie in build/logs. Only processes started here are ended, each with its own process group.
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

import test_lint
import test_results
from test_results import Outcome, Run

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "conformance"))

import own_network

LOGS = pathlib.Path("build/logs")
RELEASE = pathlib.Path("build/release")
SANITIZED = pathlib.Path("build/test")
CROSS = pathlib.Path("build/release-arm64")
CROSS_TEST = pathlib.Path("build/arm64-test")
GCC = pathlib.Path("build/gcc")
EMULATOR = "qemu-aarch64-static"
PYTHON = "build/venv/bin/python"
JOBS = len(os.sched_getaffinity(0))
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
# The longest of the unit tests: their tests are dealt out to as many processes as there are cores.
SHARDED = ("unit-sim",)
# What an ordinary run asks of the collector for arm64.
ARM64_SELECTION = ("tests/conformance/test_http_ingest.py", "-k", "telemetry or every_field or kept or chunked_bodies or malformed")
# The sanitized collector runs through the conformance tests too when the first run was this short.
SECOND_RUN_SECONDS_MAX = 75


def run(name, command, seconds=600, **environment):
    """Runs a command with its output in build/logs/NAME.log; after `seconds` it is killed with all it started."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    variables = {**os.environ, **SANITIZER_OPTIONS, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=variables, start_new_session=True)
        try:
            status = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = None
    return Run(name, status, log.read_text(errors="replace"), str(log))


def setup(full):
    """tools/test comes here only after a set-up that succeeded; a second one must find everything in place."""
    again = run("setup-again", ["tools/setup", "--arm64", *(["--clients"] if full else [])])
    idle = again.status == 0 and not re.search(r"installing|making|adding", again.output)
    return Outcome(passed=2) if idle else Outcome(passed=1, failed=1, notes=[again.tail()])


def elf_outcome(path, machine):
    """The program is for `machine`, at a fixed address, without loader and without symbols."""
    facts = run(f"readelf-{machine}", ["llvm-readelf-19", "--file-header", "--program-headers", "--section-headers", path]).output
    checks = {
        "is for " + machine: re.search(rf"Machine:.*{machine}", facts, re.IGNORECASE),
        "has a fixed address": re.search(r"Type:\s+EXEC", facts),
        "is static": "INTERP" not in facts and "DYNAMIC" not in facts,
        "is stripped": facts and ".symtab" not in facts and ".debug" not in facts,
    }
    wrong = [f"{path}: not true: {name}" for name, holds in checks.items() if not holds]
    return Outcome(passed=len(checks) - len(wrong), failed=len(wrong), notes=wrong)


def release(_full):
    built = run("build-release", ["tools/build"], seconds=1200)
    outcome = test_results.one(built)
    if outcome.failed == 0:
        outcome.add(elf_outcome(RELEASE / "collector", os.uname().machine.replace("_", ".")))
    return outcome


def sanitizers(_full):
    return test_results.one(run("build-test", ["tools/build", "--test"], seconds=1200))


def unit_program(test, full, label="", emulator=(), shard=0):
    """One test that Meson knows: a GoogleTest program (unit-*), or a command that prints `ok` lines or just ends."""
    program = pathlib.Path(test["cmd"][0]).name
    environment = {**test["env"], **({"STINT_TEST_FULL": "1"} if full else {})}
    built = pathlib.Path(test["cmd"][0]).is_relative_to(pathlib.Path("build").absolute())
    command = [*(emulator if built else ()), *test["cmd"]]
    if not program.startswith("unit-"):
        name = f"test-{label}" + re.sub(r"[^\w.-]", "-", test["name"])
        finished = run(name, command, **environment)
        return test_results.from_ok_lines(finished) if test_results.OK_LINE.search(finished.output) else test_results.one(finished)
    name, sharding = label + program, {}
    if program in SHARDED:
        name += f"-{shard}"
        sharding = {"GTEST_TOTAL_SHARDS": str(JOBS), "GTEST_SHARD_INDEX": str(shard)}
    report = LOGS / f"{name}.json"
    report.unlink(missing_ok=True)
    command += [f"--gtest_output=json:{report.absolute()}", "--gtest_color=no"]
    finished = run(name, command, seconds=1800 if full else 600, **environment, **sharding)
    return test_results.from_gtest(finished, report)


def unit_programs(directory, full, label="", emulator=()):
    """All tests that Meson knows in a build directory; `label` keeps their logs apart from those of other directories."""
    listed = subprocess.run(["meson", "introspect", "--tests", directory], stdout=subprocess.PIPE, check=True).stdout
    # check_*.py has a part of its own, whether Meson knows it or not.
    tests = [test for test in json.loads(listed) if not any(re.search(r"/check_\w+\.py$", word) for word in test["cmd"])]
    pairs = [(test, shard) for test in tests for shard in range(JOBS if pathlib.Path(test["cmd"][0]).name in SHARDED else 1)]
    outcome = Outcome()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for one in pool.map(lambda pair: unit_program(pair[0], full, label, emulator, pair[1]), pairs):
            outcome.add(one)
    return outcome


def unit(full):
    return unit_programs(SANITIZED, full)


def gcc(full):
    """The second compiler: everything compiles without a warning, and the unit tests pass."""
    if not full:
        return test_results.skip("g++ 12: --full builds everything with it and runs the unit tests")
    outcome = test_results.one(run("build-gcc", ["tools/build", "--gcc"], seconds=2400))
    return outcome if outcome.failed else outcome.add(unit_programs(GCC, full, "gcc-"))


def checks(_full):
    outcome = Outcome()
    for script in sorted(pathlib.Path("tests").rglob("check_*.py")):
        outcome.add(test_results.from_ok_lines(run(script.stem, [PYTHON, script], STINT_TEST_BUILD=str(SANITIZED.absolute()))))
    return outcome


def conformance_with(name, collector, full, selection=("tests/conformance",), alone=()):
    """One run of pytest; `alone` are the words that give it a network of its own."""
    report = LOGS / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [*alone, PYTHON, "-m", "pytest", *selection, "-q", "-rs", f"--junitxml={report}", "-p", "no:cacheprovider"]
    with tempfile.TemporaryDirectory(prefix="stint-test-") as temporary:
        environment = {"STINT_COLLECTOR": str(collector.absolute()), "TMPDIR": temporary, **({"STINT_TEST_FULL": "1"} if full else {})}
        finished = run(name, command, seconds=1800, **environment)
    return test_results.from_junit(finished, report)


def conformance_of(name, collector, full):
    """All process tests: a file at a time on each core, where runs can have networks of their own, for some ports are
    fixed; else one after the other."""
    alone = own_network.words()
    if not alone:
        return conformance_with(name, collector, full)
    outcome = Outcome()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        files = sorted(pathlib.Path("tests/conformance").glob("test_*.py"))
        for one in pool.map(lambda file: conformance_with(f"{name}-{file.stem}", collector, full, (file,), alone), files):
            outcome.add(one)
    return outcome


def conformance(full):
    start = time.monotonic()
    outcome = conformance_of("conformance", RELEASE / "collector", full)
    if full or time.monotonic() - start < SECOND_RUN_SECONDS_MAX:
        return outcome.add(conformance_of("conformance-sanitized", SANITIZED / "collector", full))
    return outcome.add(test_results.skip("conformance with the sanitized collector: --full runs it"))


def emulated(collector):
    """A program of the same name that runs the collector in the emulator."""
    script = CROSS / "emulated" / collector.name
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec {EMULATOR} -0 "$0" {shlex.quote(str(collector.absolute()))} "$@"\n')
    script.chmod(0o755)
    return script


def arm64(full):
    """The release for arm64, as a process in the emulator; with --full all process tests, and the unit tests too."""
    if not shutil.which("aarch64-linux-gnu-gcc") and os.uname().machine != "aarch64":
        return test_results.skip("no cross libraries for arm64")
    outcome = test_results.one(run("build-arm64", ["tools/build", "--arm64"], seconds=1200))
    if outcome.failed:
        return outcome
    collector = CROSS / "collector"
    outcome.add(elf_outcome(collector, "aarch64"))
    if os.uname().machine == "aarch64":
        return outcome  # all the other parts ran it
    if not shutil.which(EMULATOR):
        return outcome.add(test_results.skip("no emulator for arm64"))
    outcome.add(test_results.one(run("arm64-version", [EMULATOR, collector, "--version"], seconds=60)))
    if not full:
        outcome.add(test_results.skip("all process tests and the unit tests of arm64: --full runs them"))
        return outcome.add(conformance_with("conformance-arm64", emulated(collector), full, ARM64_SELECTION))
    # What takes thousands of invocations or worlds is left to this machine's own programs: an emulator is ten times slower.
    outcome.add(conformance_of("conformance-arm64", emulated(collector), False))
    built = test_results.one(run("build-arm64-test", ["tools/build", "--arm64-test"], seconds=2400))
    return outcome.add(built if built.failed else unit_programs(CROSS_TEST, False, "arm64-", [EMULATOR]))


def layer_outcome(architecture):
    """The zip holds the collector, executable, and its configuration; made again it is the same to the byte."""
    layer = pathlib.Path(f"build/layer/stint-layer-{architecture}.zip")
    again = LOGS / layer.name
    directory = RELEASE if architecture == "amd64" else CROSS
    repeated = run(f"layer-{architecture}", ["tools/make-layer", directory / "collector", again])
    with zipfile.ZipFile(layer) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        program = archive.read("extensions/collector")
    checks = {
        "holds two files": [name for name in entries if not name.endswith("/")] == ["collector-config/config.yaml", "extensions/collector"],
        "its extension is executable": entries["extensions/collector"].external_attr >> 16 == 0o100755,
        "its extension is the release": program == (directory / "collector").read_bytes(),
        "has at most 3 MB": layer.stat().st_size <= 3_000_000,
        "is reproducible": repeated.status == 0 and again.read_bytes() == layer.read_bytes(),
    }
    wrong = [f"{layer}: not true: {name}" for name, holds in checks.items() if not holds]
    return Outcome(passed=len(checks) - len(wrong), failed=len(wrong), notes=wrong)


def layers(_full):
    if os.uname().machine != "x86_64" or not shutil.which("aarch64-linux-gnu-gcc"):
        return test_results.skip("layers need the cross libraries for arm64")
    outcome = test_results.one(run("build-layers", ["tools/build", "--layers"], seconds=1200))
    if outcome.failed == 0:
        for architecture in ("amd64", "arm64"):
            outcome.add(layer_outcome(architecture))
    return outcome


def bench(_full):
    """The benchmarks run tiny: they must give every row, how fast is not asked here."""
    outcome = test_results.from_ok_lines(run("bench", ["python3", "bench/start/run_tiny.py"], seconds=120))
    outcome.add(test_results.from_ok_lines(run("bench-load", ["python3", "bench/load/run_tiny.py"], seconds=300)))
    outcome.add(test_results.from_ok_lines(run("bench-micro", ["python3", "bench/micro/run_tiny.py"], seconds=120)))
    outcome.add(test_results.one(run("bench-flush", [PYTHON, "bench/lambda/flush.py", "--invocations", "2", "--gap", "0"], seconds=200)))
    outcome.add(test_results.one(run("bench-journal", [PYTHON, "bench/lambda/journal.py", "--invocations", "6", "--rounds", "1"], seconds=100)))
    load = ["bench/allocator/load.py", "--subject", "collector=build/release/collector", "--rounds", "1", "--scale", "0.01"]
    return outcome.add(test_results.one(run("bench-allocator", load, seconds=120)))


def fuzz(full):
    """Every fuzz target from its corpus on, and the bug planted in each: that must be found."""
    return test_results.from_ok_lines(run("fuzz", ["python3", "tests/fuzz/run.py", "--seconds", "60" if full else "1"], seconds=3600))


def scans(_full):
    outcome = test_results.from_ok_lines(run("scan-self-test", ["tools/scan", "--self-test"]))
    return outcome.add(test_results.from_ok_lines(run("scan", ["tools/scan"])))


def layout(_full):
    finished = run("format", ["clang-format-19", "--dry-run", "-Werror", *test_lint.cpp_files()])
    if finished.status == 0:
        return Outcome(passed=1)
    files = sorted(set(re.findall(r"^([^\s:]+):\d+:\d+: error", finished.output, re.MULTILINE)))
    if not files:
        return test_results.one(finished)
    return Outcome(failed=1, notes=["not formatted; this does it: clang-format-19 -i " + " ".join(files)])


def tidy(full):
    return test_lint.tidy(SANITIZED, run, JOBS, full)


PARTS = {
    "setup": setup,
    "release": release,
    "sanitizers": sanitizers,
    "unit": unit,
    "checks": checks,
    "conformance": conformance,
    "arm64": arm64,
    "layers": layers,
    "gcc": gcc,
    "bench": bench,
    "fuzz": fuzz,
    "scan": scans,
    "format": layout,
    "tidy": tidy,
}

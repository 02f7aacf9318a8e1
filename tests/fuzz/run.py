# SPDX-License-Identifier: Apache-2.0
"""Builds the fuzz targets in build/fuzz and runs them: each over its corpus and on from there for some seconds, and each
with its planted bug, which must be found. Prints a line `ok` or `not ok` for each. What a target finds is kept in
build/fuzz/found; running the program again with that file as its argument shows it.

usage: tests/fuzz/run.py [--seconds N] [TARGET...]"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "fuzz"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
WORDS = ROOT / "tests" / "fuzz" / "words"
FOUND = BUILD / "found"
SETUP = [
    "--native-file", "tools/clang.ini", "-Db_sanitize=address,undefined", "-Db_lundef=false",
    "-Dcpp_args=-fsanitize=fuzzer-no-link",
]
JOBS = len(os.sched_getaffinity(0))
# The same inputs in the same order each time: a bug is found in this many, or the target has become blind.
PLANTED_RUNS_MAX = 3_000_000
BYTES_MAX = {"gzip": 4096, "lz4": 4096, "snappy": 4096, "zstd": 4096, "walk": 8192}
SANITIZER_OPTIONS = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}


def build():
    stamp = BUILD / ".configured-with"
    if not stamp.exists() or stamp.read_text() != " ".join(SETUP):
        shutil.rmtree(BUILD, ignore_errors=True)
        subprocess.run(["meson", "setup", BUILD, *SETUP], cwd=ROOT, check=True)
        stamp.write_text(" ".join(SETUP))
    subprocess.run(["ninja", "-C", BUILD, "fuzz"], cwd=ROOT, check=True)


def run(program, target, options, seconds):
    """libFuzzer's exit status and output. New inputs go into a directory of their own, never into the corpus."""
    grown = BUILD / "grown" / program
    shutil.rmtree(grown, ignore_errors=True)
    grown.mkdir(parents=True)
    command = [BUILD / "tests" / "fuzz" / program, f"-artifact_prefix={FOUND}/{program}-", "-seed=1", "-timeout=25",
               f"-max_len={BYTES_MAX.get(target, 2048)}", *options, grown, CORPUS / target]
    if (WORDS / target).exists():
        command.insert(1, f"-dict={WORDS / target}")
    finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              env={**os.environ, **SANITIZER_OPTIONS}, timeout=seconds + 300, check=False)
    return finished.returncode, finished.stdout


def inputs_run(output):
    numbers = [int(number) for number in re.findall(r"^#(\d+)\s", output, re.MULTILINE)]
    return max(numbers, default=0)


def fuzz(target, seconds):
    """No input does harm, and there were inputs beside the corpus."""
    status, output = run("fuzz-" + target.replace("_", "-"), target, [f"-max_total_time={seconds}"], seconds)
    count = inputs_run(output)
    holds = status == 0 and count > len(list((CORPUS / target).iterdir()))
    return holds, f"fuzz: {target}", f"{count} inputs", output


def find_planted(target):
    """The corpus itself does not show the planted bug; mutating it does, and the sanitizer names it."""
    program = f"fuzz-{target.replace('_', '-')}-planted"
    status, output = run(program, target, ["-runs=0"], 60)
    name = f"fuzz: {target}: the planted bug is found"
    if status != 0:
        return False, name, "by the corpus alone", output
    status, output = run(program, target, [f"-runs={PLANTED_RUNS_MAX}"], 600)
    holds = status != 0 and "AddressSanitizer: heap-buffer-overflow" in output and "plant_bug" in output
    return holds, name, f"after {inputs_run(output)} inputs or more", output


def main():
    targets = sorted(path.name for path in CORPUS.iterdir())
    parser = argparse.ArgumentParser(prog="tests/fuzz/run.py")
    parser.add_argument("--seconds", type=int, default=1, help="for each target")
    parser.add_argument("targets", nargs="*", choices=[[], *targets], metavar="TARGET", help=", ".join(targets))
    chosen = parser.parse_args()
    build()
    FOUND.mkdir(parents=True, exist_ok=True)
    failed = False
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        names = chosen.targets or targets
        jobs = [pool.submit(fuzz, name, chosen.seconds) for name in names] + [pool.submit(find_planted, name) for name in names]
        for job in jobs:
            holds, name, note, output = job.result()
            failed |= not holds
            print(f"{'ok' if holds else 'not ok'} {name} ({note})", flush=True)
            if not holds:
                print("\n".join(output.splitlines()[-60:]), flush=True)
    return 1 if failed else 0


sys.exit(main())

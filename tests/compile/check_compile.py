#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# What must not compile: each .cpp beside this script compiles as it stands (the right twins); with -DWRONG every error
# that a line expects comes, with its words and at its line, and no other (clang's -verify compares). The command is the
# one of an ordinary test in the build directory that STINT_TEST_BUILD names (build/test), warnings as errors.
# Output: one "ok" or "not ok" per check, `#` lines before it say what was said.
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("STINT_TEST_BUILD", HERE.parents[1] / "build" / "test"))
NEIGHBOUR = "tests/base/block_test.cpp"
EXPECTED = re.compile(r"expected-error")
# A snippet with nothing wrong, one with another error than it expects, and one with an error it does not expect.
PLANTED = {
    "an expected error that does not come": "int f();\nint x = f();  // expected-error {{no viable conversion}}\n",
    "an error for another reason": "int x = missing();  // expected-error {{call to deleted}}\n",
    "an error that nobody expects": "int* x = missing();\n",
}


def compiler():
    """The command that the neighbour is compiled with, without its input and its outputs."""
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        if entry["file"].endswith(NEIGHBOUR):
            words = shlex.split(entry["command"])
            break
    else:
        sys.exit(f"{BUILD} does not compile {NEIGHBOUR}")
    command = []
    skip = False
    for word in words[: words.index("-c")]:
        if skip or word in ("-MD",):
            skip = False
        elif word in ("-MQ", "-MF", "-o"):
            skip = True
        elif not word.startswith("-fsanitize"):
            command.append(word)
    # Unused variables are what a snippet is made of.
    return [*command, "-fsyntax-only", "-fno-color-diagnostics", "-Wno-unused-variable", "-Wno-unused-but-set-variable"]


def compile_one(command, path, *options):
    finished = subprocess.run(
        [*command, *options, str(path)], cwd=BUILD, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    return finished.returncode, finished.stdout


def verify(command, path):
    return compile_one(command, path, "-DWRONG", "-ferror-limit=0", "-Xclang", "-verify", "-Xclang", "-verify-ignore-unexpected=note")


def report(name, holds, output=""):
    if not holds:
        for line in output.splitlines()[:60]:
            print("# " + line)
    print(("ok" if holds else "not ok") + f" must not compile: {name}", flush=True)
    return holds


def check_file(command, path):
    """The results of one file: (name, holds, output)."""
    status, output = compile_one(command, path)
    results = [(f"{path.name}: the right twins compile", status == 0, output)]
    expected = len(EXPECTED.findall(path.read_text()))
    status, output = verify(command, path)
    results.append((f"{path.name}: {expected} wrong lines are refused, each for its reason", status == 0 and expected > 0, output))
    return results


def check_planted(command, folder, name, text):
    path = pathlib.Path(folder) / (name.replace(" ", "-") + ".cpp")
    path.write_text(text)
    status, output = verify(command, path)
    return [(f"{name} is noticed", status != 0 and "error" in output, output)]


def main():
    command = compiler()
    if "clang" not in pathlib.Path(command[0]).name:
        print("ok must not compile # skip: the words are clang's")
        return 0
    files = sorted(HERE.glob("*.cpp"))
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs = [pool.submit(check_file, command, path) for path in files]
        jobs += [pool.submit(check_planted, command, folder, name, text) for name, text in PLANTED.items()]
        results = [result for job in jobs for result in job.result()]
    return 0 if all([report(*result) for result in results]) and files else 1


sys.exit(main())

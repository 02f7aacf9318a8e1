# SPDX-License-Identifier: Apache-2.0
# clang-tidy for tools/test. A file is looked at again only when it, what it includes, its command or the settings
# changed (build/logs/tidy remembers what was clean). Without --full the files of tests/ are left out, and what is not
# reached in a minute and a half, the files changed last coming first, is counted as skipped; the next run goes on there.
import concurrent.futures
import hashlib
import json
import pathlib
import subprocess
import time

import test_results
from test_results import Outcome

FOLDERS = ("src", "tools", "tests", "bench")
CLEAN = pathlib.Path("build/logs/tidy")
SECONDS_MAX = 90


def cpp_files():
    return sorted(path for folder in FOLDERS for path in pathlib.Path(folder).rglob("*") if path.suffix in (".cpp", ".h"))


def included_files(directory):
    """For each object file of a build directory the project's own files it was made from, as Ninja recorded them."""
    listed = subprocess.run(["ninja", "-C", directory, "-t", "deps"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found, current = {}, []
    for line in listed.splitlines():
        if line.startswith(" "):
            if not line.strip().startswith("/"):
                current.append(line.strip())
        elif ":" in line:
            current = found.setdefault(line.split(":")[0], [])
    return found


def fingerprint(directory, entry, included):
    settings = [path.read_bytes() for path in (pathlib.Path(".clang-tidy"), pathlib.Path("tests/.clang-tidy")) if path.exists()]
    digest = hashlib.sha256(b"\0".join([entry["command"].encode(), *settings]))
    for name in sorted({entry["file"], *included.get(entry["output"], [])}):
        digest.update((directory / name).read_bytes())
    return digest.hexdigest()


def sources(directory, full):
    """{path: its entry in the compilation database}, the files changed last first."""
    entries = {}
    for entry in json.loads((directory / "compile_commands.json").read_text()):
        path = (directory / entry["file"]).resolve().relative_to(pathlib.Path.cwd())
        if path.parts[0] in FOLDERS and (full or path.parts[0] != "tests"):
            entries.setdefault(str(path), entry)
    return dict(sorted(entries.items(), key=lambda item: (-pathlib.Path(item[0]).stat().st_mtime_ns, item[0])))


def tidy(directory, run, jobs, full):
    """One test per source file."""
    included = included_files(directory)
    entries = sources(directory, full)
    CLEAN.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + SECONDS_MAX
    left = []

    def look(path):
        name = path.replace("/", "-")
        wanted, mark = fingerprint(directory, entries[path], included), CLEAN / name
        if mark.exists() and mark.read_text() == wanted:
            return Outcome(passed=1)
        if not full and time.monotonic() > end:
            left.append(path)
            return Outcome(skipped=1)
        finished = run("tidy-" + name, ["clang-tidy-19", "-p", directory, "--quiet", path])
        if finished.status == 0:
            mark.write_text(wanted)
        return test_results.one(finished)

    outcome = Outcome()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for one in pool.map(look, entries):
            outcome.add(one)
    if left:
        outcome.notes.append(f"skipped: not reached in {SECONDS_MAX} s (--full has no limit): " + " ".join(sorted(left)))
    if not full:
        outcome.add(test_results.skip("clang-tidy on the files of tests: --full runs it"))
    return outcome

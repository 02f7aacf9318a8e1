# SPDX-License-Identifier: Apache-2.0
"""layer/reference.md says what the program's schemas and limits say; a changed file would be noticed."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def same(root):
    collector = pathlib.Path(os.environ.get("STINT_TEST_BUILD", ROOT / "build/release")) / "collector"
    made = subprocess.run([root / "tools/generate-reference", "--check", collector], stdout=subprocess.PIPE, text=True)
    return made.returncode == 0 and made.stdout.startswith("ok ")


def altered_is_noticed():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for part in ("tools/generate-reference", "src/base/limits.h", "layer/reference.md"):
            (root / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, root / part)
        limits = root / "src/base/limits.h"
        limits.write_text(limits.read_text().replace("http_headers_max = 100", "http_headers_max = 101"))
        return not same(root)


results = {"layer/reference.md is what the schemas and limits say": same(ROOT), "a changed limit is noticed": altered_is_noticed()}
for name, holds in results.items():
    print("ok" if holds else "not ok", name)
sys.exit(0 if all(results.values()) else 1)

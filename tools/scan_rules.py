# SPDX-License-Identifier: Apache-2.0
# The rules of the scan as tables and short functions: each takes a file and yields (line, what is wrong).
# The folder rule is the table of the design; a change of the house begins here.
import dataclasses
import pathlib
import re

import scan_text

LINES_MAX = 600
CPP = (".cpp", ".h", ".c")
SCRIPTS = (".py", ".sh", "")  # no suffix: a script of tools/ or .ci/
BUILD_FILES = (".build", ".ini")
SHELVES = ("providers", "receivers", "processors", "connectors", "exporters", "extensions")

# What each folder of src may include, with all that those may. A folder may always include itself.
LAYERS = {
    "base": (),
    "runtime": ("base",),
    "wire": ("base",),
    "otlp": ("base", "wire"),
    "config": ("base", "wire"),
    "net": ("base", "runtime", "wire", "config"),
    "aws": ("base", "runtime", "wire", "config", "net"),
    "pipeline": ("base", "runtime", "wire", "otlp", "config"),
    "lambda": ("base", "runtime", "wire", "otlp", "config", "net", "pipeline"),
    "ottl": ("base", "wire", "otlp"),
}
FOLDERS = {**LAYERS, **{shelf: tuple(LAYERS) for shelf in SHELVES}}

# (what, pattern over code without comments and literals, where it is looked for, where it is allowed)
NAMES = {
    # Beast's parser takes its input as Asio's buffer, which is a pointer and a size.
    "Asio only in src/runtime": [
        (r"\bboost/asio\b(?!/buffer\.hpp)|\basio::(?!const_buffer\b|buffer\b)|\bnamespace\s+asio\b",
         ("src/wire/http1.cpp",), ()),
        (r"\bboost/asio\b|\basio::|\bnamespace\s+asio\b",
         ("src/", "tools/", "tests/"), ("src/runtime/", "tests/runtime/", "src/wire/http1.cpp")),
    ],
    "Beast only in src/wire/http1.cpp": [
        (r"\bboost/beast\b|\bbeast::|\bnamespace\s+beast\b", ("src/", "tools/", "tests/"), ("src/wire/http1.cpp",)),
    ],
    "Banned facilities": [
        (r"#\s*include\s*<(?:iostream|regex|locale|codecvt|strstream)>", ("src/", "tools/", "tests/", "bench/"), ()),
        (r"\bawaitable_operators\b", ("src/", "tools/", "tests/"), ()),
        (r"\bstd::(?:cout|cerr|clog|cin|regex|locale)\b", ("src/", "tools/", "tests/", "bench/"), ()),
        (r"#\s*include\s*<(?:thread|future|mutex|condition_variable|shared_mutex)>", ("src/", "tools/"), ()),
        (r"\bstd::(?:thread|jthread|async|mutex|this_thread)\b|\bpthread_create\b", ("src/", "tools/"), ()),
        (r"\b(?:getaddrinfo|gethostbyname|getnameinfo)\b", ("src/", "tools/", "tests/"), ()),
        (r"\busing\s+namespace\s+std\s*;", ("src/", "tools/", "tests/", "bench/"), ()),
        (r"\b(?:rand|srand|strtok|sprintf|strcpy|strcat|setlocale|mktemp|system|popen)\s*\(", ("src/", "tools/"), ()),
    ],
    "Clocks and entropy only behind the loop": [
        (r"\b(?:system_clock|steady_clock|high_resolution_clock)\b|\bclock_gettime\b|\bgettimeofday\b|\bstd::time\b",
         ("src/",), ("src/runtime/", "src/base/log.cpp")),
        (r"\bgetrandom\b|\bgetentropy\b|\bstd::random_device\b", ("src/",), ("src/runtime/",)),
        (r"(?:\b(?:usleep|nanosleep)|(?<!\w)::sleep)\s*\(", ("src/",), ()),
    ],
}

# Written in two parts so that this file does not find itself.
LEFTOVERS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
HOME_PATHS = re.compile(r"(?<![\w.$}/-])/(?:ho" r"me|ro" r"ot|wo" r"rk|Us" r"ers)/\w")
# In `if (!co_await f())` and its like g++ 12 lays the frame out one way where it is made and another where it runs.
AWAIT_IN_CONDITION = re.compile(r"\b(?:if|while) \((?:[^;()]|\([^()]*\))*?co_await\b|(?:&&|\|\||\?) !?co_await\b|\bco_await \([^;]*\?")
ASSERTIONS = re.compile(r"\b(?:EXPECT|ASSERT)_\w+|\bFAIL\(|\bADD_FAILURE\(|\bassert\b|\bstatic_assert\b|\bnot ok\b|\bpytest\.raises\b")
TEST_BODY = re.compile(r"\bTEST(?:_[FP])?\s*\([^)]*\)\s*\{")


@dataclasses.dataclass
class File:
    path: str
    text: str

    @property
    def suffix(self):
        return pathlib.PurePosixPath(self.path).suffix

    @property
    def is_cpp(self):
        return self.suffix in CPP

    @property
    def is_script(self):
        return self.suffix in (".py", ".sh") or self.text.startswith("#!")

    @property
    def lines(self):
        return self.text.splitlines()


def read_tree(root):
    """Every text file of the project: the folders of the design and the files beside them."""
    found = []
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if parts[0] in ("build", ".git") or "__pycache__" in parts or path.is_symlink() or not path.is_file():
            continue
        try:
            found.append(File("/".join(parts), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue  # golden bytes and corpora
    return found


def folder_rule(file):
    """Includes follow the folder table; names are written from src, never relative to the file."""
    if not file.is_cpp or not file.path.startswith(("src/", "bench/start/")):
        return
    folder = file.path.split("/")[1] if file.path.count("/") > 1 else ""
    allowed = None if folder == "" else (folder, *FOLDERS.get(folder, ()))
    if file.path.startswith("bench/start/"):
        folder, allowed = "bench/start", ("bench",)
    elif folder and folder not in FOLDERS:
        yield 1, f"src/{folder} is not a folder of the design"
    code = scan_text.code_only(file.text, keep_includes=True)
    for number, line in enumerate(code.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
        if not match:
            continue
        name = match.group(1) or match.group(2)
        first = name.split("/")[0]
        if match.group(1) is None:
            if "/" in name and first in FOLDERS and first != "net":  # <net/if.h> is the system's
                yield number, f"<{name}>: our own headers are included with quotes"
        elif ("/" not in name and folder) or first in (".", "..", "src"):  # main.cpp has a header beside it
            yield number, f'"{name}": write it from src, as "folder/file.h"'
        elif allowed is not None and first not in allowed:
            yield number, f"src/{folder} may not include {first}"


def names_rule(entries):
    """A rule from one entry of NAMES."""
    compiled = [(re.compile(pattern), where, allowed) for pattern, where, allowed in entries]

    def rule(file):
        if not file.is_cpp:
            return
        code = None
        for pattern, where, allowed in compiled:
            if not file.path.startswith(where) or (allowed and file.path.startswith(allowed)):
                continue
            code = code or scan_text.code_only(file.text, keep_includes=True)
            line_of = scan_text.line_finder(code)
            for match in pattern.finditer(code):
                yield line_of(match.start()), f"{match.group().strip()} is not allowed here"

    return rule


def head_rule(file):
    """The first line (behind #!) names the license; a comment (Python: or docstring) says what lives in the file.

    A .cpp file that includes its own header first has that header's comment."""
    if not (file.is_cpp or file.is_script or file.suffix in BUILD_FILES) or not file.text:
        return
    lines = file.lines[1:] if file.text.startswith("#!") else file.lines
    mark = "//" if file.is_cpp else "#"
    folder, name = file.path.split("/")[-2:] if "/" in file.path else ("", file.path)
    own_header = re.compile(rf'#include "(?:\w+/)*{folder}/{re.escape(name.rsplit(".", 1)[0])}\.h"')
    if not lines or lines[0] != f"{mark} SPDX-License-Identifier: Apache-2.0":
        yield 1, "the file must begin with its SPDX line"
    elif file.suffix in BUILD_FILES or (file.is_cpp and own_header.fullmatch((lines + [""])[1])):
        return
    elif not re.match(rf'(?:{mark} |""")\S.{{20,}}', (lines + [""])[1]):
        yield 2, "a comment must say what lives in this file"


def length_rule(file):
    if (file.is_cpp or file.is_script) and len(file.lines) > LINES_MAX:
        yield LINES_MAX, f"{len(file.lines)} lines: two things live here (at most {LINES_MAX})"


def header_rule(file):
    if file.suffix == ".h" and not re.search(r"^#pragma once$", file.text, re.MULTILINE):
        yield 1, "a header must say #pragma once"


def lambda_rule(file):
    if not file.is_cpp:
        return
    code = scan_text.code_only(file.text)
    line_of = scan_text.line_finder(code)
    for position in scan_text.capturing_coroutines(code):
        yield line_of(position), "a capturing lambda is a coroutine: its captures die before it does"


def await_rule(file):
    if not file.is_cpp:
        return
    code = scan_text.code_only(file.text)
    line_of = scan_text.line_finder(code)
    for match in AWAIT_IN_CONDITION.finditer(code):
        yield line_of(match.end()), "co_await in a condition: put its result into a variable, g++ 12 miscompiles this"


def pattern_rule(pattern, message):
    def rule(file):
        if file.path == "LICENSE":
            return
        for number, line in enumerate(file.lines, 1):
            if match := pattern.search(line):
                yield number, f"{match.group()}: {message}"

    return rule


def assertion_rule(file):
    """A test file asserts something, and no TEST is empty."""
    name = file.path.rsplit("/", 1)[-1]
    if not file.path.startswith("tests/") or not re.match(r".*_test\.cpp$|(?:check|test)_.*\.py$", name):
        return
    if not ASSERTIONS.search(file.text):
        yield 1, "this test asserts nothing"
    if file.is_cpp:
        code = scan_text.code_only(file.text)
        line_of = scan_text.line_finder(code)
        for match in TEST_BODY.finditer(code):
            end = scan_text.closing_position(code, match.end() - 1)
            if not code[match.end() : end].strip():
                yield line_of(match.start()), "this test is empty"


RULES = {
    "Folder rule": folder_rule,
    **{name: names_rule(entries) for name, entries in NAMES.items()},
    "SPDX line and head comment": head_rule,
    "Files of at most 600 lines": length_rule,
    "Headers are included once": header_rule,
    "No coroutine in a capturing lambda": lambda_rule,
    "No co_await in a condition": await_rule,
    "No leftover marks": pattern_rule(LEFTOVERS, "do it or open an issue"),
    "No path of one machine": pattern_rule(HOME_PATHS, "a path of one machine"),
    "Tests assert something": assertion_rule,
}

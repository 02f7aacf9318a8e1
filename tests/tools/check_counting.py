# SPDX-License-Identifier: Apache-2.0
# The counting of tools/test, held against runners that pass, fail, skip, crash, hang and say nothing: a test that the
# runner cannot count must never look like one that passed.
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import test_parts  # noqa: E402
import test_results  # noqa: E402
from test_results import Run  # noqa: E402

GTEST = '{"testsuites": [{"testsuite": [%s]}]}'
PASSED = '{"name": "A", "status": "RUN", "result": "COMPLETED"}'
FAILED = '{"name": "B", "status": "RUN", "result": "COMPLETED", "failures": [{}]}'
SKIPPED = '{"name": "C", "status": "RUN", "result": "SKIPPED"}'
JUNIT = "<testsuites><testsuite>%s</testsuite></testsuites>"
GOOD, BAD, BROKEN = "<testcase name='a'/>", "<testcase name='b'><failure/></testcase>", "<testcase name='c'><error/></testcase>"
LEFT = "<testcase name='d'><skipped message='why'/></testcase>"

failures = 0


def check(name, outcome, expected):
    """`expected` is (passed, failed, skipped)."""
    global failures
    found = (outcome.passed, outcome.failed, outcome.skipped)
    failures += found != expected
    print(f"{'ok' if found == expected else 'not ok'} counting: {name}" + ("" if found == expected else f": {found}, not {expected}"))


def ran(status, output=""):
    return Run("runner", status, output, "log")


def report(folder, text):
    path = folder / "report"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
    return path


def check_counts(folder):
    lines = test_results.from_ok_lines
    check("ok lines", lines(ran(0, "ok a\nok b\nnoise\nokay\n")), (2, 0, 0))
    check("a skipped line", lines(ran(0, "ok a\nok b # skip no tool\n")), (1, 0, 1))
    check("a not ok line", lines(ran(1, "ok a\nnot ok b\n")), (1, 1, 0))
    check("not ok with exit 0", lines(ran(0, "not ok b\n")), (0, 1, 0))
    check("a crash behind ok lines", lines(ran(-11, "ok a\n")), (1, 1, 0))
    check("a hang behind ok lines", lines(ran(None, "ok a\n")), (1, 1, 0))
    check("silence", lines(ran(0, "")), (0, 1, 0))

    def gtest(status, text, output=""):
        return test_results.from_gtest(ran(status, output), report(folder, text))

    check("a report of cases", gtest(1, GTEST % ",".join([PASSED, FAILED, SKIPPED])), (1, 1, 1))
    check("good cases and a bad end (a leak)", gtest(23, GTEST % PASSED), (1, 1, 0))
    check("no report (a crash)", gtest(-6, None, "[       OK ] A.B (0 ms)\n[ RUN      ] A.C\n"), (1, 1, 0))
    check("a report without cases", gtest(0, GTEST % ""), (0, 1, 0))
    check("half a report", gtest(0, '{"testsuites": ['), (0, 1, 0))

    def junit(status, text):
        return test_results.from_junit(ran(status), report(folder, text))

    check("a JUnit report", junit(1, JUNIT % (GOOD + BAD + BROKEN + LEFT)), (1, 2, 1))
    check("a JUnit report without cases", junit(5, JUNIT % ""), (0, 1, 0))
    check("no JUnit report", junit(2, None), (0, 1, 0))
    check("good JUnit cases and a bad end", junit(3, JUNIT % GOOD), (1, 1, 0))
    check("a command that is the test", test_results.one(ran(0)), (1, 0, 0))
    check("a command that fails", test_results.one(ran(1)), (0, 1, 0))


def check_time_limit(folder):
    """A command that hangs is killed with its children, and counts as failed."""
    os.chdir(folder)
    hung = test_parts.run("hang", ["sh", "-c", "echo ok a; sleep 600 & wait"], seconds=1)
    check("a real hang", test_results.from_ok_lines(hung), (1, 1, 0))
    good = test_parts.run("good", ["sh", "-c", "echo ok a"], seconds=60)
    check("a real run", test_results.from_ok_lines(good), (1, 0, 0))


with tempfile.TemporaryDirectory() as temporary:
    check_counts(pathlib.Path(temporary))
    check_time_limit(pathlib.Path(temporary))
    os.chdir(ROOT)
sys.exit(1 if failures else 0)

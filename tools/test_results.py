# SPDX-License-Identifier: Apache-2.0
# Counting for tools/test: what a runner said, as passed, failed and skipped tests. A runner that crashed, hung or said
# nothing is one failed test, whatever it had counted before.
import dataclasses
import json
import re
import xml.etree.ElementTree as ElementTree

OK_LINE = re.compile(r"^(ok|not ok)(?: \d+)? (?:- )?(\S.*)$", re.MULTILINE)
SKIP_MARK = re.compile(r"#\s*skip", re.IGNORECASE)
GTEST_OK = re.compile(r"^\[       OK \] ", re.MULTILINE)
SHOWN_LINES = 80
# As pytest ends when it was given files that skip themselves whole, and no others.
PYTEST_COLLECTED_NOTHING = 5


@dataclasses.dataclass
class Outcome:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: list = dataclasses.field(default_factory=list)  # shown below the part: failures and reasons for skipping

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.notes += other.notes
        return self


@dataclasses.dataclass
class Run:
    """One finished command: its name, exit status (None: killed at its time limit), output and log file."""

    name: str
    status: int | None
    output: str
    log: str

    def ending(self):
        return "did not end in time" if self.status is None else f"ended with {self.status}"

    def tail(self):
        lines = self.output.splitlines()[-SHOWN_LINES:]
        return "\n".join([f"--- {self.name} {self.ending()} ({self.log})", *lines])


def one(run):
    """The command itself is the test."""
    return Outcome(passed=1) if run.status == 0 else Outcome(failed=1, notes=[run.tail()])


def skip(reason):
    return Outcome(skipped=1, notes=[f"skipped: {reason}"])


def from_ok_lines(run):
    """Counts `ok NAME`, `ok NAME # skip reason` and `not ok NAME`; no such line, or a bad end without one, is a failure."""
    outcome = Outcome()
    for word, name in OK_LINE.findall(run.output):
        if word == "not ok":
            outcome.failed += 1
        elif SKIP_MARK.search(name):
            outcome.skipped += 1
            outcome.notes.append(f"skipped: {name}")
        else:
            outcome.passed += 1
    silent = outcome.passed + outcome.failed + outcome.skipped == 0
    if silent or (run.status != 0 and outcome.failed == 0):
        outcome.failed += 1
    if outcome.failed:
        outcome.notes.append(run.tail())
    return outcome


def from_gtest(run, report):
    """Counts the cases of GoogleTest's JSON report; without one (a crash) those that said OK, and one failure."""
    outcome = Outcome()
    try:
        suites = json.loads(report.read_text())["testsuites"]
    except (OSError, ValueError, KeyError):
        outcome.passed = len(GTEST_OK.findall(run.output))
        suites = []
    for case in (case for suite in suites for case in suite["testsuite"]):
        if case.get("failures"):
            outcome.failed += 1
        elif case.get("result") == "SKIPPED" or case.get("status") == "NOTRUN":
            outcome.skipped += 1
        else:
            outcome.passed += 1
    return judged(outcome, run)


def from_junit(run, report):
    """Counts the cases of a JUnit XML report (pytest)."""
    outcome = Outcome()
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        cases = []
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif case.find("skipped") is not None:
            outcome.skipped += 1
            reason = case.find("skipped").get("message", "")
            outcome.notes.append(f"skipped: {case.get('name')}: {reason}")
        else:
            outcome.passed += 1
    return judged(outcome, run)


def judged(outcome, run):
    """A runner without a result, or with a bad end that none of its cases explains, has failed."""
    if run.status == PYTEST_COLLECTED_NOTHING and outcome.skipped:
        return outcome
    nothing = outcome.passed + outcome.failed + outcome.skipped == 0
    if nothing or (run.status != 0 and outcome.failed == 0):
        outcome.failed += 1
    if outcome.failed:
        outcome.notes.append(run.tail())
    return outcome

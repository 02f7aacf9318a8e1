# SPDX-License-Identifier: Apache-2.0
"""Managed instances: eight invocations at once in one environment of the local Lambda, all of which export while others
run. The collector hears of SHUTDOWN alone and has 4,096 descriptors.
"""

import json
import pathlib
import re
import resource
import subprocess
import sys

import pytest

import generate
import items
from backend import Answer
from collector import BINARY, configuration, free_port, write_configuration
from test_local_lambda import PROGRAM

RUNTIME = pathlib.Path(__file__).parent / "concurrent_runtime.py"
CONCURRENCY, INVOCATIONS, SIGNALS = 8, 100, ("traces", "metrics", "logs")


def bodies(folder):
    """Requests by their names, one of each signal for each invocation, and their items."""
    folder.mkdir()
    found = {}
    for number in range(INVOCATIONS):
        for signal in SIGNALS:
            request = generate.request(signal, number)
            name = f"{number:03}-.{signal}"
            (folder / name).write_bytes(request.SerializeToString())
            found[name] = items.items(signal, request)
    return found


def most_at_once(invocations):
    """Of the moments at which an invocation was given out or answered, the one with most under way."""
    changes = [(one["sentAt"], 1) for one in invocations] + [(one["respondedAt"], -1) for one in invocations]
    under_way, most = 0, 0
    for _, change in sorted(changes):
        under_way += change
        most = max(most, under_way)
    return most


# With an hour for a batch nothing but SHUTDOWN sends; with a moment hardly anything is left for it.
@pytest.mark.parametrize("batch_timeout", ["1h", "10ms"])
def test_all_that_concurrent_invocations_send_is_delivered(batch_timeout, loop, backend, tmp_path):
    sent = bodies(tmp_path / "bodies")
    backend.answer_always(Answer(delay_seconds=0.01))
    port, log, limit, report = free_port(), tmp_path / "said", tmp_path / "limit", tmp_path / "report.json"
    batch = {"timeout": batch_timeout, "send_batch_size": 1_000_000}
    config = configuration(port, {"endpoint": backend.url}, ("batch", "decouple"), batch=batch)
    extension = tmp_path / "collector"
    extension.write_text(f"#!/bin/sh\nulimit -n >'{limit}'\nexec '{BINARY}' 2>>'{log}'\n")
    extension.chmod(0o755)
    variables = {"STINT_CONCURRENT_FOLDER": tmp_path, "STINT_CONCURRENT_PORT": port, "STINT_IO": loop,
                 "OPENTELEMETRY_EXTENSION_LOG_LEVEL": "info", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [PROGRAM, "--function", tmp_path, "--runtime", f"{sys.executable} {RUNTIME}", "--timeout", "60s",
               "--mode", "managed-instances", "--concurrency", CONCURRENCY, "--invocations", INVOCATIONS,
               "--no-backend", "--quiet", "--json", report,
               "--extension", extension, "--config", write_configuration(tmp_path, config)]
    command += [part for number in range(INVOCATIONS) for part in ("--event", json.dumps({"n": number}))]
    command += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    completed = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=90, check=False)
    said = log.read_text(errors="replace")
    assert "Sanitizer" not in said and "check failed" not in said, said
    assert completed.returncode == 0, completed.stdout + completed.stderr + said

    # Each invocation has its own answer, and the first eight ran together and were answered in reverse.
    told = json.loads(report.read_text())
    invocations, events = told["invocations"], told["events"]
    assert [json.loads(one["response"]) for one in invocations] == list(range(INVOCATIONS))
    assert most_at_once(invocations) == CONCURRENCY
    answered = [one["respondedAt"] for one in invocations[:CONCURRENCY]]
    assert answered == sorted(answered, reverse=True)
    reports = [one["record"]["requestId"] for one in events if one["type"] == "platform.report"]
    assert sorted(reports) == sorted(one["requestId"] for one in invocations)
    assert not [one for one in events if one["type"] == "platform.runtimeDone"]

    # The collector held none of them, kept nothing and lost nothing.
    asked = [each for one in invocations for each in one["extensions"] if "nextAt" in each]
    assert not asked, "SHUTDOWN is its only event"
    assert int(limit.read_text()) == min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    assert (told["extensions"][0]["starts"], told["extensions"][0]["lastExit"]) == (1, "exit status 0")
    names = (tmp_path / "confirmed").read_text().split()
    assert sorted(names) == sorted(sent)
    items.assert_equal([item for name in sent for item in sent[name]], backend.items())
    total = sum(map(len, sent.values()))
    line = next(line for line in said.splitlines() if "items accepted" in line)
    assert re.search(rf"\b{total} items accepted, {total} delivered, 0 dropped", line), line
    assert "held for 0 ms" in line, line
    if batch_timeout == "1h":
        assert len(backend.requests) == len(SIGNALS), "something was sent before SHUTDOWN"
    else:
        assert len(backend.requests) > 2 * len(SIGNALS), "nothing was sent before SHUTDOWN"

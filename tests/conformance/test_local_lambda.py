# SPDX-License-Identifier: Apache-2.0
"""The local Lambda, checked from outside: by an extension and a back end that share no code with it, and by functions
under the real runtime interface client.

STINT_LOCAL_LAMBDA names another program than build/release/tools/local-lambda.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

from collector import ROOT, free_port

PROGRAM = pathlib.Path(os.environ.get("STINT_LOCAL_LAMBDA", ROOT / "build" / "release" / "tools" / "local-lambda"))
EXTENSION = ROOT / "tests" / "conformance" / "extension.py"
DEMO = ROOT / "tools" / "functions" / "demo"

HANDLER = '''
import json, os, socket, sys, threading, time

TICKS = []
time.sleep(float(os.environ.get("SLOW_INIT", "0")))

def tick():
    while True:
        TICKS.append(time.monotonic())
        time.sleep(0.005)

def handler(event, context):
    what = event.get("do", "")
    print("line of", context.aws_request_id)
    if what == "fail":
        raise ValueError("asked to fail")
    if what == "sleep":
        open("/tmp/" + event["mark"], "w").close()
        time.sleep(60)
    if what == "exit":
        os._exit(3)
    if what == "tick":
        if not TICKS:
            threading.Thread(target=tick, daemon=True).start()
        begin = time.monotonic()
        while len(TICKS) < 2 or TICKS[-1] < begin:
            time.sleep(0.01)
        return max(b - a for a, b in zip(TICKS, TICKS[1:]))
    if what == "bind":
        with socket.socket() as one:
            one.bind(("127.0.0.1", 4318))
        return socket.gethostbyname("sandbox.localdomain")
    if what == "look":
        mark = "/tmp/" + event["mark"]
        found = os.path.exists(mark)
        if found:
            os.unlink(mark)
        return found
    return {"event": event, "environment": dict(os.environ), "directory": os.getcwd()}
'''


class Run:
    """One run of local-lambda: exit status, report, printed text, and what the extensions recorded."""

    def __init__(self, completed, report, records):
        self.status = completed.returncode
        self.text = completed.stdout + completed.stderr
        self.report = report
        self.records = records

    def events(self, kind):
        return [event["record"] for event in self.report["events"] if event["type"] == kind]

    def results(self):
        return [json.loads(one["response"]) if one["response"] else None for one in self.report["invocations"]]

    def calls(self, kind):
        return [one for one in self.records if one["kind"] == kind]

    def delivered(self):
        """Events of all deliveries that were taken, in their order."""
        return [event for one in self.calls("telemetry") if not one["refused"] for event in one["events"]]


def sound_run(command, report, seconds):
    """The Run of that command, in which no check of a collector failed; it writes its report to that file."""
    completed = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert "Sanitizer" not in completed.stdout + completed.stderr, completed.stdout
    assert "check failed" not in completed.stdout + completed.stderr, completed.stdout
    return Run(completed, json.loads(report.read_text()), [])


@pytest.fixture
def local_lambda(tmp_path, venv_python):
    """A function (*options, extensions, events, function) that runs the local Lambda to its end."""

    def run(*options, extensions=("probe",), events=({},), function=None, seconds=60, **environment):
        function = function or tmp_path / "function"
        if not function.exists():
            function.mkdir()
            (function / "handler.py").write_text(HANDLER)
        command = [str(PROGRAM), "--function", str(function), "--runtime", f"{venv_python} -m awslambdaric"]
        for name in extensions:
            program = tmp_path / name
            # By the interpreter itself: a launcher in between would add variables of its own.
            interpreter = pathlib.Path(sys.executable).resolve()
            program.write_text(f"#!{interpreter}\n" + EXTENSION.read_text(encoding="utf-8"), encoding="utf-8")
            program.chmod(0o755)
            command += ["--extension", str(program)]
        for event in events:
            command += ["--event", json.dumps(event)]
        out = tmp_path / "records"
        out.unlink(missing_ok=True)
        variables = {"STINT_TEST_EXTENSION_OUT": str(out), "PYTHONDONTWRITEBYTECODE": "1", **environment}
        command += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
        report = tmp_path / "report.json"
        command += ["--invocations", str(len(events)), "--json", str(report), *options]
        completed = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        assert "Sanitizer" not in completed.stderr and "runtime error" not in completed.stderr, completed.stderr
        assert completed.returncode in (0, 1), completed.stderr
        lines = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
        return Run(completed, json.loads(report.read_text()), lines)

    return run


def test_it_runs_a_function_beside_an_extension(local_lambda):
    run = local_lambda("--memory", "256", events=({"n": 1}, {"n": 2}), STINT_TEST_EXTENSION_HOLD="1", MINE="yes")
    assert run.status == 0, run.text
    first = run.results()[0]
    assert first["event"] == {"n": 1}
    assert first["directory"] == first["environment"]["LAMBDA_TASK_ROOT"]
    assert first["environment"]["_HANDLER"] == "handler.handler"
    assert first["environment"]["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert run.results()[1]["event"] == {"n": 2}

    start = run.calls("start")[0]
    assert len(start["argv"]) == 1 and start["name"] == "probe"
    seen = start["environment"]
    assert seen["MINE"] == "yes" and seen["AWS_LAMBDA_FUNCTION_NAME"] == "function"
    assert seen["AWS_LAMBDA_RUNTIME_API"] == first["environment"]["AWS_LAMBDA_RUNTIME_API"]
    assert seen["STINT_BACKEND_ENDPOINT"].startswith("http://127.0.0.1:")
    assert not [name for name in seen if name.startswith("_")]
    for hidden in ("LAMBDA_TASK_ROOT", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"):
        assert hidden not in seen

    answer = run.calls("register")[0]
    assert answer["status"] == 200
    assert answer["body"] == {
        "functionName": "function",
        "functionVersion": "$LATEST",
        "handler": "handler.handler",
        "accountId": "123456789012",
    }
    assert run.calls("subscribe")[0]["status"] == 200 and run.calls("subscribe")[0]["body"] == "OK"
    events = [one["body"] for one in run.calls("next")]
    assert [one["eventType"] for one in events] == ["INVOKE", "INVOKE", "SHUTDOWN"]
    assert events[0]["requestId"] == run.report["invocations"][0]["requestId"]
    assert events[0]["invokedFunctionArn"].endswith(":function:function")
    assert events[2]["shutdownReason"] == "spindown"
    assert run.records[-1]["kind"] == "end"


def test_it_delivers_what_the_platform_writes_and_each_event_once(local_lambda):
    run = local_lambda(events=({}, {}, {}), STINT_TEST_EXTENSION_HOLD="1")
    delivered = run.delivered()
    types = [event["type"] for event in delivered if event["type"].startswith("platform.")]
    assert types[:3] == ["platform.initStart", "platform.telemetrySubscription", "platform.initRuntimeDone"]
    ids = [one["requestId"] for one in run.report["invocations"]]
    for kind in ("platform.start", "platform.runtimeDone"):
        assert [event["record"]["requestId"] for event in delivered if event["type"] == kind] == ids
    reports = [event["record"]["requestId"] for event in delivered if event["type"] == "platform.report"]
    assert reports == ids[: len(reports)] and len(reports) >= 2
    assert all(one["done"] for one in run.calls("held"))
    lines = [event["record"] for event in delivered if event["type"] == "function"]
    assert [line for line in lines if line.startswith("line of")] == [f"line of {one}" for one in ids]
    times = [event["time"] for event in delivered]
    assert times == sorted(times)

    # The report of an invocation is never there before the next one has begun.
    at = {(event["type"], event["record"]["requestId"]): place for place, event in enumerate(delivered)
          if event["type"] in ("platform.report", "platform.start")}
    batches = [[event["type"] for event in one["events"]] for one in run.calls("telemetry")]
    assert at[("platform.report", ids[0])] < at[("platform.start", ids[1])]
    assert not any("platform.runtimeDone" in batch and "platform.report" in batch[batch.index("platform.runtimeDone"):]
                   for batch in batches[:-1])


def test_it_tells_the_durations_that_it_saw(local_lambda):
    run = local_lambda(events=({}, {}))
    init = run.events("platform.initReport")[0]
    reports = run.events("platform.report")
    assert reports[0]["metrics"]["initDurationMs"] == init["metrics"]["durationMs"]
    assert "initDurationMs" not in reports[1]["metrics"]
    for done, report in zip(run.events("platform.runtimeDone"), reports):
        assert done["status"] == report["status"] == "success"
        assert done["metrics"]["durationMs"] <= report["metrics"]["durationMs"]
        assert report["metrics"]["maxMemoryUsedMB"] > 1
        assert [span["name"] for span in done["spans"]] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    extension = run.report["extensions"][0]
    assert 0 < extension["execToRegisterMs"] < extension["execToNextMs"]
    assert extension["initCpuMs"] > 0 and extension["rssAfterInitBytes"] > 1 << 20


def test_a_second_next_is_refused(local_lambda):
    # The extension's two calls both come while the function is still being initialised.
    run = local_lambda(STINT_TEST_EXTENSION_MODE="second-next", SLOW_INIT="2")
    refused = [one for one in run.calls("second-next") + run.calls("next") if one["status"] == 403]
    assert [one["body"]["errorType"] for one in refused] == ["Extension.InvalidExtensionState"]
    assert run.status == 0, run.text


def test_identifiers_are_checked(local_lambda):
    run = local_lambda(STINT_TEST_EXTENSION_MODE="bad-identifier")
    types = {kind: run.calls(f"next-{kind}-identifier")[0]["body"]["errorType"] for kind in ("malformed", "unknown")}
    assert types == {
        "malformed": "Extension.InvalidExtensionIdentifier",
        "unknown": "Extension.UnknownExtensionIdentifier",
    }
    without = run.calls("next-without-identifier")[0]
    assert without["status"] == 403 and without["body"]["errorType"] == "Extension.MissingExtensionIdentifier"
    assert run.status == 0, run.text


@pytest.mark.parametrize(
    ("mode", "error_type"),
    [("bad-events", "Extension.InvalidEventType"), ("no-name", "Extension.InvalidExtensionName")],
)
def test_a_refused_registration_fails_init(local_lambda, mode, error_type):
    run = local_lambda(STINT_TEST_EXTENSION_MODE=mode)
    answer = run.calls("register")[0]
    assert (answer["status"], answer["body"]["errorType"]) == (403, error_type)
    assert run.events("platform.initReport")[0]["errorType"] == "Extension.Crash"
    assert run.report["invocations"][0]["status"] == "error" and run.status == 1


@pytest.mark.parametrize(
    ("mode", "error_type"),
    [("crash-init", "Extension.Crash"), ("crash-registered", "Extension.Crash"), ("init-error", "Extension.InitError")],
)
def test_an_extension_that_fails_in_init_fails_the_environment(local_lambda, mode, error_type):
    run = local_lambda(STINT_TEST_EXTENSION_MODE=mode)
    reports = run.events("platform.initReport")
    assert [one["phase"] for one in reports] == ["init", "invoke"]  # tried again within the invocation
    assert {one["errorType"] for one in reports} == {error_type}
    assert run.report["extensions"][0]["starts"] == 2
    if mode == "init-error":
        assert run.calls("init-error")[0]["status"] == 202


@pytest.mark.parametrize(
    ("mode", "error_type"), [("crash-invoke", "Extension.Crash"), ("exit-error", "Extension.ExitError")]
)
def test_an_extension_that_fails_in_an_invocation_resets_the_environment(local_lambda, mode, error_type):
    run = local_lambda(events=({"n": 1}, {"n": 2}), STINT_TEST_EXTENSION_MODE=mode)
    assert [one["errorType"] for one in run.report["invocations"]] == [error_type] * 2
    assert run.report["extensions"][0]["starts"] == 2
    identifiers = {one["headers"]["lambda-extension-identifier"] for one in run.calls("register")}
    assert len(identifiers) == 2
    assert [one["phase"] for one in run.events("platform.initStart")] == ["init", "invoke"]


def test_an_extension_that_stays_is_killed_after_two_seconds(local_lambda):
    began = time.monotonic()
    run = local_lambda(STINT_TEST_EXTENSION_MODE="hang-shutdown")
    assert run.report["extensions"][0]["lastExit"] == "signal 9"
    assert time.monotonic() - began >= 2.0
    assert run.status == 0, run.text


def test_a_late_subscription_is_refused(local_lambda):
    run = local_lambda(STINT_TEST_EXTENSION_MODE="late-subscribe")
    answer = run.calls("subscribe")[0]
    assert (answer["status"], answer["body"]["errorType"]) == (403, "Telemetry.SubscriptionClosed")


def test_a_refused_delivery_comes_again(local_lambda):
    run = local_lambda(
        "--gap", "300ms", events=({}, {}), STINT_TEST_EXTENSION_MODE="refuse-telemetry", STINT_TEST_EXTENSION_HOLD="1"
    )
    first, second = run.calls("telemetry")[:2]
    assert first["refused"] and not second["refused"]
    assert second["events"] == first["events"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("invoke-only", ["INVOKE", "INVOKE"]), ("shutdown-only", ["SHUTDOWN"]), ("no-events", [])],
)
def test_only_the_wanted_events_come(local_lambda, mode, expected):
    run = local_lambda(events=({}, {}), STINT_TEST_EXTENSION_MODE=mode)
    assert [one["body"]["eventType"] for one in run.calls("next")] == expected
    killed = mode != "shutdown-only"  # who has not asked for SHUTDOWN is killed at once
    assert run.report["extensions"][0]["lastExit"] == ("signal 9" if killed else "exit status 0")
    assert run.status == 0, run.text


@pytest.mark.parametrize(("mode", "status"), [("sam", 202), ("no-telemetry", 404)])
def test_the_telemetry_api_can_be_missing(local_lambda, mode, status):
    run = local_lambda("--mode", mode)
    assert run.calls("subscribe")[0]["status"] == status
    assert run.calls("telemetry") == []
    assert run.status == 0, run.text


def test_a_handled_error_is_the_functions_business(local_lambda):
    run = local_lambda(events=({"do": "fail"}, {}))
    first, second = run.report["invocations"]
    assert (first["status"], first["functionErrorType"]) == ("success", "ValueError")
    assert second["status"] == "success" and second["functionErrorType"] == ""
    assert [one["status"] for one in run.events("platform.runtimeDone")] == ["success", "success"]
    assert run.status == 1


def test_a_timeout_resets_and_tmp_stays(local_lambda):
    mark = f"local-lambda-mark-{os.getpid()}"
    events = ({"do": "sleep", "mark": mark}, {"do": "look", "mark": mark})
    run = local_lambda("--timeout", "2s", events=events)
    assert [one["status"] for one in run.report["invocations"]] == ["timeout", "success"]
    assert run.results()[1] is True
    shutdowns = [one["body"] for one in run.calls("next") if one["body"]["eventType"] == "SHUTDOWN"]
    assert [one["shutdownReason"] for one in shutdowns] == ["timeout", "spindown"]
    assert run.report["extensions"][0]["starts"] == 2


def test_a_runtime_that_ends_resets_the_environment(local_lambda):
    run = local_lambda(events=({"do": "exit"}, {}))
    assert [one["errorType"] for one in run.report["invocations"]] == ["Runtime.ExitError", ""]
    assert run.events("platform.runtimeDone")[0]["errorType"] == "Runtime.ExitError"


def test_a_missing_handler_is_an_init_error(local_lambda):
    run = local_lambda("--handler", "nothing.handler")
    assert run.events("platform.initRuntimeDone")[0]["status"] == "error"
    assert run.report["invocations"][0]["status"] == "error"


def test_freezing_stops_the_processes_between_invocations(local_lambda):
    run = local_lambda("--freeze", "--gap", "400ms", events=({"do": "tick"}, {"do": "tick"}))
    assert run.results()[1] >= 0.35


def test_two_extensions_are_both_told(local_lambda):
    run = local_lambda(extensions=("probe", "second"))
    assert [one["name"] for one in run.calls("start")] in (["probe", "second"], ["second", "probe"])
    assert [one["name"] for one in run.report["extensions"]] == ["probe", "second"]
    assert all(one["lastExit"] == "exit status 0" for one in run.report["extensions"])
    assert collections.Counter(one["body"]["eventType"] for one in run.calls("next")) == {"INVOKE": 2, "SHUTDOWN": 2}


def test_an_extension_that_cannot_run_fails_init(local_lambda, tmp_path):
    (tmp_path / "broken").write_text("no program")
    run = local_lambda("--extension", str(tmp_path / "broken"), extensions=())
    assert run.events("platform.initReport")[0]["errorType"] == "Extension.LaunchError"
    assert run.status == 1


def test_a_private_network_has_every_port_free(local_lambda):
    probe = subprocess.run(["unshare", "--net", "--map-root-user", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("this machine allows no network namespaces")
    run = local_lambda("--netns", events=({"do": "bind"},))
    assert run.results() == ["127.0.0.1"], run.text


def _value(any_value):
    """An AnyValue of the official descriptors in the report's form."""
    kind = any_value.WhichOneof("value")
    if kind is None:
        return {}
    value = getattr(any_value, kind)
    if kind == "array_value":
        return {"array": [_value(one) for one in value.values]}
    if kind == "kvlist_value":
        return {"map": _pairs(value.values)}
    if kind == "bool_value":
        return {"bool": value}
    if kind == "bytes_value":
        return {"bytes": value.hex()}
    return {kind.removesuffix("_value"): value if kind == "string_value" else _number(value)}


def _number(value):
    return str(value) if isinstance(value, int) else f"{value:.17g}"


def _pairs(attributes):
    return [[one.key, _value(one.value)] for one in attributes]


def _span(span):
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex(),
        "trace_state": span.trace_state,
        "name": span.name,
        "kind": span.kind,
        "start": str(span.start_time_unix_nano),
        "end": str(span.end_time_unix_nano),
        "attributes": _pairs(span.attributes),
        "status": span.status.code,
        "status_message": span.status.message,
        "flags": span.flags,
        "events": [
            {"name": one.name, "time": str(one.time_unix_nano), "attributes": _pairs(one.attributes)}
            for one in span.events
        ],
        "links": [
            {"trace_id": one.trace_id.hex(), "span_id": one.span_id.hex(), "attributes": _pairs(one.attributes)}
            for one in span.links
        ],
    }


def _log(record):
    return {
        "time": str(record.time_unix_nano),
        "observed_time": str(record.observed_time_unix_nano),
        "severity": record.severity_number,
        "severity_text": record.severity_text,
        "event_name": record.event_name,
        "trace_id": record.trace_id.hex(),
        "span_id": record.span_id.hex(),
        "body": _value(record.body),
        "attributes": _pairs(record.attributes),
        "flags": record.flags,
    }


def _points(metric):
    kinds = {"gauge": 1, "sum": 2, "histogram": 3, "exponential_histogram": 4, "summary": 5}
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    for point in data.data_points:
        item = {
            "metric": metric.name,
            "unit": metric.unit,
            "description": metric.description,
            "type": kinds[kind],
            "temporality": getattr(data, "aggregation_temporality", 0),
            "monotonic": getattr(data, "is_monotonic", False),
            "start": str(point.start_time_unix_nano),
            "time": str(point.time_unix_nano),
            "attributes": _pairs(point.attributes),
            "count": str(getattr(point, "count", 0)),
        }
        for field in ("as_double", "as_int", "sum", "min", "max"):
            if field in point.DESCRIPTOR.fields_by_name and point.HasField(field):
                item[field] = _number(getattr(point, field))
        for field in ("bucket_counts", "explicit_bounds"):
            if values := list(getattr(point, field, ())):
                item[field] = [_number(one) for one in values]
        yield item


def _items(request):
    """The items of one request that the Python back end took, in the report's form."""
    groups = {
        "traces": lambda: [(g, s, [_span(one) for one in s.spans]) for g in request.decoded.resource_spans
                           for s in g.scope_spans],
        "metrics": lambda: [(g, s, [item for one in s.metrics for item in _points(one)])
                            for g in request.decoded.resource_metrics for s in g.scope_metrics],
        "logs": lambda: [(g, s, [_log(one) for one in s.log_records]) for g in request.decoded.resource_logs
                         for s in g.scope_logs],
    }[request.signal]()
    for group, scope, found in groups:
        for item in found:
            yield {
                "signal": request.signal,
                "resource": _pairs(group.resource.attributes),
                "scope": scope.scope.name,
                "scope_version": scope.scope.version,
                **item,
            }


def _canonical(found):
    return collections.Counter(json.dumps(item, sort_keys=True) for item in found)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_built_in_back_end_sees_what_the_independent_one_sees(local_lambda, backend, compression):
    port = free_port()
    settings = {"STINT_DEMO_SEED": "11", "OTEL_EXPORTER_OTLP_COMPRESSION": compression, "TZ": "UTC"}
    options = ("--seed", "4", "--timeout", "20s")
    inside = local_lambda(*options, "--backend-port", str(port), events=({},) * 3, extensions=(), function=DEMO,
                          OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", **settings)
    outside = local_lambda(*options, "--no-backend", events=({},) * 3, extensions=(), function=DEMO,
                           OTEL_EXPORTER_OTLP_ENDPOINT=backend.url, **settings)
    assert inside.status == 0, inside.text
    assert outside.status == 0, outside.text
    expected = _canonical(item for request in backend.requests for item in _items(request))
    assert sum(expected.values()) > 20
    assert _canonical(inside.report["backend"]["items"]) == expected
    requests = inside.report["backend"]["requests"]
    assert {one["encoding"] for one in requests} == {"" if compression == "none" else "gzip"}
    assert sum(one["items"] for one in requests) == sum(expected.values())
    # A reader finds each span in the printed text.
    for name in ("POST /orders", "|- load cart", "|  `- SELECT carts", "`- charge card", "orders.processed"):
        assert name in inside.text, inside.text


def test_the_built_in_back_end_refuses_as_it_is_told(local_lambda):
    port = free_port()
    run = local_lambda("--backend-port", str(port), "--backend-status", "503", "--timeout", "30s", extensions=(),
                       function=DEMO, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    statuses = [one["status"] for one in run.report["backend"]["requests"]]
    assert statuses[0] == 503 and set(statuses[1:]) == {200}
    assert run.results()[0]["flushed"] is True  # the SDK has tried again


def test_bad_command_lines_are_explained():
    for wrong in ([], ["--function", "/nowhere"], ["--nonsense"]):
        completed = subprocess.run([str(PROGRAM), *wrong], capture_output=True, text=True, timeout=20, check=False)
        assert completed.returncode == 2
        assert "usage: local-lambda" in completed.stderr

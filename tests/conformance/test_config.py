# SPDX-License-Identifier: Apache-2.0
"""Configuration files as users write them: some have to work as they stand, others to be refused by file, line, key."""

import re
import socket

import pytest

import generate
import items
from client import assert_success, post_message
from collector import command, configuration, write_configuration
from seeded import send, send_every_signal

PIPELINES = """\
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch, decouple]
      exporters: [EXPORTERS]
    metrics:
      receivers: [otlp]
      processors: [batch, decouple]
      exporters: [EXPORTERS]
    logs:
      receivers: [otlp]
      processors: [batch, decouple]
      exporters: [EXPORTERS]
"""

RECEIVERS = """\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 'localhost:GRPC'
      http:
        endpoint: 'localhost:HTTP'
"""

# What vendors tell their users to write: with a key, without one, and for finding errors, processors left undefined.
WITH_KEY = f"""\
# collector.yaml
{RECEIVERS}
processors:
  batch:
  decouple:

exporters:
  otlphttp:
    endpoint: "ENDPOINT"
    headers:
      authorization: KEY
    compression: gzip

service:
{PIPELINES.replace("EXPORTERS", "otlphttp")}"""

WITHOUT_KEY = WITH_KEY.replace("    headers:\n      authorization: KEY\n", "")

UNDEFINED_PROCESSORS = WITH_KEY.replace("processors:\n  batch:\n  decouple:\n\n", "", 1)

DEBUGGING = f"""\
# collector.yaml
{RECEIVERS}
exporters:
  logging:
    verbosity: detailed
  otlphttp:
    endpoint: "ENDPOINT"
    headers:
      authorization: KEY
    compression: gzip

service:
  telemetry:
    logs:
      level: "debug"
{PIPELINES.replace("EXPORTERS", "otlphttp, logging")}"""

AS_THEY_STAND = {
    "with key": WITH_KEY,
    "without key": WITHOUT_KEY,
    "indented": "".join(f"    {line}" for line in WITHOUT_KEY.splitlines(keepends=True)),
    "undefined processors": UNDEFINED_PROCESSORS,
    "debugging": DEBUGGING,
}


def filled_in(text, endpoint="http://in.example", http=14318, grpc=14317):
    values = {"ENDPOINT": endpoint, "KEY": "0123-abcd", "HTTP": str(http), "GRPC": str(grpc)}
    for name, value in values.items():
        text = re.sub(rf"\b{name}\b", value, text)
    return text


def validate(folder, text, name="collector.yaml", **environment):
    return command("validate", "--config", write_configuration(folder, text, name), **environment)


def line_of(text, part):
    """The number of the first line that holds `part`."""
    return 1 + next(number for number, line in enumerate(text.splitlines()) if part in line)


# What has to work


@pytest.mark.parametrize("name", AS_THEY_STAND)
def test_what_vendors_publish_is_valid(tmp_path, name):
    result = validate(tmp_path, filled_in(AS_THEY_STAND[name]))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", AS_THEY_STAND)
def test_what_vendors_publish_carries_data(tmp_path, backend, start_collector, free_port, name):
    port = free_port()
    running = start_collector(filled_in(AS_THEY_STAND[name], backend.url, port, free_port()), port)
    expected = send_every_signal(running, [1])
    items.assert_equal(expected, backend.wait_for_items(len(expected)))
    keys = {one.headers.get("authorization") for one in backend.requests}
    assert keys == ({"0123-abcd"} if "authorization" in AS_THEY_STAND[name] else {None})


def test_undefined_processors_get_their_defaults_and_one_warning_each_with_the_line(tmp_path):
    text = filled_in(UNDEFINED_PROCESSORS)
    result = validate(tmp_path, text)
    assert result.returncode == 0, result.stderr
    place = f"collector.yaml:{line_of(text, 'processors: [batch, decouple]')}"
    warnings = [line for line in result.stderr.splitlines() if "batch" in line or "decouple" in line]
    assert warnings and all(place in line for line in warnings), result.stderr
    assert [len([line for line in warnings if name in line]) for name in ("batch", "decouple")] == [1, 1]


def test_both_protocols_are_served_without_a_warning(backend, start_collector, free_port):
    port, grpc = free_port(), free_port()
    running = start_collector(filled_in(WITH_KEY, backend.url, port, grpc), port)
    socket.create_connection(("127.0.0.1", grpc), timeout=5).close()
    assert not [line for line in running.log().splitlines() if "grpc" in line.lower()]


@pytest.mark.parametrize(
    "text, environment, expected",
    [
        ("${env:TENANT}", {"TENANT": "wader"}, "wader"),
        ("${env:TENANT:-sandpiper}", {}, "sandpiper"),
        ("${env:TENANT:-sandpiper}", {"TENANT": "wader"}, "wader"),
        ("${TENANT}", {"TENANT": "wader"}, "wader"),
        ("a ${env:TENANT} b", {"TENANT": "wader"}, "a wader b"),
        ("${env:${env:WHICH}}", {"WHICH": "TENANT", "TENANT": "wader"}, "wader"),
        ("$${env:TENANT}", {"TENANT": "wader"}, "${env:TENANT}"),
        ("cost: $$5", {}, "cost: $5"),
        ("${env:TENANT}", {"TENANT": "0123"}, "0123"),
        ("${env:TENANT}", {"TENANT": "true"}, "true"),
    ],
)
def test_expansions_reach_the_back_end(backend, collector, text, environment, expected):
    running = collector({"headers": {"x-tenant": text}}, environment=environment)
    assert_success(send(running, 1))
    assert backend.requests[0].headers["x-tenant"] == expected


@pytest.mark.parametrize("form", ["path", "file:path", "yaml:", "env:"])
def test_the_root_may_be_given_in_each_form(tmp_path, form):
    good = filled_in(WITH_KEY)
    for text, status in ((good, 0), (good.replace("compression", "compresion"), 1)):
        path = write_configuration(tmp_path, text)
        uri = {"path": str(path), "file:path": f"file:{path}", "yaml:": f"yaml:{text}", "env:": "env:WHOLE"}[form]
        result = command("validate", "--config", uri, WHOLE=text)
        assert (result.returncode != 0) == status, result.stderr
        assert ("compresion" in result.stderr) == status


# What has to be refused

# Each: what to replace in the good file, by what, the part of the bad file whose line is due, what has to be named.
REFUSED = {
    "a quote that is not closed": ('"ENDPOINT"', '"ENDPOINT', 'endpoint: "', []),
    "a tab for indentation": ("    compression: gzip", "\tcompression: gzip", "\tcompression", []),
    "a list that is not closed": ("[otlp]", "[otlp", "[otlp", []),
    "an unknown key of an exporter": (
        "compression: gzip",
        "compresion: gzip",
        "compresion",
        ["exporters", "otlphttp", "compresion"],
    ),
    "an unknown key of a receiver": ("protocols:", "protocol:", "protocol:", ["receivers", "otlp", "protocol"]),
    "an unknown key of a processor": (
        "  batch:\n",
        "  batch:\n    timeot: 1s\n",
        "timeot",
        ["processors", "batch", "timeot"],
    ),
    "an unknown protocol": ("      http:", "      htpp:", "htpp", ["protocols", "htpp"]),
    "an unknown top-level key": ("service:", "servces:", "servces", ["servces"]),
    "an unknown component": ("  batch:\n", "  batch:\n  batsh:\n", "batsh", ["processors", "batsh"]),
    "a number for a text": ("authorization: KEY", "authorization: 5", "authorization: 5", ["headers", "authorization"]),
    "a boolean for a text": (
        "authorization: KEY",
        "authorization: true",
        "authorization: true",
        ["headers", "authorization"],
    ),
    "a map for a text": ("compression: gzip", "compression: {gzip: true}", "compression: {", ["compression"]),
    "an unknown compression": ("compression: gzip", "compression: gzp", "gzp", ["compression", "gzp"]),
    "a duration without a unit": ("  batch:\n", '  batch:\n    timeout: "10"\n', 'timeout: "10"', ["batch", "timeout"]),
    "a text for a number": (
        "  batch:\n",
        "  batch:\n    send_batch_size: many\n",
        "many",
        ["batch", "send_batch_size"],
    ),
    "a negative size": (
        "  batch:\n",
        "  batch:\n    send_batch_size: -1\n",
        "send_batch_size",
        ["batch", "send_batch_size"],
    ),
    "a limit below the size": (
        "  batch:\n",
        "  batch:\n    send_batch_size: 100\n    send_batch_max_size: 10\n",
        "send_batch_max_size",
        ["batch", "send_batch_max_size"],
    ),
    "a queue without room": (
        "  decouple:\n",
        "  decouple:\n    max_queue_size: 0\n",
        "max_queue_size",
        ["decouple", "max_queue_size"],
    ),
    "a key twice": (
        "    compression: gzip",
        "    compression: gzip\n    compression: none",
        "compression: none",
        ["compression"],
    ),
    "an undefined exporter": (
        "exporters: [otlphttp]",
        "exporters: [otlphttp, elsewhere]",
        "elsewhere",
        ["exporters", "elsewhere"],
    ),
    "an undefined receiver": ("receivers: [otlp]", "receivers: [zipkin]", "[zipkin]", ["receivers", "zipkin"]),
    "a processor twice": ("[batch, decouple]", "[batch, batch]", "[batch, batch]", ["processors", "batch"]),
    "a pipeline without exporters": ("exporters: [otlphttp]", "exporters: []", "exporters: []", ["exporters"]),
    "a pipeline of an unknown signal": ("    traces:", "    tracks:", "tracks:", ["pipelines", "tracks"]),
    "no protocol": (RECEIVERS, "receivers:\n  otlp:\n    protocols:\n", "protocols:", ["protocols"]),
    "an endpoint without a scheme": ('"ENDPOINT"', '"in.example:4318"', "in.example:4318", ["otlphttp", "endpoint"]),
    "an endpoint without a port": ("'localhost:HTTP'", "'localhost'", "'localhost'", ["http", "endpoint"]),
    "a port out of range": ("'localhost:HTTP'", "'localhost:99999'", "99999", ["http", "endpoint"]),
    "a component id without its name": ("  otlphttp:", "  otlphttp/:", "otlphttp/:", ["otlphttp/"]),
    "no exporter endpoint": ('    endpoint: "ENDPOINT"\n', "", "otlphttp:", ["otlphttp", "endpoint"]),
    "an unknown expansion": ("authorization: KEY", "authorization: ${ssn:key}", "ssn", ["ssn"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_is_refused_with_file_line_and_key(tmp_path, case):
    old, new, mark, named = REFUSED[case]
    assert old in WITH_KEY
    text = filled_in(WITH_KEY.replace(old, new, 1))
    result = validate(tmp_path, text)
    assert result.returncode != 0
    place = f"collector.yaml:{line_of(text, mark)}"
    said = [line for line in result.stderr.splitlines() if re.search(rf"{re.escape(place)}\b", line)]
    assert said, f"nothing names {place}:\n{result.stderr}"
    assert all(word in "\n".join(said) for word in named), result.stderr


@pytest.mark.parametrize(
    "case", ["an unknown key of an exporter", "a quote that is not closed", "an undefined exporter"]
)
def test_an_ordinary_process_ends_on_a_mistake_with_the_same_words(tmp_path, case):
    old, new, mark, _ = REFUSED[case]
    text = filled_in(WITH_KEY.replace(old, new, 1))
    result = command("--config", write_configuration(tmp_path, text))
    assert result.returncode != 0
    assert f"collector.yaml:{line_of(text, mark)}" in result.stderr


def test_a_defined_but_unused_component_is_checked_too(tmp_path):
    text = filled_in(WITH_KEY.replace("exporters:\n", "exporters:\n  otlphttp/unused:\n    nonsense: 1\n", 1))
    result = validate(tmp_path, text)
    assert result.returncode != 0
    assert f"collector.yaml:{line_of(text, 'nonsense')}" in result.stderr


def test_several_mistakes_are_all_told(tmp_path):
    text = filled_in(WITH_KEY.replace("compression: gzip", "compresion: gzip").replace("protocols:", "protocol:"))
    result = validate(tmp_path, text)
    assert result.returncode != 0
    assert all(f"collector.yaml:{line_of(text, mark)}" in result.stderr for mark in ("compresion", "protocol:"))


NO_METRICS = """\
receivers: {otlp: {protocols: {http: {}}}}
exporters:
  otlphttp:
    traces_endpoint: http://in.example/v1/traces
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlphttp]}
    metrics: {receivers: [otlp], exporters: [otlphttp]}
"""


def test_a_signal_that_has_no_endpoint_is_refused_at_start(tmp_path):
    done = command("validate", "--config", write_configuration(tmp_path, NO_METRICS))
    assert done.returncode != 0
    said = "exporters::otlphttp::metrics_endpoint: a pipeline sends metrics here, so this key or endpoint is required"
    assert f"collector.yaml:3: {said}" in done.stdout + done.stderr, done
    whole = NO_METRICS.replace("traces_endpoint", "metrics_endpoint: http://in.example/v1/metrics\n    traces_endpoint")
    assert command("validate", "--config", write_configuration(tmp_path, whole)).returncode == 0


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "[]", "5", "receivers:\n", "\x00", "a: &a [*a]\n", "&a [*b]", "%YAML 9\n---\n"]
)
def test_what_is_no_configuration_is_refused(tmp_path, text):
    result = validate(tmp_path, text)
    assert result.returncode > 0 and "collector.yaml" in result.stderr


def test_a_missing_file_is_named(tmp_path):
    result = command("validate", "--config", tmp_path / "nowhere.yaml")
    assert result.returncode > 0 and "nowhere.yaml" in result.stderr


@pytest.mark.parametrize("depth", [100, 100000])
def test_a_deep_document_is_refused(tmp_path, depth):
    result = validate(tmp_path, "receivers: " + "[" * depth + "]" * depth)
    assert result.returncode > 0 and "collector.yaml:1" in result.stderr


def test_aliases_that_multiply_are_refused(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    result = validate(tmp_path, "\n".join(lines))
    assert result.returncode > 0


# The command line


def test_a_port_in_use_ends_that_receiver_with_one_error_that_names_port_and_key(backend, start_collector, free_port):
    port, other = free_port(), free_port()
    settings = configuration(port, {"endpoint": backend.url})
    start_collector(settings, port)
    settings["receivers"]["otlp/other"] = {"protocols": {"http": {"endpoint": f"127.0.0.1:{other}"}}}
    settings["service"]["pipelines"]["traces"]["receivers"] = ["otlp", "otlp/other"]
    second = start_collector(settings, other)
    assert len([line for line in second.log().splitlines() if str(port) in line and "endpoint" in line]) == 1
    assert_success(post_message(other, "traces", generate.request("traces", 1)))


def test_version_and_components_are_told():
    version = command("--version")
    assert version.returncode == 0 and re.search(r"\d+\.\d+", version.stdout)
    components = command("components")
    assert components.returncode == 0
    assert all(name in components.stdout for name in ("otlp", "batch", "decouple", "otlphttp"))


@pytest.mark.parametrize("arguments", [("--nonsense",), ("--config",), ("validate",), ("nonsense",)])
def test_a_wrong_command_line_is_refused(arguments):
    result = command(*arguments)
    assert result.returncode > 0 and result.stderr


def test_sigterm_without_any_data_ends_well(collector):
    assert collector(processors=("batch", "decouple")).terminate() == 0

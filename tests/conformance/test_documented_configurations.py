# SPDX-License-Identifier: Apache-2.0
"""The collector.yaml files that guides to the OpenTelemetry collector layer print, and our layer's own: run as they are
written, placeholders filled in, as the extension of a real function in a local Lambda, on the ports that they name,
before an https back end.

The guides' facts: an `otlp` receiver on localhost:4317 and :4318, `batch` and `decouple`, one `otlphttp` exporter with
gzip, with or without a key in `headers`, named by OPENTELEMETRY_COLLECTOR_CONFIG_FILE. One of them forgets a closing
quote. For debugging they add the `logging` exporter, and leave the definitions of the processors out.
"""

import json
import shutil

import pytest

import items
import private_network
from collector import BINARY, ROOT, command
from test_local_lambda import DEMO, PROGRAM

ENDPOINT = f"https://localhost:{private_network.PORT}"
KEY = "0123-4567-key"
RECEIVER = """\
# collector.yaml
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 'localhost:4317'
      http:
        endpoint: 'localhost:4318'

"""
PROCESSORS = """\
processors:
  batch:
  decouple:

"""
PIPELINE = """\
    {signal}:
      receivers: [otlp]
      processors: [batch, decouple]
      exporters: [{exporters}]
"""
SDK = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_PROPAGATORS": "tracecontext", "OTEL_TRACES_SAMPLER": "always_on"}

pytestmark = pytest.mark.skipif(private_network.entering() is None, reason="this machine allows no private network")


def document(key, debug, quote='"'):
    """A guide's file: with a key or not, for production or for debugging."""
    exporters = "exporters:\n" + ("  logging:\n    verbosity: detailed\n" if debug else "")
    exporters += f'  otlphttp:\n    endpoint: "{ENDPOINT}{quote}\n'
    exporters += f"    headers:\n      authorization: {KEY}\n" if key else ""
    exporters += "    compression: gzip\n\n"
    service = "service:\n" + ('  telemetry:\n    logs:\n      level: "debug"\n' if debug else "") + "  pipelines:\n"
    used = "otlphttp, logging" if debug else "otlphttp"
    service += "".join(PIPELINE.format(signal=signal, exporters=used) for signal in items.SIGNALS)
    return RECEIVER + ("" if debug else PROCESSORS) + exporters + service


@pytest.fixture
def run(tmp_path, venv_python, authority):
    """A function (certificate, *options, **environment) that runs the demonstration function in the local Lambda, in a
    private network. Returns what was printed, the report and what arrived."""

    def ran(certificate, *options, opt=None, **environment):
        report = tmp_path / "report.json"
        call = [str(PROGRAM), "--function", str(DEMO), "--runtime", f"{venv_python} -m awslambdaric", "--no-backend"]
        call += ["--seed", "5", "--timeout", "20s", "--freeze", "--json", str(report), *options]
        trust = {"SSL_CERT_FILE": str(authority.root.file)} if certificate else {}
        variables = {"STINT_DEMO_SEED": "23", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1", **SDK, **trust, **environment}
        call += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
        completed, arrived = private_network.run(tmp_path, call, certificate, opt)
        text = completed.stdout + completed.stderr
        assert completed.returncode == 0, text
        assert arrived["violations"] == []
        return text, json.loads(report.read_text()), arrived

    return ran


@pytest.fixture
def direct(run):
    """The items that the function sends by itself."""
    _, _, arrived = run(None, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{private_network.PORT}")
    assert len(arrived["items"]) > 20
    return arrived["items"]


def flushed(report):
    return [json.loads(one["response"])["flushed"] for one in report["invocations"]]


@pytest.mark.parametrize("debug", [False, True], ids=["production", "debugging"])
@pytest.mark.parametrize("key", [False, True], ids=["without a key", "with a key"])
def test_a_guide_s_file_works_as_written(run, direct, leaf, tmp_path, key, debug):
    file = tmp_path / "collector.yaml"
    file.write_text(document(key, debug))
    text, report, arrived = run(leaf, "--extension", BINARY, OPENTELEMETRY_COLLECTOR_CONFIG_FILE=str(file))
    assert flushed(report) == [True] * 3, text
    items.assert_equal(direct, arrived["items"])
    assert {one.get("authorization") for one in arrived["headers"]} == {KEY if key else None}
    assert {one.get("content-encoding") for one in arrived["headers"]} == {"gzip"}
    delivered = len(direct) * (2 if debug else 1)
    assert f"{len(direct)} items accepted, {delivered} delivered, 0 dropped" in text, text
    # The debug exporter's text on the function's log, once per invocation.
    assert text.count("ResourceSpans #0") == (3 if debug else 0), text


def test_a_forgotten_quote_is_refused_at_its_line_and_the_function_runs(run, tmp_path):
    file = tmp_path / "collector.yaml"
    file.write_text(document(key=True, debug=False, quote=""))
    line = file.read_text().splitlines().index(f'    endpoint: "{ENDPOINT}') + 1
    sentence = f"collector.yaml:{line}: the quote opened here is never closed"
    validated = command("validate", "--config", file)
    assert validated.returncode != 0 and sentence in validated.stderr
    text, report, arrived = run(None, "--extension", BINARY, OPENTELEMETRY_COLLECTOR_CONFIG_FILE=str(file))
    assert [one["status"] for one in report["invocations"]] == ["success"] * 3
    assert sentence in text and arrived["items"] == []


def test_the_layer_unpacked_in_opt_runs_with_its_own_file(run, direct, leaf, tmp_path):
    """Nothing names a file: it is /opt/collector-config/config.yaml, as in the layer that ours replaces."""
    opt = tmp_path / "opt"
    for source, target in ((BINARY, "extensions/collector"), (ROOT / "layer" / "config.yaml", "collector-config/config.yaml")):
        (opt / target).parent.mkdir(parents=True)
        shutil.copy(source, opt / target)
    text, report, arrived = run(leaf, "--extension", "/opt/extensions/collector", opt=opt, STINT_BACKEND_ENDPOINT=ENDPOINT)
    assert flushed(report) == [True] * 3, text
    items.assert_equal(direct, arrived["items"])


@pytest.mark.parametrize("variable", ["OPENTELEMETRY_COLLECTOR_CONFIG_URI", "OPENTELEMETRY_COLLECTOR_CONFIG_FILE"])
def test_a_file_named_by_either_variable_replaces_the_layer_s_own(run, direct, leaf, tmp_path, variable):
    file = tmp_path / "collector.yaml"
    file.write_text(document(key=False, debug=False))
    text, report, arrived = run(leaf, "--extension", BINARY, **{variable: str(file)})
    assert flushed(report) == [True] * 3, text
    items.assert_equal(direct, arrived["items"])

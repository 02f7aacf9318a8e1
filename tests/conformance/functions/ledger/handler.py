# SPDX-License-Identifier: Apache-2.0
"""A function that keeps a ledger: every item that the collector has taken (HTTP 200, gRPC OK) is written to a file
before anything else is done, so that a test knows what may not be lost, whatever happens to the process next.

The event: `requests` to send [1], of `bytes` each [a few], `until_refused` to stop at the first that is refused,
a file `mark` to make then, `sleep` seconds before the end. LEDGER names the file, SENDER is http or grpc, PORT where the collector listens.
"""

import http.client
import os
import time

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PORT = int(os.environ["PORT"])
SECONDS = 20
_ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def _logs(name, padding):
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time.time_ns())
    record.body.string_value = name
    record.attributes.add(key="padding").value.string_value = padding
    return request


def _traces(name, padding):
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name=name, trace_id=b"t" * 16, span_id=b"s" * 8)
    span.attributes.add(key="padding").value.string_value = padding
    return request


def _metrics(name, padding):
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    metric.gauge.data_points.add(as_int=1, time_unix_nano=time.time_ns()).attributes.add(
        key="padding").value.string_value = padding
    return request


SIGNALS = (("logs", _logs), ("traces", _traces), ("metrics", _metrics))


class HttpSender:
    def __init__(self):
        self._connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=SECONDS)

    def send(self, signal, body):
        """None when it was taken, else [status, what it says about coming again]."""
        try:
            self._connection.request("POST", f"/v1/{signal}", body, {"Content-Type": "application/x-protobuf"})
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as problem:
            self._connection.close()
            return [type(problem).__name__, None]
        return None if answer.status == 200 else [answer.status, answer.getheader("Retry-After")]


class GrpcSender:
    _SERVICES = {"logs": "logs.v1.Logs", "traces": "trace.v1.Trace", "metrics": "metrics.v1.Metrics"}

    def __init__(self):
        import grpc

        self._error = grpc.RpcError
        channel = grpc.insecure_channel(f"127.0.0.1:{PORT}")
        self._exports = {
            signal: channel.unary_unary(f"/opentelemetry.proto.collector.{name}Service/Export")
            for signal, name in self._SERVICES.items()
        }

    def send(self, signal, body):
        """As of HttpSender."""
        try:
            self._exports[signal](body, timeout=SECONDS, wait_for_ready=True)
            return None
        except self._error as error:
            details = [value for name, value in error.trailing_metadata() or () if name == "grpc-status-details-bin"]
            return [error.code().name, "RetryInfo" if any(b"RetryInfo" in one for one in details) else None]


_sender = GrpcSender() if os.environ["SENDER"] == "grpc" else HttpSender()


def handler(event, context):
    refusals = []
    for number in range(event.get("requests", 1)):
        signal, make = SIGNALS[number % len(SIGNALS)]
        name = f"{context.aws_request_id}/{number}"
        refusal = _sender.send(signal, make(name, "x" * event.get("bytes", 10)).SerializeToString())
        if refusal is None:
            os.write(_ledger, f"{name}\n".encode())
            continue
        refusals.append(refusal)
        if event.get("until_refused"):
            break
    if mark := event.get("mark"):
        open(mark, "w").close()
    time.sleep(event.get("sleep", 0))
    return {"refusals": refusals}

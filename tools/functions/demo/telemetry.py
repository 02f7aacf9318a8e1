# SPDX-License-Identifier: Apache-2.0
"""The OpenTelemetry SDK as a function sets it up: three providers, each with an OTLP/HTTP exporter that reads the usual
OTEL_* variables.

Without OTEL_EXPORTER_OTLP_ENDPOINT that is http://localhost:4318, where a collector layer listens.
"""

import logging
import math
import os

import repeatable  # before the SDK: see there
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SCHEMA_URL = "https://opentelemetry.io/schemas/1.40.0"
_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "demo")
_resource = Resource.create(
    {
        "service.name": os.environ.get("OTEL_SERVICE_NAME", _name),
        "service.instance.id": repeatable.instance_id(),
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": os.environ.get("AWS_REGION", "eu-central-1"),
        "faas.name": _name,
        "faas.version": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        "faas.max_memory": int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")) << 20,
    },
    SCHEMA_URL,
)

ids = repeatable.Ids()
_traces = TracerProvider(resource=_resource, id_generator=ids)
_traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
# No periodic thread, which would send at odd times in a frozen function: the flush at the handler's end collects.
_metrics = MeterProvider(
    resource=_resource,
    metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=math.inf)],
)
_logs = LoggerProvider(resource=_resource)
_logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))

tracer = _traces.get_tracer("demo", "1.0.0", schema_url=SCHEMA_URL)
meter = _metrics.get_meter("demo", "1.0.0", schema_url=SCHEMA_URL)
logger = logging.getLogger("demo")
logger.setLevel(logging.DEBUG)
logger.addHandler(LoggingHandler(logger_provider=_logs))
logger.propagate = False


def flush():
    """Sends everything that the providers hold. Returns whether all of it was taken."""
    return all([_traces.force_flush(), _metrics.force_flush(), _logs.force_flush()])

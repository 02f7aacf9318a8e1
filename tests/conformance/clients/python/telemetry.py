# SPDX-License-Identifier: Apache-2.0
"""What the client sends: one trace, metrics of every kind and log records, in every form that the SDK can give them. The
values are fixed; ids and times are the SDK's own. Everything is made once and may be exported many times.
"""

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

SCHEMA = "https://opentelemetry.io/schemas/1.40.0"
ATTRIBUTES = {
    "text": 'früh 🐦 "quoted"\n\\',
    "text.empty": "",
    "truth": True,
    "falsehood": False,
    "zero": 0,
    "integer": -42,
    "integer.largest": 2**63 - 1,
    "integer.smallest": -(2**63),
    "fraction": 0.1,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "infinite": float("inf"),
    "nan": float("nan"),
    "texts": ("a", "ß", ""),
    "integers": (1, 2, -3),
    "fractions": (1.0, 2.5),
    "truths": (True, False),
    "nothing": (),
}
NESTED = {"deep": {"deeper": [{"deepest": [1, "two", None, True, 4.5]}]}, "bytes": b"\x00\xff\x10", "empty": {}}
RESOURCE = Resource(
    {"service.name": "python-client", "process.command_args": ("python", "client.py"), "faas.max_memory": 134217728}, SCHEMA
)
REMOTE = SpanContext(
    0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, True, TraceFlags(TraceFlags.SAMPLED), TraceState([("tenant", "a")])
)
IN_REMOTE = trace.set_span_in_context(trace.NonRecordingSpan(REMOTE))


def make_spans():
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("orders", "1.0.0", SCHEMA, {"scope.kind": "test"})
    root = tracer.start_span("POST /orders", IN_REMOTE, SpanKind.SERVER, ATTRIBUTES)
    inside = trace.set_span_in_context(root)
    failed = tracer.start_span("charge card", inside, SpanKind.CLIENT, start_time=1760000000123456789)
    failed.record_exception(ValueError("card refused"))
    failed.set_status(Status(StatusCode.ERROR, "card refused"))
    failed.end(1760000001456789123)
    links = [Link(REMOTE, ATTRIBUTES), Link(failed.get_span_context())]
    for kind in (SpanKind.INTERNAL, SpanKind.PRODUCER, SpanKind.CONSUMER):
        one = tracer.start_span(f"kind {kind.name}", inside, kind, links=links)
        one.add_event("packed", ATTRIBUTES)
        one.add_event("sent", timestamp=1760000000999999999)
        one.set_status(Status(StatusCode.OK))
        one.end()
    provider.get_tracer("without version").start_span("").end()
    root.end()
    return kept.get_finished_spans()


def record_all(meter, tracer):
    """Some values are recorded inside a span: these become exemplars."""
    counter = meter.create_counter("orders", "{order}", "Orders by outcome")
    money = meter.create_counter("turnover", "EUR")
    carts = meter.create_up_down_counter("carts")
    stock = meter.create_gauge("stock")
    value = meter.create_histogram("order.value", "EUR", explicit_bucket_boundaries_advisory=[0.0, 1.0, 10.0, 100.5])
    weight = meter.create_histogram("order.weight")
    meter.create_observable_gauge("temperature", [lambda _: [Observation(-3.25, {"place": "cold store"})]])
    meter.create_observable_counter("observed", [lambda _: [Observation(7, ATTRIBUTES)]])
    with tracer.start_as_current_span("measured"):
        for i in range(50):
            counter.add(i, {"outcome": "paid" if i % 3 else "refused"})
            money.add(i * 0.01)
            carts.add(-2 if i % 2 else 1, {"shop": f"shop-{i % 5}"})
            stock.set(100 - i, {"article": f"article-{i % 7}"})
            value.record(i * 2.75, {"currency": "EUR"})
            weight.record(1.5 ** (i - 20) if i % 10 else 0.0)


def make_metrics(temporality):
    reader = InMemoryMetricReader({kind: temporality for kind in (Counter, Histogram, ObservableCounter)})
    view = View(instrument_name="order.weight", aggregation=ExponentialBucketHistogramAggregation(40))
    provider = MeterProvider([reader], RESOURCE, views=[view], shutdown_on_exit=False)
    record_all(provider.get_meter("orders", "1.0.0", SCHEMA), TracerProvider(shutdown_on_exit=False).get_tracer("orders"))
    return reader.get_metrics_data()


def make_records():
    kept = InMemoryLogRecordExporter()
    provider = LoggerProvider(RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    logger = provider.get_logger("orders", "1.0.0", SCHEMA)
    common = {"severity_number": SeverityNumber.INFO, "severity_text": "INFO", "context": IN_REMOTE}
    for body in ("plain text", "", 42, -0.5, True, ["a", 1, [2]], NESTED, b"\x01\x02\xfe"):
        attributes = {**ATTRIBUTES, "nested": NESTED}
        logger.emit(LogRecord(timestamp=1760000000123456789, body=body, attributes=attributes, **common))
    times = {"timestamp": 1760000000123456789, "observed_timestamp": 1760000000123456790}
    logger.emit(LogRecord(event_name="order.paid", body="with its times", **times))
    logger.emit(LogRecord(severity_number=SeverityNumber.FATAL4))
    return kept.get_finished_logs()


def make():
    """Everything once: for each signal a list of what one call of an exporter takes."""
    temporalities = (AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA)
    return {
        "traces": [make_spans()],
        "metrics": [make_metrics(temporality) for temporality in temporalities],
        "logs": [make_records()],
    }

// SPDX-License-Identifier: Apache-2.0
// What the client sends: one trace, metrics of every kind and log records, in every form that the SDK can give them. The
// values are fixed; ids and times are the SDK's own. Everything is made once and may be exported many times.
package stint;

import static io.opentelemetry.api.common.AttributeKey.booleanArrayKey;
import static io.opentelemetry.api.common.AttributeKey.doubleArrayKey;
import static io.opentelemetry.api.common.AttributeKey.longArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.KeyValue;
import io.opentelemetry.api.common.Value;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.data.LogRecordData;
import io.opentelemetry.sdk.logs.export.SimpleLogRecordProcessor;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.View;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.testing.exporter.InMemoryLogRecordExporter;
import io.opentelemetry.sdk.testing.exporter.InMemoryMetricReader;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;

record Telemetry(Collection<SpanData> spans, List<Collection<MetricData>> metrics, Collection<LogRecordData> records) {
    private static final String SCHEMA = "https://opentelemetry.io/schemas/1.40.0";
    private static final long INSTANT_NANOS = 1760000000123456789L;
    private static final Attributes ATTRIBUTES = Attributes.builder()
            .put("text", "früh 🐦 \"quoted\"\n\\")
            .put("text.empty", "")
            .put("truth", true)
            .put("falsehood", false)
            .put("zero", 0)
            .put("integer", -42)
            .put("integer.largest", Long.MAX_VALUE)
            .put("integer.smallest", Long.MIN_VALUE)
            .put("fraction", 0.1)
            .put("tiny", Double.MIN_VALUE)
            .put("huge", Double.MAX_VALUE)
            .put("infinite", Double.POSITIVE_INFINITY)
            .put("nan", Double.NaN)
            .put(stringArrayKey("texts"), List.of("a", "ß", ""))
            .put(longArrayKey("integers"), List.of(1L, 2L, -3L))
            .put(doubleArrayKey("fractions"), List.of(1.0, 2.5))
            .put(booleanArrayKey("truths"), List.of(true, false))
            .put(stringArrayKey("nothing"), List.of())
            .build();
    private static final Value<?> NESTED = Value.of(
            KeyValue.of("deep", Value.of(KeyValue.of("deeper", Value.of(Value.of(1), Value.of("two"), Value.of(true), Value.of(4.5))))),
            KeyValue.of("bytes", Value.of(new byte[] {0, -1, 16})),
            KeyValue.of("empty", Value.of(new KeyValue[0])));
    private static final Resource RESOURCE = Resource.create(
            Attributes.builder().put("service.name", "java-client").put("process.command_args", "java", "Client").put("faas.max_memory", 134217728).build(),
            SCHEMA);
    private static final SpanContext REMOTE = SpanContext.createFromRemoteParent(
            "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", TraceFlags.getSampled(), TraceState.builder().put("tenant", "a").build());
    private static final Context IN_REMOTE = Context.root().with(Span.wrap(REMOTE));

    static Telemetry make() {
        return new Telemetry(makeSpans(), List.of(makeMetrics(InMemoryMetricReader.create()), makeMetrics(InMemoryMetricReader.createDelta())), makeRecords());
    }

    private static Collection<SpanData> makeSpans() {
        InMemorySpanExporter kept = InMemorySpanExporter.create();
        SdkTracerProvider provider = SdkTracerProvider.builder().setResource(RESOURCE).addSpanProcessor(SimpleSpanProcessor.create(kept)).build();
        Tracer tracer = provider.tracerBuilder("orders").setInstrumentationVersion("1.0.0").setSchemaUrl(SCHEMA).build();
        Span root = tracer.spanBuilder("POST /orders").setParent(IN_REMOTE).setSpanKind(SpanKind.SERVER).setAllAttributes(ATTRIBUTES).startSpan();
        Context inside = IN_REMOTE.with(root);
        Span failed = tracer.spanBuilder("charge card").setParent(inside).setSpanKind(SpanKind.CLIENT)
                .setStartTimestamp(INSTANT_NANOS, TimeUnit.NANOSECONDS).startSpan();
        failed.recordException(new IllegalStateException("card refused"));
        failed.setStatus(StatusCode.ERROR, "card refused");
        failed.end(INSTANT_NANOS + 1, TimeUnit.NANOSECONDS);
        for (SpanKind kind : List.of(SpanKind.INTERNAL, SpanKind.PRODUCER, SpanKind.CONSUMER)) {
            SpanBuilder builder = tracer.spanBuilder("kind " + kind).setParent(inside).setSpanKind(kind);
            Span one = builder.addLink(REMOTE, ATTRIBUTES).addLink(failed.getSpanContext()).startSpan();
            one.addEvent("packed", ATTRIBUTES);
            one.addEvent("sent", INSTANT_NANOS, TimeUnit.NANOSECONDS);
            one.setStatus(StatusCode.OK);
            one.end();
        }
        provider.get("without version").spanBuilder("another").setNoParent().startSpan().end();
        root.end();
        return kept.getFinishedSpanItems();
    }

    private static Collection<MetricData> makeMetrics(InMemoryMetricReader reader) {
        View exponential = View.builder().setAggregation(Aggregation.base2ExponentialBucketHistogram(40, 20)).build();
        SdkMeterProvider provider = SdkMeterProvider.builder().setResource(RESOURCE).registerMetricReader(reader)
                .registerView(InstrumentSelector.builder().setName("order.weight").build(), exponential).build();
        try (Scope scope = IN_REMOTE.makeCurrent()) { // what is recorded inside a span becomes an exemplar
            recordAll(provider.meterBuilder("orders").setInstrumentationVersion("1.0.0").setSchemaUrl(SCHEMA).build());
        }
        return reader.collectAllMetrics();
    }

    private static void recordAll(Meter meter) {
        var counter = meter.counterBuilder("orders").setUnit("{order}").setDescription("Orders by outcome").build();
        var money = meter.counterBuilder("turnover").ofDoubles().setUnit("EUR").build();
        var carts = meter.upDownCounterBuilder("carts").build();
        var stock = meter.gaugeBuilder("stock").ofLongs().build();
        var value = meter.histogramBuilder("order.value").setExplicitBucketBoundariesAdvice(List.of(0.0, 1.0, 10.0, 100.5)).build();
        var weight = meter.histogramBuilder("order.weight").build();
        meter.gaugeBuilder("temperature").buildWithCallback(to -> to.record(-3.25, text("place", "cold store")));
        meter.counterBuilder("observed").buildWithCallback(to -> to.record(7, ATTRIBUTES));
        for (int i = 0; i < 50; i++) {
            counter.add(i, text("outcome", i % 3 == 0 ? "refused" : "paid"));
            money.add(i * 0.01);
            carts.add(i % 2 == 0 ? 1 : -2, text("shop", "shop-" + i % 5));
            stock.set(100 - i, text("article", "article-" + i % 7));
            value.record(i * 2.75, text("currency", "EUR"));
            weight.record(i % 10 == 0 ? 0 : Math.pow(1.5, i - 20));
        }
    }

    private static Attributes text(String key, String value) {
        return Attributes.of(AttributeKey.stringKey(key), value);
    }

    private static Collection<LogRecordData> makeRecords() {
        InMemoryLogRecordExporter kept = InMemoryLogRecordExporter.create();
        SdkLoggerProvider provider = SdkLoggerProvider.builder().setResource(RESOURCE).addLogRecordProcessor(SimpleLogRecordProcessor.create(kept)).build();
        var logger = provider.loggerBuilder("orders").setInstrumentationVersion("1.0.0").setSchemaUrl(SCHEMA).build();
        List<Value<?>> bodies = List.of(Value.of("plain text"), Value.of(""), Value.of(42), Value.of(-0.5), Value.of(true),
                Value.of(Value.of("a"), Value.of(Value.of(2))), NESTED, Value.of(new byte[] {1, 2, -2}));
        for (Value<?> body : bodies) {
            logger.logRecordBuilder().setTimestamp(INSTANT_NANOS, TimeUnit.NANOSECONDS).setContext(IN_REMOTE).setSeverity(Severity.INFO)
                    .setSeverityText("INFO").setBody(body).setAllAttributes(ATTRIBUTES).emit();
        }
        logger.logRecordBuilder().setEventName("order.paid").setObservedTimestamp(INSTANT_NANOS, TimeUnit.NANOSECONDS).emit();
        return kept.getFinishedLogRecordItems();
    }
}

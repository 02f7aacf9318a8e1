// SPDX-License-Identifier: Apache-2.0
// What the client sends: one trace, metrics of every kind and log records, in every form that the SDK can give them. The
// values are fixed; ids and times are the SDK's own. Everything is made once and may be exported many times.
package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

const schema = "https://opentelemetry.io/schemas/1.40.0"

type telemetry struct {
	spans   []sdktrace.ReadOnlySpan
	metrics []*metricdata.ResourceMetrics
	records []sdklog.Record
}

var attributes = []attribute.KeyValue{
	attribute.String("text", "früh 🐦 \"quoted\"\n\\"),
	attribute.String("text.empty", ""),
	attribute.Bool("truth", true),
	attribute.Bool("falsehood", false),
	attribute.Int64("zero", 0),
	attribute.Int64("integer", -42),
	attribute.Int64("integer.largest", math.MaxInt64),
	attribute.Int64("integer.smallest", math.MinInt64),
	attribute.Float64("fraction", 0.1),
	attribute.Float64("tiny", math.SmallestNonzeroFloat64),
	attribute.Float64("huge", math.MaxFloat64),
	attribute.Float64("infinite", math.Inf(1)),
	attribute.Float64("nan", math.NaN()),
	attribute.StringSlice("texts", []string{"a", "ß", ""}),
	attribute.Int64Slice("integers", []int64{1, 2, -3}),
	attribute.Float64Slice("fractions", []float64{1, 2.5}),
	attribute.BoolSlice("truths", []bool{true, false}),
	attribute.StringSlice("nothing", nil),
}

var subject = resource.NewWithAttributes(schema,
	attribute.String("service.name", "go-client"),
	attribute.StringSlice("process.command_args", []string{"client"}),
	attribute.Int64("faas.max_memory", 134217728))

func remote() trace.SpanContext {
	state, _ := trace.ParseTraceState("tenant=a")
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID:    trace.TraceID{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c},
		SpanID:     trace.SpanID{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31},
		TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true,
	})
}

func makeSpans(ctx context.Context) []sdktrace.ReadOnlySpan {
	kept := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(subject), sdktrace.WithSpanProcessor(kept))
	tracer := provider.Tracer("orders", trace.WithInstrumentationVersion("1.0.0"), trace.WithSchemaURL(schema),
		trace.WithInstrumentationAttributes(attribute.String("scope.kind", "test")))
	inside, root := tracer.Start(trace.ContextWithSpanContext(ctx, remote()), "POST /orders",
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
	_, failed := tracer.Start(inside, "charge card", trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(time.Unix(1760000000, 123456789)))
	failed.RecordError(errors.New("card refused"), trace.WithStackTrace(true))
	failed.SetStatus(codes.Error, "card refused")
	failed.End(trace.WithTimestamp(time.Unix(1760000001, 456789123)))
	links := trace.WithLinks(trace.Link{SpanContext: remote(), Attributes: attributes}, trace.Link{SpanContext: failed.SpanContext()})
	for _, kind := range []trace.SpanKind{trace.SpanKindInternal, trace.SpanKindProducer, trace.SpanKindConsumer} {
		_, one := tracer.Start(inside, "kind "+kind.String(), trace.WithSpanKind(kind), links)
		one.AddEvent("packed", trace.WithAttributes(attributes...))
		one.AddEvent("sent", trace.WithTimestamp(time.Unix(1760000000, 999999999)))
		one.SetStatus(codes.Ok, "")
		one.End()
	}
	_, other := provider.Tracer("without version").Start(ctx, "")
	other.End()
	root.End()
	return kept.Ended()
}

// Some values are recorded inside a span: these become exemplars.
func recordAll(ctx context.Context, meter metric.Meter) error {
	counter, err1 := meter.Int64Counter("orders", metric.WithUnit("{order}"), metric.WithDescription("Orders by outcome"))
	money, err2 := meter.Float64Counter("turnover", metric.WithUnit("EUR"))
	carts, err3 := meter.Int64UpDownCounter("carts")
	stock, err4 := meter.Int64Gauge("stock")
	value, err5 := meter.Float64Histogram("order.value", metric.WithExplicitBucketBoundaries(0, 1, 10, 100.5))
	weight, err6 := meter.Float64Histogram("order.weight")
	_, err7 := meter.Float64ObservableGauge("temperature", metric.WithFloat64Callback(func(_ context.Context, to metric.Float64Observer) error {
		to.Observe(-3.25, metric.WithAttributes(attribute.String("place", "cold store")))
		return nil
	}))
	_, err8 := meter.Int64ObservableCounter("observed", metric.WithInt64Callback(func(_ context.Context, to metric.Int64Observer) error {
		to.Observe(7, metric.WithAttributes(attributes...))
		return nil
	}))
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
		return err
	}
	for i := range 50 {
		outcome := []string{"refused", "paid", "paid"}[i%3]
		counter.Add(ctx, int64(i), metric.WithAttributes(attribute.String("outcome", outcome)))
		money.Add(ctx, float64(i)*0.01)
		carts.Add(ctx, int64(1-i%2*3), metric.WithAttributes(attribute.String("shop", fmt.Sprint("shop-", i%5))))
		stock.Record(ctx, int64(100-i), metric.WithAttributes(attribute.String("article", fmt.Sprint("article-", i%7))))
		value.Record(ctx, float64(i)*2.75, metric.WithAttributes(attribute.String("currency", "EUR")))
		weight.Record(ctx, math.Pow(1.5, float64(i-20))*float64(min(i%10, 1)))
	}
	return nil
}

func makeMetrics(ctx context.Context, temporality metricdata.Temporality) (*metricdata.ResourceMetrics, error) {
	selector := func(sdkmetric.InstrumentKind) metricdata.Temporality { return temporality }
	reader := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(selector))
	exponential := sdkmetric.NewView(sdkmetric.Instrument{Name: "order.weight"},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 40, MaxScale: 20}})
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithResource(subject), sdkmetric.WithReader(reader), sdkmetric.WithView(exponential))
	meter := provider.Meter("orders", metric.WithInstrumentationVersion("1.0.0"), metric.WithSchemaURL(schema))
	if err := recordAll(trace.ContextWithSpanContext(ctx, remote()), meter); err != nil {
		return nil, err
	}
	result := &metricdata.ResourceMetrics{}
	return result, reader.Collect(ctx, result)
}

// Keeps what a logger emits.
type kept struct{ records []sdklog.Record }

func (to *kept) OnEmit(_ context.Context, record *sdklog.Record) error {
	to.records = append(to.records, record.Clone())
	return nil
}
func (to *kept) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (to *kept) Shutdown(context.Context) error                         { return nil }
func (to *kept) ForceFlush(context.Context) error                       { return nil }

func makeRecords(ctx context.Context) []sdklog.Record {
	to := &kept{}
	provider := sdklog.NewLoggerProvider(sdklog.WithResource(subject), sdklog.WithProcessor(to))
	logger := provider.Logger("orders", otellog.WithInstrumentationVersion("1.0.0"), otellog.WithSchemaURL(schema))
	nested := otellog.MapValue(
		otellog.Map("deep", otellog.Slice("deeper", otellog.MapValue(otellog.Slice("deepest", otellog.IntValue(1), otellog.StringValue("two"), otellog.Value{})))),
		otellog.Bytes("bytes", []byte{0, 255, 16}), otellog.Map("empty"))
	bodies := []otellog.Value{
		otellog.StringValue("plain text"), otellog.StringValue(""), otellog.Int64Value(math.MinInt64), otellog.Float64Value(-0.5),
		otellog.BoolValue(true), otellog.SliceValue(otellog.StringValue("a"), otellog.SliceValue(otellog.IntValue(2))), nested,
		otellog.BytesValue([]byte{1, 2, 254}),
	}
	for _, body := range bodies {
		var record otellog.Record
		record.SetTimestamp(time.Unix(1760000000, 123456789))
		record.SetSeverity(otellog.SeverityInfo)
		record.SetSeverityText("INFO")
		record.SetBody(body)
		for _, one := range attributes {
			record.AddAttributes(otellog.KeyValueFromAttribute(one))
		}
		record.AddAttributes(otellog.KeyValue{Key: "nested", Value: nested})
		logger.Emit(trace.ContextWithSpanContext(ctx, remote()), record)
	}
	var record otellog.Record
	record.SetEventName("order.paid")
	record.SetObservedTimestamp(time.Unix(1760000000, 123456790))
	logger.Emit(ctx, record)
	return to.records
}

func makeTelemetry(ctx context.Context) (*telemetry, error) {
	cumulative, err := makeMetrics(ctx, metricdata.CumulativeTemporality)
	if err != nil {
		return nil, err
	}
	delta, err := makeMetrics(ctx, metricdata.DeltaTemporality)
	return &telemetry{makeSpans(ctx), []*metricdata.ResourceMetrics{cumulative, delta}, makeRecords(ctx)}, err
}

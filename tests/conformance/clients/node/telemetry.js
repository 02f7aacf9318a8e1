// SPDX-License-Identifier: Apache-2.0
// What the client sends: one trace, metrics of every kind and log records, in every form that the SDK can give them. The
// values are fixed; ids and times are the SDK's own. Everything is made once and may be exported many times.
'use strict';

const { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, ValueType } = require('@opentelemetry/api');
const { SeverityNumber } = require('@opentelemetry/api-logs');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } = require('@opentelemetry/sdk-logs');
const { AggregationTemporality, AggregationType, MeterProvider, MetricReader } = require('@opentelemetry/sdk-metrics');
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base');

const SCHEMA = 'https://opentelemetry.io/schemas/1.40.0';
const ATTRIBUTES = {
  text: 'früh 🐦 "quoted"\n\\',
  'text.empty': '',
  'text.long': 'wader '.repeat(60),
  truth: true,
  falsehood: false,
  zero: 0,
  integer: -42,
  'integer.safe': Number.MAX_SAFE_INTEGER,
  'integer.beyond': 2 ** 60,
  fraction: 0.1,
  tiny: 5e-324,
  precise: 1234567.8901234567,
  texts: ['a', 'ß', ''],
  numbers: [1, 2.5, -3],
  truths: [true, false],
  nothing: [],
};

const resource = () =>
  resourceFromAttributes({
    'service.name': 'node-client',
    'service.version': '1.2.3',
    'process.command_args': ['node', 'client.js'],
    'faas.max_memory': 134217728,
  }, { schemaUrl: SCHEMA });

function child(tracer, parent, name, options) {
  return tracer.startSpan(name, options, trace.setSpan(ROOT_CONTEXT, parent));
}

function makeSpans() {
  const kept = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ resource: resource(), spanProcessors: [new SimpleSpanProcessor(kept)] });
  const tracer = provider.getTracer('orders', '1.0.0', { schemaUrl: SCHEMA });
  const remote = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: TraceFlags.SAMPLED, isRemote: true };
  const root = tracer.startSpan('POST /orders', { kind: SpanKind.SERVER, attributes: ATTRIBUTES }, trace.setSpanContext(ROOT_CONTEXT, remote));
  const failed = child(tracer, root, 'charge card', { kind: SpanKind.CLIENT, startTime: new Date(1760000000123) });
  failed.recordException(new Error('card refused'));
  failed.setStatus({ code: SpanStatusCode.ERROR, message: 'card refused' });
  failed.end(new Date(1760000001456));
  for (const kind of [SpanKind.INTERNAL, SpanKind.PRODUCER, SpanKind.CONSUMER]) {
    const one = child(tracer, root, `kind ${kind}`, { kind, links: [{ context: remote, attributes: ATTRIBUTES }, { context: failed.spanContext() }] });
    one.addEvent('packed', ATTRIBUTES);
    one.addEvent('sent', [1760000000, 999999999]);
    one.setStatus({ code: SpanStatusCode.OK });
    one.end();
  }
  const other = provider.getTracer('without version').startSpan('');
  other.end();
  root.end();
  return kept.getFinishedSpans();
}

class OnDemandReader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}

async function makeMetrics(temporality) {
  const reader = new OnDemandReader({ aggregationTemporalitySelector: () => temporality });
  const exponential = { instrumentName: 'order.weight', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 40, recordMinMax: true } } };
  const provider = new MeterProvider({ resource: resource(), readers: [reader], views: [exponential] });
  const meter = provider.getMeter('orders', '1.0.0', { schemaUrl: SCHEMA });
  const counter = meter.createCounter('orders', { unit: '{order}', description: 'Orders by outcome', valueType: ValueType.INT });
  const money = meter.createCounter('turnover', { unit: 'EUR' });
  const carts = meter.createUpDownCounter('carts', { valueType: ValueType.INT });
  const stock = meter.createGauge('stock', { valueType: ValueType.INT });
  const value = meter.createHistogram('order.value', { unit: 'EUR', advice: { explicitBucketBoundaries: [0, 1, 10, 100.5] } });
  const weight = meter.createHistogram('order.weight');
  meter.createObservableGauge('temperature').addCallback((result) => result.observe(-3.25, { place: 'cold store' }));
  meter.createObservableCounter('observed', { valueType: ValueType.INT }).addCallback((result) => result.observe(7, ATTRIBUTES));
  for (let i = 0; i < 50; i++) {
    counter.add(i, { outcome: i % 3 ? 'paid' : 'refused' });
    money.add(i * 0.01);
    carts.add(i % 2 ? -2 : 1, { shop: `shop-${i % 5}` });
    stock.record(100 - i, { article: `article-${i % 7}` });
    value.record(i * 2.75, { currency: 'EUR' });
    weight.record(i % 10 ? 1.5 ** (i - 20) : 0);
  }
  const { resourceMetrics, errors } = await reader.collect();
  if (errors.length) throw errors[0];
  return resourceMetrics;
}

function makeRecords() {
  const kept = new InMemoryLogRecordExporter();
  const provider = new LoggerProvider({ resource: resource(), processors: [new SimpleLogRecordProcessor({ exporter: kept })] });
  const logger = provider.getLogger('orders', '1.0.0', { schemaUrl: SCHEMA });
  const spanned = trace.setSpanContext(context.active(), { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: TraceFlags.SAMPLED });
  const nested = { deep: { deeper: [{ deepest: [1, 'two', null, true, 4.5] }] }, bytes: new Uint8Array([0, 255, 16]), empty: {} };
  for (const body of ['plain text', '', 42, -0.5, true, ['a', 1, [2]], nested, new Uint8Array([1, 2, 254])]) {
    logger.emit({ severityNumber: SeverityNumber.INFO, severityText: 'INFO', body, attributes: { ...ATTRIBUTES, nested }, context: spanned });
  }
  logger.emit({ eventName: 'order.paid', timestamp: new Date(1760000000123), observedTimestamp: new Date(1760000000124), body: 'with its times' });
  logger.emit({ severityNumber: SeverityNumber.FATAL4 });
  return kept.getFinishedLogRecords();
}

// Everything once: {traces, metrics, logs}, each a list of what one call of an exporter takes.
async function make() {
  return {
    traces: [makeSpans()],
    metrics: [await makeMetrics(AggregationTemporality.CUMULATIVE), await makeMetrics(AggregationTemporality.DELTA)],
    logs: [makeRecords()],
  };
}

module.exports = { make };

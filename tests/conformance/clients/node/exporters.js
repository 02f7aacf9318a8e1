// SPDX-License-Identifier: Apache-2.0
// The SDK's exporters by transport, and the sending of everything to one place.
'use strict';

const PACKAGES = { 'http/protobuf': 'proto', 'http/json': 'http', grpc: 'grpc' };
const CLASSES = { traces: ['trace', 'OTLPTraceExporter'], metrics: ['metrics', 'OTLPMetricExporter'], logs: ['logs', 'OTLPLogExporter'] };

function makeExporter(signal, transport, compression, url) {
  const [name, type] = CLASSES[signal];
  const exporters = require(`@opentelemetry/exporter-${name}-otlp-${PACKAGES[transport]}`);
  return new exporters[type]({
    url: transport === 'grpc' ? url : `${url}/v1/${signal}`,
    compression,
    timeoutMillis: 20000,
  });
}

// Fails: when one of them was not accepted.
async function send(telemetry, transport, compression, url) {
  for (const [signal, requests] of Object.entries(telemetry)) {
    const exporter = makeExporter(signal, transport, compression, url);
    for (const request of requests) {
      const result = await new Promise((resolve) => exporter.export(request, resolve));
      if (result.code !== 0) throw result.error ?? new Error(`${signal} were not accepted`);
    }
    await exporter.shutdown();
  }
}

module.exports = { send };

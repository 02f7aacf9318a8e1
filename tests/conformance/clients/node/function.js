// SPDX-License-Identifier: Apache-2.0
// A Lambda function in Node that sends what the client sends, once per invocation, before it answers. It speaks the
// Runtime API itself: the official interface client compiles native code when it is installed, which the tests would
// have to do on every machine. OTEL_EXPORTER_OTLP_PROTOCOL and _ENDPOINT say how and where to.
'use strict';

const { send } = require('./exporters');
const { make } = require('./telemetry');

const RUNTIME = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
const { OTEL_EXPORTER_OTLP_PROTOCOL: transport, OTEL_EXPORTER_OTLP_COMPRESSION: compression } = process.env;
const urls = process.env.OTEL_EXPORTER_OTLP_ENDPOINT.split(' ');

async function invoke() {
  const telemetry = await make();
  for (const url of urls) await send(telemetry, transport, compression, url);
  return { flushed: true };
}

async function serveOne() {
  const event = await fetch(`${RUNTIME}/invocation/next`);
  await event.text();
  const invocation = `${RUNTIME}/invocation/${event.headers.get('lambda-runtime-aws-request-id')}`;
  try {
    await fetch(`${invocation}/response`, { method: 'POST', body: JSON.stringify(await invoke()) });
  } catch (error) {
    const body = JSON.stringify({ errorType: error.name, errorMessage: error.message, stackTrace: [] });
    await fetch(`${invocation}/error`, { method: 'POST', body });
  }
}

(async () => {
  for (;;) await serveOne();
})();

// SPDX-License-Identifier: Apache-2.0
// Sends the same telemetry to each URL in turn: node client.js http/protobuf|http/json|grpc gzip|none URL...
// Ends with status 0 when everything was accepted everywhere.
'use strict';

const { send } = require('./exporters');
const { make } = require('./telemetry');

async function main([transport, compression, ...urls]) {
  const telemetry = await make();
  for (const url of urls) await send(telemetry, transport, compression, url);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

# SPDX-License-Identifier: Apache-2.0
"""A Lambda function that sends what the client sends, once per invocation, before it answers; for the official interface
client as `function.handler`. OTEL_EXPORTER_OTLP_PROTOCOL, _COMPRESSION and _ENDPOINT say how and where to.

Exporters live from one invocation to the next, as an SDK's do: what they are connected to was frozen in between.
"""

import os

import client
import telemetry

TRANSPORT, COMPRESSION = os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"], os.environ["OTEL_EXPORTER_OTLP_COMPRESSION"]
EXPORTERS = [
    (signal, client.make_exporter(signal, TRANSPORT, COMPRESSION, url))
    for url in os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"].split()
    for signal in client.CLASSES
]


def handler(event, context):
    made = telemetry.make()
    for signal, exporter in EXPORTERS:
        client.send(exporter, signal, made[signal])
    return {"flushed": True}

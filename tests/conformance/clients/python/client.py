# SPDX-License-Identifier: Apache-2.0
"""Sends the same telemetry to each URL in turn: python client.py http/protobuf|grpc gzip|none URL...

Ends with status 0 when everything was accepted everywhere. OTEL_EXPORTER_OTLP_CERTIFICATE names an authority to trust.
"""

import importlib
import sys

import telemetry

CLASSES = {
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
    "logs": ("_log_exporter", "OTLPLogExporter"),
}
SECONDS = 20


def make_exporter(signal, transport, compression, url):
    module, name = CLASSES[signal]
    exporters = importlib.import_module(f"opentelemetry.exporter.otlp.proto.{transport.split('/')[0]}.{module}")
    if transport == "grpc":
        import grpc

        kind = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression
        return getattr(exporters, name)(url, insecure=url.startswith("http:"), compression=kind, timeout=SECONDS)
    from opentelemetry.exporter.otlp.proto.http import Compression

    return getattr(exporters, name)(f"{url}/v1/{signal}", compression=Compression(compression), timeout=SECONDS)


def send(exporter, signal, requests):
    """Fails: RuntimeError when one of them was not accepted."""
    for request in requests:
        if exporter.export(request).name != "SUCCESS":
            raise RuntimeError(f"{signal} were not accepted")


def main(transport, compression, *urls):
    made = telemetry.make()
    for url in urls:
        for signal, requests in made.items():
            exporter = make_exporter(signal, transport, compression, url)
            send(exporter, signal, requests)
            exporter.shutdown()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except RuntimeError as problem:
        sys.exit(str(problem))

# SPDX-License-Identifier: Apache-2.0
"""A back end for OTLP/gRPC on the official services and grpcio: what it was sent is kept as canonical items, and a
request that breaks the protocol as a violation. Everything shared is read and written under one lock.
"""

import concurrent.futures
import threading

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

import items

_SERVICES = {
    "traces": (trace_service_pb2_grpc.TraceServiceServicer, trace_service_pb2_grpc.add_TraceServiceServicer_to_server),
    "metrics": (metrics_service_pb2_grpc.MetricsServiceServicer, metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server),
    "logs": (logs_service_pb2_grpc.LogsServiceServicer, logs_service_pb2_grpc.add_LogsServiceServicer_to_server),
}


class GrpcBackend:
    """Usage: `with GrpcBackend() as backend:`; `backend.url` is the endpoint, without TLS."""

    def __init__(self):
        self._lock = threading.Lock()
        self._items = []
        self._violations = []
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        for signal, (service, add) in _SERVICES.items():
            add(type(signal, (service,), {"Export": self._export_of(signal)})(), self._server)
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(None).wait()

    def _export_of(self, signal):
        def export(_, request, context):
            wrong = items.wrong_ids(request) + (["unknown fields"] if items.has_unknown_fields(request) else [])
            with self._lock:
                self._items += items.items(signal, request)
                self._violations += wrong
            return items.RESPONSES[signal]()

        return export

    def items(self):
        with self._lock:
            return list(self._items)

    @property
    def violations(self):
        with self._lock:
            return list(self._violations)

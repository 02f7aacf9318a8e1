# SPDX-License-Identifier: Apache-2.0
"""A back end for OTLP/gRPC on the official services and grpcio: what it was sent is kept as canonical items, and a
request that breaks the protocol as a violation. Everything shared is read and written under one lock. What this server
hides, and answers of every temper, are grpc_wire's.
"""

import concurrent.futures
import threading
import time

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
    """Usage: `with GrpcBackend() as backend:`; `backend.address` is host:port, `backend.url` the same with its scheme.
    `tls` is the certificates.Certificate to show, `client_root` the authority that clients' certificates have to be of.
    `unix` is a socket file instead of a port; `options` are grpcio's.
    """

    def __init__(self, tls=None, client_root=None, unix=None, port=0, options=()):
        self._lock = threading.Lock()
        self._items = []
        self._violations = []
        self._metadata = []
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=options)
        for signal, (service, add) in _SERVICES.items():
            add(type(signal, (service,), {"Export": self._export_of(signal)})(), self._server)
        self.address = f"unix://{unix}" if unix else f"127.0.0.1:{self._bind(f'127.0.0.1:{port}', tls, client_root)}"
        if unix:
            self._bind(f"unix:{unix}", tls, client_root)
        self.url = f"{'https' if tls else 'http'}://{self.address}"

    def _bind(self, address, tls, client_root):
        if tls is None:
            return self._server.add_insecure_port(address)
        pair = (tls.key_file.read_bytes(), tls.chain().encode())
        root = client_root.file.read_bytes() if client_root else None
        return self._server.add_secure_port(address, grpc.ssl_server_credentials([pair], root, client_root is not None))

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, grace=None):
        self._server.stop(grace).wait()

    def _export_of(self, signal):
        def export(_, request, context):
            wrong = items.wrong_ids(request) + (["unknown fields"] if items.has_unknown_fields(request) else [])
            with self._lock:
                self._items += items.items(signal, request)
                self._violations += wrong
                self._metadata.append(dict(context.invocation_metadata()))
            return items.RESPONSES[signal]()

        return export

    def items(self):
        with self._lock:
            return list(self._items)

    def wait_for_items(self, count, seconds=20):
        """The items once there are at least `count`, or what there is after that time."""
        end = time.monotonic() + seconds
        while len(self.items()) < count and time.monotonic() < end:
            time.sleep(0.01)
        return self.items()

    @property
    def violations(self):
        with self._lock:
            return list(self._violations)

    @property
    def metadata(self):
        """Of each call."""
        with self._lock:
            return list(self._metadata)

# SPDX-License-Identifier: Apache-2.0
"""A strict OTLP/gRPC back end on the h2 package: it sees every header and frame that the official server hides, and
answers as a test tells it to, the wrong way too.

It keeps each call as it came and writes down every breach of HTTP/2 or gRPC in `violations`. A connection's thread owns
its HTTP/2 state, too; what is answered later comes to it as a due time.
"""

import base64
import collections
import dataclasses
import os
import re
import select
import socket
import ssl
import struct
import threading
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from hyperframe.frame import GoAwayFrame

import compressions
import items
from scripted_server import ScriptedServer

PATHS = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": "traces",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": "metrics",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": "logs",
}
# Under gRPC's name snappy stands for frames.
_ENCODINGS = {"gzip": "gzip", "zstd": "zstd", "snappy": "x-snappy-framed"}
_TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNITS = {"H": 3600, "M": 60, "S": 1, "m": 1e-3, "u": 1e-6, "n": 1e-9}


@dataclasses.dataclass
class GrpcAnswer:
    """What to do with one call, after it has come whole and is stored."""

    code: int = 0
    message: str = ""  # of the status; of a success the text of the partial success
    retry_seconds: float | None = None  # a RetryInfo in the status' details
    rejected: int = 0  # partial success: this many items refused
    with_message: bool = False  # an error with head, empty message and trailers, instead of trailers alone
    http_status: int | None = None  # this alone, as a proxy answers that knows nothing of gRPC
    headers: tuple = ()  # further ones of the head
    body: bytes | None = None  # this message instead of the right one
    raw_body: bytes | None = None  # these bytes of DATA instead of a framed message
    encoding: str | None = None  # of the answer's message
    without_trailers: bool = False  # the stream ends with the message
    extra_trailers: tuple = ()
    delay_seconds: float = 0.0
    hold: threading.Event | None = None  # the answer waits for this event
    reset: int | None = None  # no answer: RST_STREAM with this code
    close: bool = False  # no answer: the connection is closed
    abort: bool = False  # no answer: the connection is reset
    raw: bytes | None = None  # no answer: these bytes, and the connection is closed
    goaway: bool = False  # GOAWAY behind the answer; what was opened later is not looked at
    goaway_first: bool = False  # GOAWAY before the answer
    close_after: bool = False  # the connection is closed behind the answer, without a word
    counts: bool | None = None  # whether the sender may take the data as accepted; None: by the code


@dataclasses.dataclass
class Call:
    connection: int  # number of the connection, from 1
    stream: int
    headers: dict  # names as they came; values of repeated names joined by ", "
    body: bytes = b""
    signal: str | None = None
    message: bytes = b""  # decompressed
    decoded: object = None
    arrived: float = 0.0  # by the monotonic clock
    beside: int = 0  # calls under way on the connection when this one had come whole, itself included
    violations: list = dataclasses.field(default_factory=list)
    accepted: bool = False
    cancelled: bool = False  # by the client, before it had its answer

    @property
    def encoding(self):
        return self.headers.get("grpc-encoding")

    @property
    def timeout_seconds(self):
        found = _TIMEOUT.fullmatch(self.headers.get("grpc-timeout", ""))
        return int(found.group(1)) * _UNITS[found.group(2)] if found else None

    def items(self):
        return items.items(self.signal, self.decoded) if self.decoded is not None else []


def framed(message, compressed=False):
    return bytes([compressed]) + len(message).to_bytes(4, "big") + message


def retry_info(seconds):
    delay = error_details_pb2.RetryInfo()
    delay.retry_delay.FromNanoseconds(int(seconds * 1e9))
    packed = Any()
    packed.Pack(delay)
    return packed


def examine(call, secured):
    """Decodes the call; what breaks the protocol goes to its violations. Returns whether it can be answered in gRPC."""
    headers, wrong = call.headers, call.violations
    call.signal = PATHS.get(headers.get(":path"))
    expected = {":method": "POST", ":scheme": "https" if secured else "http", "te": "trailers", "content-type": "application/grpc"}
    wrong += [f"{name} is {headers.get(name)!r}" for name, value in expected.items() if headers.get(name) != value]
    wrong += [f"no {name}" for name in (":authority", "user-agent") if not headers.get(name)]
    if "grpc-timeout" in headers and call.timeout_seconds is None:
        wrong.append(f"grpc-timeout is {headers['grpc-timeout']!r}")
    if call.signal is None:
        wrong.append(f"path {headers.get(':path')!r}")
        return False
    if len(call.body) < 5 or int.from_bytes(call.body[1:5], "big") != len(call.body) - 5:
        wrong.append(f"{len(call.body)} bytes are not one message")
        return False
    flag, call.message = call.body[0], call.body[5:]
    try:
        if flag == 1:
            call.message = compressions.decompress(_ENCODINGS[call.encoding], call.message)
        elif flag != 0:
            wrong.append(f"message flag {flag}")
        call.decoded = items.decode(call.signal, call.message)
    except (ValueError, KeyError, DecodeError) as problem:
        wrong.append(f"the message cannot be read: {problem!r}")
        return False
    wrong += items.wrong_ids(call.decoded)
    if items.has_unknown_fields(call.decoded):
        wrong.append("fields unknown to the descriptors")
    return True


class Connection:
    """One client, which speaks gRPC. Runs in a thread of its own until either side ends it."""

    is_grpc = True

    def __init__(self, backend, stream, number):
        self._backend, self._number = backend, number
        self._socket = stream
        self._secured = isinstance(stream, ssl.SSLSocket)
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8", validate_inbound_headers=True)
        self._h2 = h2.connection.H2Connection(config)
        self._calls = {}
        self._due = []  # (time or event, call, answer)
        self._refuses_above = None  # a stream number, once GOAWAY is out
        self._open = True

    def run(self):
        self._h2.initiate_connection()
        # Behind the first ones, for these hold only once the client has acknowledged them.
        if self._backend.settings:
            self._h2.update_settings(self._backend.settings)
        self._flush()
        while self._open and not self._backend.stopping.is_set():
            self._serve_due()
            if not self._open:
                break
            if not (self._secured and self._socket.pending()) and not select.select([self._socket], [], [], 0.01)[0]:
                continue
            if self._backend.is_deaf(self._number):
                time.sleep(0.01)
                continue
            data = self._socket.recv(65536)
            if not data:
                break
            self._receive(data)
            self._flush()

    def _flush(self):
        data = self._h2.data_to_send()
        if data:
            self._socket.sendall(data)

    def _breach(self, text):
        self._backend.breach(f"connection {self._number}: {text}")

    def _receive(self, data):
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError as problem:
            self._breach(f"{type(problem).__name__}: {problem}")
            self._flush()
            self._open = False
            return
        for event in events:
            if isinstance(event, h2.events.RequestReceived):
                self._request(event)
            elif isinstance(event, h2.events.DataReceived):
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.stream_id in self._calls:
                    self._calls[event.stream_id].body += event.data
            elif isinstance(event, h2.events.StreamEnded):
                if event.stream_id in self._calls:
                    self._whole(self._calls[event.stream_id])
            elif isinstance(event, h2.events.StreamReset):
                call = self._calls.pop(event.stream_id, None)
                if call is not None:
                    self._backend.cancel(call)
            elif isinstance(event, h2.events.PingReceived):
                self._backend.count("pings")
            elif isinstance(event, h2.events.ConnectionTerminated):
                self._backend.count("goodbyes")
                self._open = not self._calls or self._open
            elif isinstance(event, h2.events.UnknownFrameReceived):
                self._breach("a frame of an unknown type")

    def _request(self, event):
        headers = {}
        for name, value in event.headers:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        if self._refuses_above is not None and event.stream_id > self._refuses_above:
            return  # on its way before GOAWAY was there
        self._calls[event.stream_id] = Call(self._number, event.stream_id, headers)

    def _whole(self, call):
        call.arrived, call.beside = time.monotonic(), len(self._calls)
        good = self.examine(call)
        answer = self._backend.take(call, good)
        start = answer.hold if answer.hold is not None else time.monotonic() + answer.delay_seconds
        self._due.append((start, call, answer))

    def _serve_due(self):
        left = []
        for start, call, answer in self._due:
            is_due = start.is_set() if isinstance(start, threading.Event) else start <= time.monotonic()
            if not is_due:
                left.append((start, call, answer))
            elif self._open and self._calls.pop(call.stream, None) is not None:
                self._answer(call, answer)
        self._due = left
        self._flush_if_open()

    def _flush_if_open(self):
        if self._open:
            self._flush()

    def _goaway(self, last):
        self._flush()
        self._refuses_above = last
        self._socket.sendall(GoAwayFrame(0, last_stream_id=last).serialize())

    def _answer(self, call, answer):
        if answer.goaway_first:
            self._goaway(call.stream)
        self._backend.done(call, answer)
        if answer.close or answer.abort or answer.raw is not None:
            if answer.raw is not None:
                self._flush()
                self._socket.sendall(answer.raw)
            if answer.abort:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._open = False
            return
        if answer.reset is not None:
            self._h2.reset_stream(call.stream, answer.reset)
        elif answer.http_status is not None and self.is_grpc:
            self._h2.send_headers(call.stream, [(":status", str(answer.http_status)), *answer.headers], end_stream=True)
        elif self.is_grpc and answer.code != 0 and not answer.with_message:
            self._h2.send_headers(call.stream, [*self._head(answer), *self._status(answer)], end_stream=True)
        elif not self.is_grpc:
            self.answer_http(call, answer)
        else:
            self._h2.send_headers(call.stream, self._head(answer))
            self._h2.send_data(call.stream, self._body(call, answer), end_stream=answer.without_trailers)
            if not answer.without_trailers:
                self._h2.send_headers(call.stream, [*self._status(answer), *answer.extra_trailers], end_stream=True)
        if answer.close_after:
            self._flush()
            self._open = False
        if answer.goaway:
            self._goaway(max(call.stream, *self._calls) if self._calls else call.stream)

    def examine(self, call):
        """Decodes the call. Returns whether it can be answered as the test wants."""
        return examine(call, self._secured)

    def _head(self, answer):
        encoding = [("grpc-encoding", answer.encoding)] if answer.encoding else []
        return [(":status", "200"), ("content-type", "application/grpc"), *encoding, *answer.headers]

    def _body(self, call, answer):
        if answer.raw_body is not None:
            return answer.raw_body
        body = answer.body
        if body is None:
            partial = (answer.rejected, answer.message) if answer.code == 0 else ()
            body = items.response(call.signal, *partial).SerializeToString()
        if answer.encoding:
            return framed(compressions.compress(_ENCODINGS[answer.encoding], body), True)
        return framed(body)

    def _status(self, answer):
        fields = [("grpc-status", str(answer.code))]
        if answer.code != 0 and answer.message:
            encoded = "".join(chr(b) if 0x20 <= b < 0x7F and b != 0x25 else f"%{b:02X}" for b in answer.message.encode())
            fields.append(("grpc-message", encoded))
        if answer.retry_seconds is not None:
            status = status_pb2.Status(code=answer.code, message=answer.message, details=[retry_info(answer.retry_seconds)])
            fields.append(("grpc-status-details-bin", base64.b64encode(status.SerializeToString()).decode().rstrip("=")))
        return fields


class GrpcWire(ScriptedServer):
    """Usage: `with GrpcWire() as backend:`; `backend.address` is host:port. `tls` is an ssl.SSLContext, `unix` a socket
    file instead of a port. `settings` are those of HTTP/2 by their numbers. `greet=False`: connections are taken and
    nothing is said on them.
    """

    connection = Connection

    def __init__(self, tls=None, port=0, unix=None, settings=None, greet=True):
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
        if unix is not None:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(unix))
            listener.listen()
            self.address = f"unix://{unix}"
        else:
            listener = socket.create_server(("127.0.0.1", port), backlog=256)
            self.port = listener.getsockname()[1]
            self.address = f"127.0.0.1:{self.port}"
        super().__init__(listener, tls, GrpcAnswer())
        self.settings = settings or {}
        self._unix, self._greet = unix, greet
        self._deaf = set()  # numbers of connections that are not read any more
        self._counts = collections.Counter()

    def stop(self):
        super().stop()
        if self._unix is not None and os.path.exists(self._unix):
            os.unlink(self._unix)

    # What a test tells it

    def go_deaf(self):
        """Nothing more is read from the connections that are there now, and no ping of theirs is answered."""
        with self._lock:
            self._deaf.update(self._open)

    # What a test sees

    @property
    def calls(self):
        return self._copy(self._taken)

    @property
    def pings(self):
        return self._counts["pings"]

    def wait_for_calls(self, count, seconds=20):
        self.wait(lambda backend: len(backend.calls) >= count, seconds)
        return self.calls

    # What its connections tell it

    def is_deaf(self, number):
        with self._lock:
            return number in self._deaf

    def count(self, what):
        with self._lock:
            self._counts[what] += 1
            self._lock.notify_all()

    def cancel(self, call):
        with self._lock:
            call.cancelled = True
            self._lock.notify_all()

    def take(self, call, good):
        """Keeps the call. Returns its answer."""
        with self._lock:
            answer = self._next_answer(call.signal)
            self._taken.append(call)
            self._violations += call.violations
            self._lock.notify_all()
        return answer if good else GrpcAnswer(code=3, message="; ".join(call.violations))

    def done(self, call, answer):
        silent = answer.close or answer.abort or answer.raw is not None or answer.reset is not None
        good = answer.code == 0 and answer.http_status in (None, 200 if not self.connection.is_grpc else None)
        with self._lock:
            call.accepted = answer.counts if answer.counts is not None else good and not silent
            self._lock.notify_all()

    def _talk(self, stream, number):
        if self._greet:
            self.connection(self, stream, number).run()
        else:
            while stream.recv(65536):
                pass

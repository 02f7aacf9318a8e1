#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A strict OTLP/HTTP back end on the official descriptors, independent of everything under test.

It keeps each request as it came (head, bytes, decoded form), answers as a test tells it to, and writes down every
breach of the protocol in `violations`. As a command it prints `listening PORT` and appends every accepted item to a
file, one canonical JSON text per line.
"""

import argparse
import dataclasses
import signal as signals
import socket
import struct
import sys
import threading

from google.protobuf import json_format
from google.protobuf.json_format import ParseError
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

import compressions
import items
import otlp_json
from scripted_server import ScriptedServer

BODY_BYTES_MAX = 64 << 20
HEAD_BYTES_MAX = 64 << 10
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclasses.dataclass
class Answer:
    """What to do with one request, after it has been read whole and stored."""

    status: int = 200
    headers: tuple = ()  # of (name, value) pairs, besides Content-Type and Content-Length
    body: bytes | None = None  # None: the empty response of the signal, or a google.rpc.Status
    rejected: int = 0  # partial success: this many items refused ...
    message: str = ""  # ... or only this warning; the text of a google.rpc.Status when the status is an error
    delay_seconds: float = 0.0
    hold: threading.Event | None = None  # the answer waits for this event (or for the back end's end)
    reset: bool = False  # no answer: the connection is reset
    close: bool = False  # announce `Connection: close` and close
    close_silently: bool = False  # answer as if the connection would stay, then close it
    raw: bytes | None = None  # these bytes instead of an HTTP response, then the connection is closed
    cut: int | None = None  # announce the whole body, send only so many bytes of it, then close
    chunked: bool = False
    counts: bool | None = None  # whether the sender may take the data as accepted; None: by the status


@dataclasses.dataclass
class Request:
    connection: int  # number of the connection, from 1
    method: str
    path: str
    head: bytes  # request line and headers as they came
    headers: dict  # names in lower case; values of repeated headers joined by ", "
    body: bytes  # as it came, without the chunked framing
    signal: str | None = None
    plain: bytes = b""  # decompressed
    decoded: object = None
    violations: list = dataclasses.field(default_factory=list)
    answered: int | None = None  # the status that went out
    accepted: bool = False

    def items(self):
        return items.items(self.signal, self.decoded) if self.decoded is not None else []

    def is_json(self):
        return self.headers.get("content-type") == JSON


class Closed(Exception):
    """The peer closed the connection between two requests."""


class Malformed(Exception):
    """What came is no HTTP request; the connection cannot go on."""


class _Reader:
    def __init__(self, connection):
        self._connection = connection
        self._bytes = bytearray()

    def _more(self):
        data = self._connection.recv(65536)
        if not data:
            raise Closed if not self._bytes else Malformed("the connection ended inside a request")
        self._bytes += data

    def until(self, mark, limit):
        while (at := self._bytes.find(mark)) < 0:
            if len(self._bytes) > limit:
                raise Malformed("head too large")
            self._more()
        result = bytes(self._bytes[: at + len(mark)])
        del self._bytes[: len(result)]
        return result

    def exactly(self, count):
        while len(self._bytes) < count:
            try:
                self._more()
            except Closed:
                raise Malformed("the connection ended inside a request") from None
        result = bytes(self._bytes[:count])
        del self._bytes[:count]
        return result


def _parse_head(head):
    lines = head[:-4].split(b"\r\n")
    if any(b"\n" in line or b"\r" in line for line in lines):
        raise Malformed("a bare CR or LF in the head")
    try:
        method, path, version = lines[0].decode("ascii").split(" ")
    except ValueError:
        raise Malformed(f"request line {lines[0]!r}") from None
    if version != "HTTP/1.1":
        raise Malformed(f"version {version!r}")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise Malformed(f"header line {line!r}")
        name, value = name.decode("ascii").lower(), value.decode("latin-1").strip(" \t")
        if name in headers and name in (
            "content-length",
            "transfer-encoding",
            "host",
            "content-type",
            "content-encoding",
        ):
            raise Malformed(f"two {name} headers")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "host" not in headers:
        raise Malformed("no Host header")
    return method, path, headers


def _read_chunks(reader):
    body = bytearray()
    while True:
        line = reader.until(b"\r\n", 1024)[:-2]
        digits = line.split(b";")[0]
        if not digits or digits.strip(b"0123456789abcdefABCDEF"):
            raise Malformed(f"chunk size {line!r}")
        size = int(digits, 16)
        if size == 0:
            while reader.until(b"\r\n", HEAD_BYTES_MAX) != b"\r\n":
                pass
            return bytes(body)
        body += reader.exactly(size)
        if len(body) > BODY_BYTES_MAX or reader.exactly(2) != b"\r\n":
            raise Malformed("a chunk without its end, or too much of them")


def _read_body(reader, headers, send_continue):
    chunked, length = headers.get("transfer-encoding"), headers.get("content-length")
    if chunked is not None and (length is not None or chunked.lower() != "chunked"):
        raise Malformed("Transfer-Encoding beside Content-Length, or not chunked")
    if length is not None and not (length.isascii() and length.isdigit() and int(length) <= BODY_BYTES_MAX):
        raise Malformed(f"Content-Length {length!r}")
    if headers.get("expect", "").lower() == "100-continue":
        send_continue()
    if chunked is not None:
        return _read_chunks(reader)
    return reader.exactly(int(length or 0))


class Backend(ScriptedServer):
    """Usage: `with Backend() as backend:`; `backend.url` is the endpoint. `strict_fields=True` refuses what the
    descriptors do not know. `tls` is the ssl.SSLContext of an https back end. `json=True` takes OTLP/JSON as well.
    """

    def __init__(self, port=0, host="127.0.0.1", strict_fields=True, on_accepted=None, tls=None, json=False):
        super().__init__(socket.create_server((host, port), backlog=256), tls, Answer())
        self.port = self._listener.getsockname()[1]
        self.url = f"{'http' if tls is None else 'https'}://{host}:{self.port}"
        self._strict_fields = strict_fields
        self._media_types = (PROTOBUF, JSON) if json else (PROTOBUF,)
        self._on_accepted = on_accepted
        self._paths = {f"/v1/{signal}": signal for signal in items.SIGNALS}

    # What a test tells it

    def serve_path(self, path, signal):
        """Accept this signal at another path, too."""
        with self._lock:
            self._paths[path] = signal

    def clear(self):
        with self._lock:
            self._taken.clear()

    # What a test sees

    @property
    def requests(self):
        return self._copy(self._taken)

    def wait_for_requests(self, count, seconds=20):
        self.wait(lambda backend: len(backend.requests) >= count, seconds)
        return self.requests

    # The server

    def _talk(self, connection, number):
        reader = _Reader(connection)
        try:
            while self._serve_one(connection, reader, number):
                pass
        except Closed:
            pass
        except Malformed as problem:
            self.breach(f"connection {number}: {problem}")

    def _serve_one(self, connection, reader, number):
        head = reader.until(b"\r\n\r\n", HEAD_BYTES_MAX)
        method, path, headers = _parse_head(head)
        body = _read_body(reader, headers, lambda: connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n"))
        request = Request(number, method, path, head, headers, body)
        refusal = self._examine(request)
        with self._lock:
            answer = refusal or self._next_answer(request.signal)
            self._taken.append(request)
            self._violations.extend(request.violations)
            self._lock.notify_all()
        keep = headers.get("connection", "").lower() != "close"
        return self._reply(connection, request, answer) and keep

    def _examine(self, request):
        """Decodes the request. Returns the answer to a breach of the protocol, or None."""

        def refuse(status, text):
            request.violations.append(f"{request.method} {request.path}: {text}")
            return Answer(status=status, message=text)

        with self._lock:
            request.signal = self._paths.get(request.path)
        if request.method != "POST":
            return refuse(405, "method")
        if request.signal is None:
            return refuse(404, "path")
        if request.headers.get("content-type") not in self._media_types:
            return refuse(415, f"content type {request.headers.get('content-type')!r}")
        try:
            request.plain = _decompress(request.headers.get("content-encoding"), request.body)
            request.decoded = self._decode(request)
        except (ValueError, DecodeError, ParseError) as problem:
            return refuse(400, str(problem))
        wrong = items.wrong_ids(request.decoded)
        if wrong:
            return refuse(400, "; ".join(wrong))
        if self._strict_fields and items.has_unknown_fields(request.decoded):
            return refuse(400, "fields unknown to the descriptors")
        return None

    def _decode(self, request):
        if request.is_json():
            return otlp_json.read(request.signal, request.plain, ignore_unknown_fields=not self._strict_fields)
        return items.decode(request.signal, request.plain)

    def _reply(self, connection, request, answer):
        """Carries the answer out. Returns whether the connection goes on."""
        if answer.delay_seconds:
            self.stopping.wait(answer.delay_seconds)
        while answer.hold is not None and not answer.hold.wait(0.05):
            if self.stopping.is_set():
                return False
        if answer.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        counts = answer.counts
        if counts is None:
            counts = answer.raw is None and answer.cut is None and 200 <= answer.status < 300
        with self._lock:
            request.answered = answer.status if answer.raw is None else None
            request.accepted = counts and request.decoded is not None
            if request.accepted and self._on_accepted is not None:
                self._on_accepted(request)
            self._lock.notify_all()
        connection.sendall(answer.raw if answer.raw is not None else _response(request, answer))
        return answer.raw is None and answer.cut is None and not answer.close and not answer.close_silently


def _decompress(encoding, body):
    return body if encoding is None else compressions.decompress(encoding, body)


def response_message(signal, status, answer):
    """What an answer with that status holds; `answer` has `rejected` and `message`."""
    if not 200 <= status < 300:
        return status_pb2.Status(code=3 if status == 400 else 14, message=answer.message)
    return items.response(signal, answer.rejected, answer.message)


def _response_body(request, answer):
    if answer.body is not None:
        return answer.body
    message = response_message(request.signal, answer.status, answer)
    return json_format.MessageToJson(message).encode() if request.is_json() else message.SerializeToString()


def _response(request, answer):
    body = _response_body(request, answer)
    media_type = JSON if request.is_json() else PROTOBUF
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unnamed')}", f"Content-Type: {media_type}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if answer.close:
        lines.append("Connection: close")
    if answer.chunked:
        lines.append("Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:1], body[1:]) if part) + b"0\r\n\r\n"
    else:
        lines.append(f"Content-Length: {len(body)}")
    if answer.cut is not None:
        body = body[: answer.cut]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--out", help="file that gets one canonical item per line")
    options = parser.parse_args()
    out = open(options.out, "a", encoding="utf-8", buffering=1) if options.out else sys.stdout

    def write(request):
        out.write("".join(item + "\n" for item in request.items()))
        out.flush()

    stop = threading.Event()
    for number in (signals.SIGTERM, signals.SIGINT):
        signals.signal(number, lambda *_: stop.set())
    with Backend(options.port, options.host, strict_fields=False, on_accepted=write) as backend:
        print(f"listening {backend.port}", flush=True)
        stop.wait()
    for violation in backend.violations:
        print(f"violation: {violation}", file=sys.stderr)
    return 1 if backend.violations else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client that sends exactly the bytes it is told to, whole or in pieces, and reads answers strictly.

The tests speak through it where an ordinary client would be too well behaved.
"""

import dataclasses
import select
import socket

from google.rpc import status_pb2

import items

PROTOBUF = "application/x-protobuf"


@dataclasses.dataclass
class Response:
    status: int
    headers: dict  # names in lower case
    body: bytes

    @property
    def content_type(self):
        return self.headers.get("content-type")

    def rpc_status(self):
        """The google.rpc.Status of an error. Fails: when it is not one in protobuf."""
        assert self.content_type == PROTOBUF, self
        return status_pb2.Status.FromString(self.body)


class ConnectionEnded(Exception):
    """The collector closed the connection where an answer was due."""


def head(path="/v1/traces", method="POST", **headers):
    """Request line and headers; a header given as None is left out, `_` in a name is written `-`."""
    fields = {"host": "collector", "content-type": PROTOBUF}
    fields.update({name.replace("_", "-").lower(): value for name, value in headers.items()})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def request(body=b"", path="/v1/traces", method="POST", **headers):
    """A whole request with Content-Length."""
    return head(path, method, **{"content_length": len(body), **headers}) + body


def chunked(body, sizes, path="/v1/traces", **headers):
    """A whole request with a chunked body, cut into `sizes` in turn."""
    parts, at, turn = [], 0, 0
    while at < len(body):
        size = min(sizes[turn % len(sizes)], len(body) - at)
        parts.append(b"%x\r\n%s\r\n" % (size, body[at : at + size]))
        at, turn = at + size, turn + 1
    return head(path, transfer_encoding="chunked", **headers) + b"".join(parts) + b"0\r\n\r\n"


class Client:
    """One connection. Nothing is sent that was not asked for."""

    def __init__(self, port, seconds=20):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def send_as_far_as_taken(self, data):
        """Sends until the other side has had enough; its answer may still be read."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def end_sending(self):
        self._socket.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise ConnectionEnded(self._bytes)
        self._bytes += data

    def _until(self, mark):
        while mark not in self._bytes:
            self._more()
        result, self._bytes = self._bytes.split(mark, 1)
        return result

    def _exactly(self, count):
        while len(self._bytes) < count:
            self._more()
        result, self._bytes = self._bytes[:count], self._bytes[count:]
        return result

    def receive(self, to_head=False):
        """The next answer. Fails: ConnectionEnded when the connection was closed instead; AssertionError for one that
        is not HTTP.
        """
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *_ = (lines[0] + "  ").split(" ", 2)
        assert version == "HTTP/1.1" and len(status) == 3 and status.isdigit(), lines
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and name == name.strip() and name.lower() not in headers, lines
            headers[name.lower()] = value.strip()
        if to_head or int(status) < 200 or int(status) == 204:
            return Response(int(status), headers, b"")
        assert "content-length" in headers, lines
        return Response(int(status), headers, self._exactly(int(headers["content-length"])))

    def exchange(self, data):
        self.send(data)
        return self.receive()

    def receive_or_end(self):
        """The next answer, or None when the connection was closed without one."""
        try:
            return self.receive()
        except ConnectionEnded:
            return None

    def is_closed_now(self):
        """Whether the other side has closed already."""
        return bool(select.select([self._socket], [], [], 0)[0]) and self.is_closed()

    def is_closed(self):
        """Whether the other side closes within the time limit, without sending more."""
        try:
            self._more()
        except ConnectionEnded:
            return self._bytes == b""
        except TimeoutError:
            return False
        return False


def post(port, body=b"", **options):
    """One request on a connection of its own. Returns the answer."""
    with Client(port) as client:
        return client.exchange(request(body, **options))


def post_message(port, signal, message, **options):
    """Posts a decoded request to the signal's path."""
    return post(port, message.SerializeToString(), path=f"/v1/{signal}", **options)


def assert_success(response, signal="traces"):
    """Everything was accepted: the status, the type, and the reference's two bytes."""
    assert (response.status, response.content_type, response.body) == (200, PROTOBUF, b"\x0a\x00"), response
    assert items.RESPONSES[signal].FromString(response.body).partial_success.error_message == ""

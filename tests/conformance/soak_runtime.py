# SPDX-License-Identifier: Apache-2.0
"""A runtime and its function in the standard library alone, as short as can be: it takes an invocation, sends a request
of OTLP to the collector, now and then over a new connection, and answers.

STINT_SOAK_BODIES is a folder of request bodies (traces), STINT_SOAK_PORT the collector's port. The resident memory of
the collector, which is a sibling of this process, goes to STINT_SOAK_OUT: a line `invocations bytes` every 500
invocations.
"""

import os
import pathlib
import socket

EVERY = 500
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Connection:
    """HTTP/1.1 with answers that have a length."""

    def __init__(self, host, port):
        self._address = (host, port)
        self._socket = None

    def close(self):
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def call(self, method, path, body=b"", media_type="application/json"):
        """Returns status, lower-case headers and body."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        lines = data[:end].decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        rest = data[end + 4 :]
        while len(rest) < int(headers.get("content-length", 0)):
            rest += self._receive()
        return int(lines[0].split(" ")[1]), headers, rest

    def _receive(self):
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError(f"{self._address} has closed")
        return data


def collector_process():
    parent = os.getppid()
    siblings = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    others = [int(one) for one in siblings if int(one) != os.getpid()]
    assert len(others) == 1, siblings
    return others[0]


def main():
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    platform, collector = Connection(host, int(port)), Connection("127.0.0.1", int(os.environ["STINT_SOAK_PORT"]))
    bodies = [path.read_bytes() for path in sorted(pathlib.Path(os.environ["STINT_SOAK_BODIES"]).iterdir())]
    out = open(os.environ["STINT_SOAK_OUT"], "w", encoding="ascii", buffering=1)
    statistics = pathlib.Path(f"/proc/{collector_process()}/statm")
    count = 0
    while True:
        _, headers, _ = platform.call("GET", "/2018-06-01/runtime/invocation/next")
        status, _, _ = collector.call("POST", "/v1/traces", bodies[count % len(bodies)], "application/x-protobuf")
        assert status == 200, status
        if count % 97 == 0:
            collector.close()
        count += 1
        if count % EVERY == 0:
            print(count, int(statistics.read_text().split()[1]) * PAGE_BYTES, file=out)
        platform.call("POST", f"/2018-06-01/runtime/invocation/{headers['lambda-runtime-aws-request-id']}/response", b"{}")


if __name__ == "__main__":
    main()

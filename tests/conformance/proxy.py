# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy that forwards requests in absolute form and makes tunnels on CONNECT. Every name leads to 127.0.0.1, so
that tests can use names that nobody resolves. It keeps what it was asked for; a connection's thread owns its sockets.
"""

import base64
import dataclasses
import socket
import threading

HEAD_BYTES_MAX = 64 << 10


@dataclasses.dataclass
class Asked:
    connection: int  # number of the connection, from 1
    method: str
    target: str
    headers: dict  # names in lower case


class Proxy:
    """Usage: `with Proxy() as proxy:`. `credentials` ("user:password") are wanted when given; `tls` is the ssl.SSLContext
    of an https proxy; `answer` is sent instead of serving, as it is, and then the connection is closed.
    """

    def __init__(self, credentials=None, tls=None, answer=None, port=0):
        self._credentials = credentials
        self._tls = tls
        self._answer = answer
        self._lock = threading.Lock()
        self._asked, self._open, self._connections = [], set(), 0
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()

    @property
    def asked(self):
        with self._lock:
            return list(self._asked)

    def close_connections(self):
        """Without a word, as a freeze ends them."""
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the other side was faster

    def _keep(self, connection):
        with self._lock:
            self._open.add(connection)
        return connection

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections += 1
            threading.Thread(target=self._guarded, args=(connection, self._connections), daemon=True).start()

    def _guarded(self, connection, number):
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._keep(connection):
                while self._serve(connection, number):
                    pass
        except OSError:
            pass  # the client went, or the test ended
        finally:
            with self._lock:
                self._open.discard(connection)

    def _serve(self, client, number):
        data = b""
        while b"\r\n\r\n" not in data:
            more = client.recv(65536)
            if not more or len(data) > HEAD_BYTES_MAX:
                return False
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        request, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = request.split(" ")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        with self._lock:
            self._asked.append(Asked(number, method, target, headers))
        if self._answer is not None:
            client.sendall(self._answer)
            return False
        wanted = self._credentials and "Basic " + base64.b64encode(self._credentials.encode()).decode()
        while len(body) < int(headers.get("content-length", 0)):
            body += client.recv(65536)
        if wanted and headers.get("proxy-authorization") != wanted:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
            return True
        if method == "CONNECT":
            return self._tunnel(client, int(target.rsplit(":", 1)[1]))
        return self._forward(client, method, target, headers, body)

    def _forward(self, client, method, target, headers, body):
        scheme, rest = target.split("://", 1)
        authority, path = rest.split("/", 1)
        assert scheme == "http" and headers["host"] == authority, (target, headers)
        lines = [f"{method} /{path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if name != "proxy-authorization")]
        port = int(authority.rsplit(":", 1)[1])
        with self._keep(socket.create_connection(("127.0.0.1", port))) as server:
            server.sendall("\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1") + body)
            while data := server.recv(65536):
                client.sendall(data)
        return True

    def _tunnel(self, client, port):
        with self._keep(socket.create_connection(("127.0.0.1", port))) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: wader\r\n\r\n")
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()
        return False

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass  # one side ended without a word
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already

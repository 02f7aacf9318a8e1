# SPDX-License-Identifier: Apache-2.0
"""What the strict back ends on sockets of their own share: connections and their TLS, the answers that a test has lined
up, breaches of the protocol, and waiting for what comes.

A connection's thread owns its socket; everything shared is read and written under one lock.
"""

import collections
import dataclasses
import socket
import threading
import time


@dataclasses.dataclass
class Handshake:
    """A TLS handshake that succeeded."""

    version: str  # "TLSv1.3"
    resumed: bool
    server_name: str | None  # that the client asked for
    client: str | None  # the common name in the client's certificate
    protocol: str | None  # agreed by ALPN
    cipher: str  # OpenSSL's name of the suite


class ScriptedServer:
    """A subclass says in `_talk(connection, number)` what is spoken on one connection; that returns, or fails with
    OSError, when the connection is over. It appends what it was sent to `_taken`, each with `accepted` and `items()`.

    It owns `listener`. `tls` is an ssl.SSLContext, or None; `always` the usual answer.
    """

    def __init__(self, listener, tls, always):
        self.stopping = threading.Event()
        self._lock = threading.Condition()
        self._listener, self._tls = listener, tls
        self._answers = collections.defaultdict(collections.deque)
        self._always = always
        self._taken, self._violations = [], []
        self._open = {}
        self._connections = 0
        self._handshakes, self._failed_handshakes = [], []
        self._server_names = {}
        if tls is not None:
            tls.sni_callback = lambda connection, name, _: self._server_names.update({id(connection): name})

    def __enter__(self):
        threading.Thread(target=self._accept, name=type(self).__name__, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept
        self._listener.close()
        self.close_connections()

    # What a test tells it

    def answer(self, *answers, signal=None):
        """The next requests (of that signal only, if given) get these answers, one each; later ones the usual one."""
        with self._lock:
            self._answers[signal].extend(answers)

    def answer_always(self, answer):
        """The usual answer from now on."""
        with self._lock:
            self._always = answer

    def close_connections(self):
        """Closes every open connection without a word, as a back end does that is restarted."""
        with self._lock:
            for connection in self._open.values():
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # the other side was faster

    # What a test sees

    @property
    def violations(self):
        return self._copy(self._violations)

    @property
    def connections(self):
        """How many connections were ever accepted."""
        with self._lock:
            return self._connections

    @property
    def handshakes(self):
        return self._copy(self._handshakes)

    @property
    def failed_handshakes(self):
        """What went wrong with each of them, in OpenSSL's words."""
        return self._copy(self._failed_handshakes)

    def items(self):
        """Items of everything that was answered with success."""
        return [item for one in self._copy(self._taken) if one.accepted for item in one.items()]

    def wait(self, condition, seconds=20):
        """Waits until `condition(self)` holds, looking again after each event. Returns whether it did."""
        end = time.monotonic() + seconds
        while not condition(self):
            with self._lock:
                self._lock.wait(0.05)
            if time.monotonic() > end:
                return condition(self)
        return True

    def wait_for_items(self, count, seconds=20):
        """The items once at least `count` are accepted, or what there is after that time."""
        self.wait(lambda backend: len(backend.items()) >= count, seconds)
        return self.items()

    def _copy(self, kept):
        with self._lock:
            return list(kept)

    # What its connections tell it

    def breach(self, text):
        with self._lock:
            self._violations.append(text)

    def _next_answer(self, signal):
        """Requires: the lock."""
        answers = self._answers[signal] or self._answers[None]
        return answers.popleft() if answers else self._always

    # The server

    def _accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections += 1
                number = self._connections
                self._open[number] = connection
                self._lock.notify_all()
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        try:
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._secure(connection, number)
            self._talk(connection, number)
        except OSError:
            pass  # the other side went, or a handshake failed, which is kept
        finally:
            with self._lock:
                connection = self._open.pop(number)
            connection.close()

    def _secure(self, connection, number):
        """The TLS handshake. The connection belongs to what is returned. Fails: OSError, which is kept."""
        connection.settimeout(20)
        try:
            secured = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with self._lock:
                self._open[number] = secured
            secured.do_handshake()
        except OSError as problem:
            with self._lock:
                self._failed_handshakes.append(str(problem))
                self._lock.notify_all()
            raise
        secured.settimeout(None)
        certificate = dict(field[0] for field in (secured.getpeercert() or {}).get("subject", ()))
        with self._lock:
            self._handshakes.append(
                Handshake(
                    secured.version(),
                    secured.session_reused,
                    self._server_names.pop(id(secured), None),
                    certificate.get("commonName"),
                    secured.selected_alpn_protocol(),
                    secured.cipher()[0],
                )
            )
        return secured

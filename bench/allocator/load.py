#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# CPU per request of collectors that run as ordinary processes, side by side: a sender with kept connections, the
# collector, and a back end that answers everything with success. What counts is the kernel's own account of the
# collector's time (/proc/PID/schedstat) over a steady run, the warm-up excluded, as a ratio to the first subject.
import argparse
import contextlib
import multiprocessing
import os
import pathlib
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
PASS_THROUGH = ("", "compression: none")
BATCHED = ("processors: [batch, decouple]", "compression: gzip")
# name: (spans in a request, (processors, exporter's setting), connections, requests of one round, at most so many in a
# second: what is decoupled may come faster than the back end takes it)
LOADS = {
    "1 span, pass-through": (1, PASS_THROUGH, 8, 20_000, 1_000_000),
    "200 spans, pass-through": (200, PASS_THROUGH, 8, 10_000, 1_000_000),
    "200 spans, batch, decouple, gzip": (200, BATCHED, 8, 2_000, 1_000),
}
SECONDS_MAX = 120


def varint(value):
    octets = bytearray()
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*octets, value])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def attribute(key, value):
    return field(1, key.encode()) + field(2, field(1, value.encode()))


def span(number):
    fixed = (0x39, 0x41)  # start and end time, fixed64
    times = b"".join(bytes([tag]) + (1_700_000_000_000_000_000 + number).to_bytes(8, "little") for tag in fixed)
    attributes = [("http.request.method", "GET"), ("url.path", f"/orders/{number}"), ("server.address", "shop.example")]
    return (field(1, number.to_bytes(16, "big")) + field(2, (number + 1).to_bytes(8, "big")) + field(5, b"GET /orders")
            + varint(6 << 3) + b"\x02" + times + b"".join(field(9, attribute(*pair)) for pair in attributes))


def export_request(spans):
    resource = field(1, b"".join(field(1, attribute(*pair)) for pair in [("service.name", "shop"), ("cloud.region", "eu-1")]))
    scope = field(1, field(1, b"tracer")) + b"".join(field(2, span(number + 1)) for number in range(spans))
    body = field(1, resource + field(2, scope))
    head = ("POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def content_length(head):
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def serve(listener):
    """The back end: reads requests with a length and answers each with success, until it is killed."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                selector.register(listener.accept()[0], selectors.EVENT_READ, bytearray())
                continue
            received = key.fileobj.recv(1 << 20)
            if not received:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                continue
            key.data.extend(received)
            while (end := key.data.find(b"\r\n\r\n")) >= 0:
                whole = end + 4 + content_length(bytes(key.data[:end]))
                if len(key.data) < whole:
                    break
                del key.data[:whole]
                key.fileobj.sendall(ANSWER)


def send(port, request, connections, count, rate):
    """Sends `count` requests over so many connections, each waiting for its answer, no more than `rate` in a second.
    Fails: any status but 200."""
    selector = selectors.DefaultSelector()
    sent = answered = 0
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        connection.sendall(request)
        sent += 1
    start = time.monotonic()
    end = start + SECONDS_MAX
    while answered < count:
        if time.monotonic() > end:
            raise TimeoutError(f"{answered} of {count} requests answered in {SECONDS_MAX} s")
        for key, _ in selector.select(1):
            answer = key.fileobj.recv(1 << 16)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the collector answered {answer[:200]!r}")
            answered += 1
            if sent < count:
                time.sleep(max(0.0, start + sent / rate - time.monotonic()))
                key.fileobj.sendall(request)
                sent += 1
    for key in list(selector.get_map().values()):
        key.fileobj.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration(port, back_end, pipeline, setting):
    return f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
processors: {{batch: {{timeout: 20ms}}, decouple: {{}}}}
exporters:
  otlphttp:
    endpoint: http://127.0.0.1:{back_end}
    {setting}
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlphttp]
      {pipeline}
"""


def cpu_ns(process):
    return int(pathlib.Path(f"/proc/{process.pid}/schedstat").read_text().split()[0])


def peak_mib(process):
    return int(pathlib.Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


@contextlib.contextmanager
def running(program, folder, back_end, pipeline, setting):
    port = free_port()
    file = pathlib.Path(folder) / "collector.yaml"
    file.write_text(configuration(port, back_end, pipeline, setting))
    with open(pathlib.Path(folder) / "log", "wb") as log:
        process = subprocess.Popen([program, "--config", file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        for _ in range(500):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.01)
        yield process, port
    finally:
        process.terminate()
        process.wait(30)


def measure(program, folder, back_end, load, scale):
    """(CPU in microseconds per request, peak RSS in MiB) of one run."""
    spans, (pipeline, setting), connections, count, rate = load
    count = max(connections, int(count * scale))
    request = export_request(spans)
    with running(program, folder, back_end, pipeline, setting) as (process, port):
        send(port, request, connections, max(connections, count // 10), rate)
        before = cpu_ns(process)
        send(port, request, connections, count, rate)
        time.sleep(0.1)  # what is still batched goes out
        return (cpu_ns(process) - before) / 1000 / count, peak_mib(process)


def arguments():
    parser = argparse.ArgumentParser(description="CPU per request of collectors under a steady load")
    parser.add_argument("--subject", action="append", required=True, metavar="NAME=PATH", help="may be repeated, the first is the base")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of requests of a round")
    return parser.parse_args()


def main():
    chosen = arguments()
    subjects = [tuple(subject.split("=", 1)) for subject in chosen.subject]
    subjects = [(name, os.path.abspath(path)) for name, path in subjects]
    listener = socket.create_server(("127.0.0.1", 0))
    back_end = multiprocessing.Process(target=serve, args=(listener,), daemon=True)
    back_end.start()
    try:
        for name, load in LOADS.items():
            figures = {subject: [] for subject, _ in subjects}
            for turn in range(chosen.rounds):
                shift = turn % len(subjects)
                for subject, path in subjects[shift:] + subjects[:shift]:
                    with tempfile.TemporaryDirectory() as folder:
                        figures[subject].append(measure(path, folder, listener.getsockname()[1], load, chosen.scale))
            base = statistics.median(figure[0] for figure in figures[subjects[0][0]])
            print(name, flush=True)
            for subject, values in figures.items():
                middle = statistics.median(value[0] for value in values)
                print(f"  {subject:<12} CPU per request {middle:8.2f} us (least {min(v[0] for v in values):8.2f}), "
                      f"ratio {middle / base:5.3f}; peak RSS {statistics.median(v[1] for v in values):6.2f} MiB", flush=True)
    finally:
        back_end.kill()
        back_end.join()
    return 0


sys.exit(main())

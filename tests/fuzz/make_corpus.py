# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/TARGET: small inputs that reach the parts of each parser. Requests come from tests/golden,
the rest stands here. What fuzzing found is kept beside them under names that begin with `found-`, untouched by this."""
import gzip
import pathlib
import struct
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden" / "otlp"
SIGNALS = {"traces": 0, "metrics": 1, "logs": 2}
REQUEST_BYTES_MAX = 9000


def http():
    requests = {
        "get": b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "post": b"POST /v1/traces HTTP/1.1\r\nHost: localhost:4318\r\nContent-Type: application/x-protobuf\r\n"
        b"Content-Length: 4\r\n\r\n\x0a\x02\x0a\x00",
        "chunked": b"POST http://localhost/v1/logs?x=1 HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "expect": b"POST /v1/metrics HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
        "close": b"\r\nGET / HTTP/1.0\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n",
        "both": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "h2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    }
    responses = {
        "ok": b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 2\r\n\r\n\x0a\x00",
        "busy": b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nConnection: close\r\n\r\nlater",
        "continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "none": b"HTTP/1.1 204 No Content\r\n\r\n",
    }
    yield from (("request-" + name, b"\x10" + head) for name, head in requests.items())
    yield from (("response-" + name, b"\x12" + head) for name, head in responses.items())
    yield "response-to-head", b"\x03" + responses["ok"]


def chunked():
    yield "one", b"\x03" b"5\r\nhello\r\n0\r\n\r\n"
    yield "two", b"\x01" b"5\r\nhello\r\n00a;name=\"value\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    yield "empty", b"\x00" b"0\r\n\r\n"
    yield "large", b"\x07" b"FFFFFFFFFFFFFFFFF\r\n"
    yield "cut", b"\x02" b"10\r\n0123456"


def gzip_inputs():
    text = b"spans and logs and metrics " * 8
    member = gzip.compress(text, mtime=0)
    yield "member", b"\x02" + member
    yield "members", b"\x02" + member + gzip.compress(b"", mtime=0)
    yield "bomb", b"\x02" + gzip.compress(bytes(1 << 20), mtime=0)
    yield "claims-more", b"\x02" + member[:-4] + struct.pack("<I", 100_000)
    yield "zlib", b"\x03" + zlib.compress(text)
    yield "zlib-bomb", b"\x03" + zlib.compress(bytes(1 << 20))
    yield "round-trip", b"\x00\x01\x00\x40" + text
    yield "round-trip-members", b"\x00\x06\x00\x20one\x00two"
    yield "round-trip-lie", b"\x00\x06\x05\x20one\x00two"
    yield "round-trip-zlib", b"\x01\x06\x40" + text


def in_every_form(*names):
    """Needs build/venv; so its libraries are asked for here, and the other targets can do without."""
    sys.path.insert(0, str(HERE.parent / "conformance"))
    import compressions

    text = b"spans and logs and metrics " * 8
    yield "round-trip", b"\x00\x00\xff" + text
    yield "round-trip-streams", b"\x00\x05\x20one\x00two"
    for number, name in enumerate(names):
        kind = bytes([1 + 2 * number])
        for form in compressions.FORMS[name]:
            label = f"{name}-{form or 'usual'}".replace(" ", "-")
            yield label, kind + compressions.compress(name, text, form)
            yield label + "-large", kind + compressions.compress(name, text * 400, form)[:4000]
        yield f"{name}-bomb", kind + compressions.compress(name, bytes(1 << 20))[:4000]


def json():
    yield "values", rb'{"a":[1,-2.5e3,true,false,null,"x"],"b":{"c":{}},"d":[]}'
    yield "escapes", rb' ["\u00e9\ud83d\ude00\ud800","\"\\\/\b\f\n\r\t",{"\u0041":0}] '
    yield "numbers", b"[0,-0,1e400,123456789012345678901234567890,0.1e-2]"
    yield "deep", b"[" * 70 + b"]" * 70
    yield "wrong", b'{"a":01,}'


def json_otlp():
    for path in sorted((GOLDEN.parent / "json").glob("*.json")):
        yield path.stem, bytes([SIGNALS[path.stem.split("-")[0]], 0]) + path.read_bytes()
    names = "caf\u00e9".encode()
    yield "two-spans", b'\x00\x00{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"%s"},{"kind":3}]}]}]}' % names
    yield "surrogates", rb"""  {"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"\ud83d\ude00 \ud83d\\u0041"}]}]}]}"""
    yield "limit", b'\x01\x02{"resource_metrics":[{"scope_metrics":[{"metrics":[{"histogram":{"data_points":[{"bucket_counts":[%s]}]}}]}]}]}' % (
        b",".join([b"0"] * 20))
    yield "numbers", b'\x01\x00{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[%s]}}]}]}]}' % b",".join(
        b'{"asInt":%s,"asDouble":%s,"flags":"1"}' % pair for pair in [(b"1e+21", b'"NaN"'), (b'"-5"', b"1e-400"), (b"9223372036854775808", b"0.1")])
    nested = b'{"arrayValue":{"values":[' * 12
    yield "nested", b'\x02\x00{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":%s]}}}]}]}]}' % (nested + b"null" + b"]}}" * 11)
    yield "unknown", rb"""  {"a":[1,{"b":"]}"}],"resourceSpans":[null,{"resource":null,"schema_url":"x","scopeSpans":[]}],"":{}} {"""


def platform_events():
    event = b'{"time":"2024-01-01T00:00:00.000Z","type":"%s","record":%s}'
    done = event % (b"platform.runtimeDone", b'{"requestId":"1","status":"success","metrics":{"durationMs":1.5}}')
    dropped = event % (b"platform.logsDropped", b'{"droppedBytes":7,"droppedRecords":2,"reason":"slow"}')
    failed = event % (b"platform.report", b'{"status":"error","errorType":"Runtime.ExitError","metrics":{}}')
    function = event % (b"function", rb'"text \u0041\n"')
    yield "done", b"[" + done + b"]"
    yield "several", b"[" + b",".join((function, dropped, failed)) + b"]"
    yield "other", b'[1,"x",{"type":"function","record":{"level":"INFO","tags":["a"]}},{}]'


def url():
    yield "http", b"http://localhost:4318/v1/traces?x=1#y"
    yield "https", b"https://api.example.com"
    yield "six", b"http://[::1]:4318/"
    yield "unix", b"unix:///tmp/a%20b.sock"
    yield "user", b"http://user:password@host/"
    yield "host-port", b"[2001:db8::1]:4317"
    yield "any", b":4318"
    yield "percent", b"a%20b%2"


def header_value():
    yield "date", b"Sun, 06 Nov 1994 08:49:37 GMT"
    yield "date-850", b"Sunday, 06-Nov-94 08:49:37 GMT"
    yield "date-c", b"Sun Nov  6 08:49:37 1994"
    yield "seconds", b"120"
    yield "base64", b"aGVsbG8="
    yield "leap", b"Thu, 29 Feb 2024 23:59:60 GMT"


def answer():
    retry = b"\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x06\x0a\x04\x08\x02\x10\x05"
    yield "accepted", b"\x0a\x00"
    yield "partial", b"\x0a\x0a\x08\x03\x12\x06reason"
    yield "status", b"\x08\x0e\x12\x05later"
    yield "delay", b"\x08\x0e\x12\x05later\x1a" + bytes([len(retry)]) + retry
    yield "json", b'{"code":14,"message":"later"}'
    yield "json-partial", b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}'


def walk():
    for path in sorted(GOLDEN.glob("*.bin")):
        request = path.read_bytes()
        if len(request) <= REQUEST_BYTES_MAX and not path.stem.endswith("-repaired"):
            yield path.stem, bytes([SIGNALS[path.stem.split("-")[0]], 1, 2, 0]) + request
    yield "text", b"\x02\x00\x00\x40" b"\x0a\x0f\x12\x0d\x12\x0b\x2a\x05\x0a\x03a\xffb\x1a\x02\xc3\x28"
    yield "two-resources", b"\x00\x00\x00\x10" b"\x0a\x08\x12\x06\x12\x04\x2a\x02ab\x0a\x06\x12\x04\x12\x02\x2a\x00"


def to_json():
    for stem in ("logs-full", "metrics-unpacked", "logs-deep", "traces-invalid"):
        yield stem, bytes([SIGNALS[stem.split("-")[0]], 0]) + (GOLDEN / f"{stem}.bin").read_bytes()
    yield "pieces", b"\x02\x00" b"\x0a\x13\x1a\x01a\x12\x03\x1a\x01x\x1a\x01b\x0a\x02\x10\x05\x12\x00\x0a\x00"
    yield "oneof", b"\x02\x00" b"\x0a\x11\x12\x0f\x12\x0d\x2a\x0b\x2a\x02\x0a\x00\x0a\x01a\x2a\x02\x0a\x00"
    yield "limit", b"\x00\x01" b"\x0a\x46\x1a\x44" + b"u" * 68


def grpc():
    for name, value in {"seconds": b"10S", "hours": b"99999999H", "minutes": b"75 M", "none": b"", "signed": b"-1m"}.items():
        yield "timeout-" + name, b"\x00" + value
    yield "text", b"\x01plain % text\n\xc3\xa4\xff\xf0\x9f\x98\x80\xed\xa0\x80"
    yield "prefix", b"\x02\x01\x00\x00\x01\x00rest"
    yield "shown", b"\x03application/grpc+\"proto\"\\\t"


def _frame(kind, flags, stream, payload):
    return bytes((kind, flags, stream, len(payload))) + payload


def http2_client():
    """What a back end says, in the target's own form and as it goes over a wire."""

    def block(*fields):
        return b"".join(b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields)

    def head(stream, *more, flags=4):
        return _frame(1, flags, stream, block((b":status", b"200"), (b"content-type", b"application/grpc"), *more))

    def data(stream, payload, flags=0):
        return _frame(0, flags, stream, payload)

    status = (b"grpc-status", b"0")
    message = b"\x00\x00\x00\x00\x02\x0a\x00"
    trailers = _frame(1, 5, 1, block(status))
    zipped = gzip.compress(message[5:], mtime=0)
    yield "answer", b"\xff\x00" + head(1) + data(1, message) + trailers
    yield "bytewise", b"\x00\x00" + head(1) + data(1, message) + trailers
    yield "trailers_only", b"\xff\x00" + head(1, (b"grpc-status", b"8"), (b"grpc-message", b"no%20way"), (b"grpc-status-details-bin", b"CAg"), flags=5)
    yield "zipped", b"\xff\x00" + head(1, (b"grpc-encoding", b"gzip")) + data(1, b"\x01\0\0\0" + bytes([len(zipped)]) + zipped) + trailers
    yield "split", b"\x02\x00" + head(1) + data(1, message[:3]) + data(1, message[3:]) + trailers
    yield "html", b"\xff\x00" + _frame(1, 4, 1, block((b":status", b"502"), (b"content-type", b"text/html"))) + data(1, b"<html>", 1)
    yield "early_hints", b"\xff\x00" + _frame(1, 4, 1, block((b":status", b"103"))) + head(1, status, flags=5)
    yield "refused", b"\xff\x00" + _frame(3, 0, 1, b"\0\0\0\x07") + head(3) + data(3, message) + _frame(1, 5, 3, block(status))
    yield "goodbye", b"\x02\x00" + _frame(7, 0, 0, b"\0\0\0\1\0\0\0\0") + head(1) + data(1, message) + trailers
    yield "given_up", b"\x02\x01" + head(1) + data(1, message) + trailers
    yield "control", b"\xff\x00" + _frame(4, 0, 0, b"\0\3\0\0\0\1") + _frame(6, 0, 0, b"pingpong") + _frame(8, 0, 0, b"\0\0\1\0") + _frame(4, 1, 0, b"")
    yield "no_status", b"\xff\x00" + _frame(1, 5, 1, block((b"a", b"b")))
    yield "http1", b"\xff\x02HTTP/1.1 400 Bad Request\r\n\r\n"
    yield "raw", b"\xff\x02" + b"\0\0\0\4\0\0\0\0\0" + b"\0\0\x08\6\0\0\0\0\0pingpong"


def http2():
    """Frames in the target's own form, and as they go over a wire."""

    def block(path, *more):
        fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"a"),
                  (b"content-type", b"application/grpc"), *more]
        return b"".join(b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields)

    message = b"\x00\x00\x00\x00\x05hello"
    head, data, reset = _frame(1, 4, 1, block(b"/a/Export")), _frame(0, 1, 1, message), _frame(3, 0, 1, b"\0\0\0\x08")
    yield "call", b"\xff\x00" + head + data
    yield "split", b"\xff\x00" + head + _frame(0, 0, 1, message[:3]) + _frame(0, 0, 1, message[3:8]) + _frame(0, 1, 1, message[8:])
    yield "bytewise", b"\x00\x00" + head + data
    yield "late", b"\xff\x01" + head + data + _frame(1, 4, 3, block(b"/a/Export")) + data.replace(b"\x01\x01", b"\x01\x03", 1)
    yield "turns", b"\x02\x00" + head + _frame(1, 4, 3, block(b"/a/Export")) + _frame(0, 0, 1, message[:6]) + _frame(0, 1, 3, message) + _frame(0, 1, 1, message[6:])
    yield "reset", b"\xff\x01" + head + data + reset
    yield "refused", b"\xff\x00" + _frame(1, 5, 1, block(b"/b/c", (b"grpc-timeout", b"1S")))
    yield "timeout", b"\x01\x01" + _frame(1, 4, 1, block(b"/a/Export", (b"grpc-timeout", b"9m"), (b"grpc-encoding", b"gzip"))) + data
    yield "large", b"\xff\x00" + head + _frame(0, 0, 1, b"\0\0\0\xff\xff")
    yield "control", b"\xff\x00" + _frame(4, 0, 0, b"\0\4\0\0\xff\xff") + _frame(6, 0, 0, b"pingpong") + _frame(8, 0, 0, b"\0\0\1\0") + _frame(7, 0, 0, bytes(8))
    yield "trailers", b"\xff\x00" + head + _frame(0, 0, 1, message) + _frame(1, 5, 1, b"\0\1x\1y")
    yield "padded", b"\xff\x00" + head + _frame(0, 9, 1, b"\3" + message + b"\0\0\0")
    yield "continued", b"\xff\x00" + _frame(1, 0, 1, block(b"/a/Export")[:20]) + _frame(9, 4, 1, block(b"/a/Export")[20:]) + data
    yield "raw", b"\xff\x02PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" + b"\0\0\x08\6\0\0\0\0\0pingpong"
    yield "http1", b"\xff\x02GET / HTTP/1.1\r\n\r\n"


COLLECTOR = b"""receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 'localhost:4317'
      http:
        endpoint: "localhost:4318"
processors:
  batch: {timeout: 1s, send_batch_size: 8192}
  decouple:
exporters:
  otlphttp:
    endpoint: http://backend:4318
    headers: {authorization: Bearer x}
    compression: gzip
    retry_on_failure: {enabled: true, initial_interval: 1s500ms}
service:
  telemetry: {logs: {level: debug}}
  pipelines:
    traces: {receivers: [otlp], processors: [batch, decouple], exporters: [otlphttp]}
    logs/audit:
      receivers: [otlp]
      exporters: [otlphttp]
"""


def yaml():
    yield "collector", COLLECTOR
    yield "anchors", b"base: &b {a: 1, c: [x, y]}\nother:\n  <<: *b\n  d: *b\n"
    yield "block", b"a: |\n  text\n  more\nb: >-\n  folded\n  text\nc: !!str 012\n? d\n: [1, 2, {e: ~}]\n"
    yield "joined", b"receivers::otlp::protocols::http::endpoint: localhost:1\n"
    yield "laughs", b"a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c]\n"
    yield "twice", b"a: 1\na: 2\n--- \nb: 3\n"
    yield "wrong", b"a: [1, 2\nb: }\n\t- x"


def expand():
    yield "variables", b"a: ${env:A}\nb: x${B}y\nc: ${env:C:-default}\n\x00[1, {d: e}]\x00two\x00"
    yield "nested", b"a: ${env:${B}}\nb: $${A} $$${A}\nc: '${A}'\n\x00yes\x00A\x00"
    yield "files", b"a: ${file:f}\nb: ${yaml:[x, y]}\n${A}: c\n\x00k\x00\x00line: 1\n"
    yield "loops", b"a: ${A}\n\x00${B}${B}\x00${A}\x00"
    yield "schemes", b"a: ${http://x}\nb: ${s3:y}\nc: ${\nd: ${}\n\x00\x00\x00"


def journal():
    def unit(generation, body, identifier=b"otlp", state=b"L", signal=0, content=b"request"):
        head = b"R" + bytes([generation]) + body.to_bytes(2, "big") + bytes([0, len(identifier), signal]) + state + b"\1"
        return (head.ljust(32, b"\0") + identifier + content).ljust(64, b"\0")

    yield "one", b"\0" + unit(1, 7)
    yield "done", b"\0" + unit(1, 7, state=b"D") + unit(1, 7)
    yield "generations", b"\0" + unit(3, 7) + unit(2, 7) + unit(3, 7, state=b"D")
    yield "too-long", b"\0" + unit(1, 60000)
    yield "head-damaged", b"\x15" + unit(1, 7)
    yield "garbage-between", b"\0" + b"x" * 128 + unit(1, 7)


TARGETS = {
    "answer": answer, "chunked": chunked, "expand": expand, "grpc": grpc, "gzip": gzip_inputs, "header_value": header_value, "http": http, "http2": http2, "http2_client": http2_client,
    "journal": journal, "json": json, "json_otlp": json_otlp, "lz4": lambda: in_every_form("lz4"),
    "platform_events": platform_events, "snappy": lambda: in_every_form("x-snappy-framed", "snappy"), "to_json": to_json, "url": url, "walk": walk, "yaml": yaml, "zstd": lambda: in_every_form("zstd"),
}


def main():
    for target, inputs in TARGETS.items():
        directory = HERE / "corpus" / target
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        for name, content in inputs():
            (directory / name).write_bytes(content)


if __name__ == "__main__":
    main()

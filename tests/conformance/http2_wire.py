# SPDX-License-Identifier: Apache-2.0
"""A strict back end for OTLP over HTTP/2, as otlphttp finds it behind TLS: grpc_wire's, with requests and answers of
HTTP. Of an answer http_status counts (none: 200), headers, rejected and message.
"""

from google.protobuf.json_format import MessageToJson, ParseError
from google.protobuf.message import DecodeError

import compressions
import grpc_wire
import items
import otlp_json
from backend import JSON, PROTOBUF, response_message

PATHS = {f"/v1/{signal}": signal for signal in items.SIGNALS}
_CONNECTION_HEADERS = ("connection", "keep-alive", "transfer-encoding", "upgrade", "host")


class _HttpConnection(grpc_wire.Connection):
    is_grpc = False

    def examine(self, call):
        headers, wrong = call.headers, call.violations
        call.signal = PATHS.get(headers.get(":path"))
        expected = {":method": "POST", ":scheme": "https" if self._secured else "http", "content-length": str(len(call.body))}
        wrong += [f"{name} is {headers.get(name)!r}" for name, value in expected.items() if headers.get(name) != value]
        wrong += [f"no {name}" for name in (":authority", "user-agent") if not headers.get(name)]
        wrong += [f"{name} is HTTP/1.1's" for name in _CONNECTION_HEADERS if name in headers]
        if call.signal is None or headers.get("content-type") not in (PROTOBUF, JSON):
            wrong.append(f"path {headers.get(':path')!r}, content type {headers.get('content-type')!r}")
            return False
        try:
            encoding = headers.get("content-encoding")
            call.message = compressions.decompress(encoding, call.body) if encoding else call.body
            is_json = headers["content-type"] == JSON
            call.decoded = otlp_json.read(call.signal, call.message) if is_json else items.decode(call.signal, call.message)
        except (ValueError, DecodeError, ParseError) as problem:
            wrong.append(f"the body cannot be read: {problem!r}")
            return False
        wrong += items.wrong_ids(call.decoded)
        return True

    def answer_http(self, call, answer):
        status = 400 if call.violations else answer.http_status or 200
        media_type = call.headers.get("content-type", PROTOBUF)
        message = response_message(call.signal, status, answer)
        body = MessageToJson(message).encode() if media_type == JSON else message.SerializeToString()
        head = [(":status", str(status)), ("content-type", media_type), ("content-length", str(len(body))), *answer.headers]
        self._h2.send_headers(call.stream, head, end_stream=not body)
        if body:
            self._h2.send_data(call.stream, body, end_stream=True)


class Http2Wire(grpc_wire.GrpcWire):
    connection = _HttpConnection

    @property
    def url(self):
        return f"https://{self.address}"

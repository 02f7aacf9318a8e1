# SPDX-License-Identifier: Apache-2.0
"""The least of a Lambda that a runtime interface client and an extension need, to check the demonstration function and
extension.py themselves.

It is no model of the platform: no freeze, no buffering, no life cycle. The platform's model is tools/lambda.
"""

import http.server
import json
import threading
import time
import urllib.error
import urllib.request
import uuid


class LambdaStub:
    """Serves `events` as invocations one after the other, then SHUTDOWN to the extension. `address` is
    AWS_LAMBDA_RUNTIME_API.
    """

    def __init__(self, events):
        self._state = threading.Condition()
        self._waiting = list(events)
        self._shut_down = False
        self._current = None
        self._announced = None
        self._outstanding = False
        self._identifier = str(uuid.uuid4())
        self.destination = None
        self.registered_events = None
        self.responses = []
        self.errors = []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, answer = stub.handle(self.command, self.path, self.headers, body)
                payload = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {
                    **headers,
                    "Content-Type": "application/json",
                    "Content-Length": str(len(payload)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = do_PUT = handle_any

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shut_down()
        self._server.shutdown()
        self._server.server_close()

    def wait_for_responses(self, count, seconds=30):
        """Whether so many invocations ended, well or badly, in time."""
        with self._state:
            return self._state.wait_for(lambda: len(self.responses) + len(self.errors) >= count, seconds)

    def wait_until_asked(self, seconds=30):
        """Whether the extension saw every invocation and asks for the next event, in time."""
        with self._state:
            return self._state.wait_for(lambda: self._outstanding and self._announced == self._current, seconds)

    def shut_down(self):
        """Answers the extension's `next` with SHUTDOWN once it has seen every invocation."""
        with self._state:
            self._shut_down = True
            self._state.notify_all()

    def deliver(self, events):
        """Sends Telemetry API events to the extension's listener. Returns the status of the answer."""
        request = urllib.request.Request(
            self.destination, json.dumps(events).encode(), {"Content-Type": "application/json"}
        )
        try:
            return urllib.request.urlopen(request).status
        except urllib.error.HTTPError as error:
            return error.code

    def handle(self, method, path, headers, body):
        ok = {"status": "OK"}
        if path == "/2018-06-01/runtime/invocation/next":
            return self._runtime_next()
        if path.startswith("/2018-06-01/runtime/"):
            return self._runtime_answer(path.rsplit("/", 1)[1], json.loads(body or b"null"))
        if path == "/2020-01-01/extension/register":
            return self._register(json.loads(body))
        if path == "/2020-01-01/extension/event/next":
            return self._extension_next(headers.get("Lambda-Extension-Identifier"))
        if path == "/2022-07-01/telemetry":
            self.destination = json.loads(body)["destination"]["URI"]
            return 200, {}, "OK"
        return 202, {}, ok

    def _runtime_next(self):
        with self._state:
            self._state.wait_for(lambda: self._waiting)
            event, self._current = self._waiting.pop(0), str(uuid.uuid4())
            self._state.notify_all()
            headers = {
                "Lambda-Runtime-Aws-Request-Id": self._current,
                "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 30000),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:demo",
                "Lambda-Runtime-Trace-Id": "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1",
            }
            return 200, headers, event

    def _runtime_answer(self, kind, body):
        with self._state:
            (self.responses if kind == "response" else self.errors).append(body)
            self._state.notify_all()
        return 202, {}, {"status": "OK"}

    def _register(self, body):
        if set(body["events"]) - {"INVOKE", "SHUTDOWN"}:
            return 403, {}, {"errorType": "Extension.InvalidEventType", "errorMessage": "no such event"}
        self.registered_events = body["events"]
        answer = {
            "functionName": "demo",
            "functionVersion": "$LATEST",
            "handler": "handler.handler",
            "accountId": "123456789012",
        }
        return 200, {"Lambda-Extension-Identifier": self._identifier}, answer

    def _extension_next(self, identifier):
        if identifier != self._identifier:
            return 403, {}, {"errorType": "Extension.UnknownExtensionIdentifier", "errorMessage": "unknown"}
        with self._state:
            if self._outstanding:
                return 403, {}, {"errorType": "Extension.InvalidExtensionState", "errorMessage": "next is outstanding"}
            self._outstanding = True
            self._state.notify_all()
            self._state.wait_for(lambda: self._announced != self._current or self._shut_down)
            self._outstanding = False
            deadline = int(time.time() * 1000) + 2000
            if self._announced == self._current:
                return 200, {}, {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": deadline}
            self._announced = self._current
            arn = "arn:aws:lambda:eu-central-1:123456789012:function:demo"
            return (
                200,
                {},
                {
                    "eventType": "INVOKE",
                    "deadlineMs": deadline + 28000,
                    "requestId": self._current,
                    "invokedFunctionArn": arn,
                },
            )

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small Lambda extension in the standard library alone, to check the local Lambda that our own program is tried in.

It registers for INVOKE and SHUTDOWN, subscribes to the Telemetry API, asks for events and writes what it saw to the
file named in STINT_TEST_EXTENSION_OUT, one JSON object per line with `at` (epoch seconds) and `kind`. A step of any
kind carries status, headers and body.

STINT_TEST_EXTENSION_MODE makes it misbehave:
  second-next       a second `next` while the first is outstanding; goes on afterwards
  never-next        registers, then never asks for an event
  crash-init        ends with status 1 before it registers
  crash-registered  ends with status 1 between register and `next`
  crash-invoke      ends with status 1 in its first invocation
  hang-shutdown     stays after SHUTDOWN until it is killed
  init-error        reports /init/error and ends; exit-error: /exit/error in its first invocation
  bad-events        registers for an event that does not exist; no-name: registers without its name
  bad-identifier    asks for `next` without an identifier, with a malformed and with an unknown one; goes on afterwards
  late-subscribe    subscribes in its first invocation, when the platform must refuse
  invoke-only       registers for INVOKE alone; shutdown-only: for SHUTDOWN alone; no-events: for none
  refuse-telemetry  answers the first delivery with 500, so that it has to come again
STINT_TEST_EXTENSION_TYPES (comma list) and STINT_TEST_EXTENSION_SCHEMA change the subscription,
STINT_TEST_EXTENSION_LISTENER its host name (sandbox.localdomain); STINT_TEST_EXTENSION_HOLD=1 holds `next` until
platform.runtimeDone of the invocation has arrived.
"""

import http.client
import http.server
import json
import os
import sys
import threading
import time

API = os.environ.get("AWS_LAMBDA_RUNTIME_API", "")
MODE = os.environ.get("STINT_TEST_EXTENSION_MODE", "")
NAME = os.path.basename(sys.argv[0])
_lock = threading.Lock()
_runtime_done = {}


def record(kind, **fields):
    line = json.dumps({"at": time.time(), "kind": kind, **fields}, ensure_ascii=False) + "\n"
    with _lock, open(os.environ.get("STINT_TEST_EXTENSION_OUT", "/dev/stderr"), "a", encoding="utf-8") as out:
        out.write(line)


def call(kind, method, path, headers=None, body=None):
    """One call on its own connection, without a time limit. Returns (status, headers in lower case, decoded body)."""
    connection = http.client.HTTPConnection(API, timeout=None)
    payload = None if body is None else json.dumps(body).encode()
    sent = dict(headers or {}, **({"Content-Type": "application/json"} if payload is not None else {}))
    connection.request(method, path, payload, sent)
    answer = connection.getresponse()
    text = answer.read().decode("utf-8")
    connection.close()
    try:
        decoded = json.loads(text)
    except ValueError:
        decoded = text
    received = {name.lower(): value for name, value in answer.getheaders()}
    record(kind, status=answer.status, headers=received, body=decoded)
    return answer.status, received, decoded


class Listener(http.server.BaseHTTPRequestHandler):
    """Takes deliveries of the Telemetry API."""

    protocol_version = "HTTP/1.1"
    refusals = 1 if MODE == "refuse-telemetry" else 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with _lock:
            refused = Listener.refusals > 0
            Listener.refusals -= refused
        try:
            events = json.loads(body)
        except ValueError:
            events = body.decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        record("telemetry", path=self.path, headers=headers, refused=refused, events=events)
        for event in events if isinstance(events, list) else ():
            if event.get("type") == "platform.runtimeDone" and not refused:
                runtime_done(event["record"].get("requestId")).set()
        self.send_response(500 if refused else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def runtime_done(request_id):
    with _lock:
        return _runtime_done.setdefault(request_id, threading.Event())


def events_wanted():
    return {
        "bad-events": ["INVOKE", "SLEEP"],
        "invoke-only": ["INVOKE"],
        "shutdown-only": ["SHUTDOWN"],
        "no-events": [],
    }.get(MODE, ["INVOKE", "SHUTDOWN"])


def register():
    """Returns the identifier; ends the process when the platform refuses."""
    headers = {"Lambda-Extension-Accept-Feature": "accountId"}
    if MODE != "no-name":
        headers["Lambda-Extension-Name"] = NAME
    status, received, _ = call(
        "register", "POST", "/2020-01-01/extension/register", headers, {"events": events_wanted()}
    )
    if status != 200:
        sys.exit(1)
    return received["lambda-extension-identifier"]


def subscribe(identifier):
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = os.environ.get("STINT_TEST_EXTENSION_LISTENER", "sandbox.localdomain")
    body = {
        "schemaVersion": os.environ.get("STINT_TEST_EXTENSION_SCHEMA", "2022-12-13"),
        "types": os.environ.get("STINT_TEST_EXTENSION_TYPES", "platform,function,extension").split(","),
        "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": f"http://{host}:{server.server_address[1]}/telemetry"},
    }
    call("subscribe", "PUT", "/2022-07-01/telemetry", {"Lambda-Extension-Identifier": identifier}, body)


def report_error(kind, identifier):
    """kind: init or exit."""
    headers = {"Lambda-Extension-Identifier": identifier, "Lambda-Extension-Function-Error-Type": "Extension.TestError"}
    body = {"errorMessage": "asked to fail", "errorType": "Extension.TestError", "stackTrace": []}
    call(f"{kind}-error", "POST", f"/2020-01-01/extension/{kind}/error", headers, body)
    sys.exit(1)


def next_event(identifier):
    return call("next", "GET", "/2020-01-01/extension/event/next", {"Lambda-Extension-Identifier": identifier})


def second_next(identifier):
    """Two at once: a thread of its own asks first, this one is refused. The first answer is the event to go on with."""
    first = []
    thread = threading.Thread(target=lambda: first.append(next_event(identifier)))
    thread.start()
    # The order of two connections is the platform's to choose; whichever is refused has shown what it had to show.
    time.sleep(0.2)
    mine = call("second-next", "GET", "/2020-01-01/extension/event/next", {"Lambda-Extension-Identifier": identifier})
    thread.join()
    return first[0] if first[0][0] == 200 else mine


def bad_identifiers():
    path = "/2020-01-01/extension/event/next"
    call("next-without-identifier", "GET", path)
    call("next-malformed-identifier", "GET", path, {"Lambda-Extension-Identifier": "nobody"})
    unknown = {"Lambda-Extension-Identifier": "00000000-0000-4000-8000-000000000000"}
    call("next-unknown-identifier", "GET", path, unknown)


def invocation(identifier, event, first):
    if first and MODE == "crash-invoke":
        os._exit(1)
    if first and MODE == "exit-error":
        report_error("exit", identifier)
    if first and MODE == "late-subscribe":
        subscribe(identifier)
    if os.environ.get("STINT_TEST_EXTENSION_HOLD") == "1":
        left = max(0.0, event["deadlineMs"] / 1000 - time.time())
        record("held", requestId=event["requestId"], done=runtime_done(event["requestId"]).wait(left))


def main():
    record("start", name=NAME, argv=sys.argv, environment=dict(os.environ), directory=os.getcwd())
    if MODE == "crash-init":
        os._exit(1)
    identifier = register()
    if MODE != "late-subscribe":
        subscribe(identifier)
    if MODE == "init-error":
        report_error("init", identifier)
    if MODE == "crash-registered":
        os._exit(1)
    if MODE == "never-next":
        threading.Event().wait()
    if MODE == "bad-identifier":
        bad_identifiers()
    invocations = 0
    ask = second_next if MODE == "second-next" else next_event
    while True:
        status, _, event = ask(identifier)
        ask = next_event
        if status != 200:
            return 1
        if event["eventType"] == "SHUTDOWN":
            if MODE == "hang-shutdown":
                threading.Event().wait()
            record("end")
            return 0
        invocations += 1
        invocation(identifier, event, invocations == 1)


if __name__ == "__main__":
    sys.exit(main())

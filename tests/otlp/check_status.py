#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bodies of answers, read and written by the official libraries.

    python3 tests/otlp/check_status.py [OTLP_TOOL]

One line per check, `ok NAME` or `not ok NAME` with what is wrong; ends non-zero when one is not.
"""

from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from check import check, find_tool, finish, records, run
import items

REJECTED = {"traces": "rejected_spans", "metrics": "rejected_data_points", "logs": "rejected_log_records"}


def official_status(code, message, delay_ms):
    status = status_pb2.Status(code=code, message=message)
    if delay_ms >= 0:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromMilliseconds(delay_ms)
        status.details.add().Pack(info)
    return status


def status_problems(tool, code, message, delay_ms):
    wanted = official_status(code, message, delay_ms)
    body, json = records(run(tool, "status", code, message, delay_ms))
    if status_pb2.Status.FromString(body) != wanted:
        yield f"protobuf: {status_pb2.Status.FromString(body)} instead of {wanted}"
    if json_format.Parse(json, status_pb2.Status()) != wanted:
        yield f"JSON: {json}"
    line = run(tool, "read-status", stdin=wanted.SerializeToString()).decode().rstrip("\n")
    if line != f"{code} {delay_ms * 1_000_000 if delay_ms >= 0 else -1} {message}":
        yield f"read: {line}"


def response_problems(tool, signal, rejected, message):
    wanted = items.RESPONSES[signal]()
    wanted.partial_success.SetInParent()
    setattr(wanted.partial_success, REJECTED[signal], rejected)
    wanted.partial_success.error_message = message
    body, json = records(run(tool, "response", signal, rejected, message))
    if body != wanted.SerializeToString():
        yield f"protobuf: {body!r} instead of {wanted.SerializeToString()!r}"
    if json_format.Parse(json, items.RESPONSES[signal]()) != wanted:
        yield f"JSON: {json}"
    line = run(tool, "read-response", stdin=wanted.SerializeToString()).decode().rstrip("\n")
    if line != f"{rejected} {message}":
        yield f"read: {line}"


def main():
    tool = find_tool()
    for code, message, delay_ms in [(3, "malformed protobuf: \"x\"", -1), (14, "später 🐦\t\\", 1500), (8, "", 60000), (14, "now", 0), (0, "", -1), (13, "m", 1)]:
        check(f"status {code} with a delay of {delay_ms} ms", status_problems(tool, code, message, delay_ms))
    for signal in items.SIGNALS:
        for rejected, message in [(0, ""), (12345, "too old"), (0, "a warning")]:
            check(f"response of {signal}, {rejected} rejected, \"{message}\"", response_problems(tool, signal, rejected, message))
    finish()


if __name__ == "__main__":
    main()

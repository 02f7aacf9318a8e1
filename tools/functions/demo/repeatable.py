# SPDX-License-Identifier: Apache-2.0
"""Time, ids and chance of the demonstration function.

Ordinarily they are the machine's. With STINT_DEMO_SEED in the environment every run with the same seed makes the same
telemetry, byte for byte: the clock stands still except where the function works, ids are drawn from the seed, and so
are the exemplars that the SDK picks by chance. This module has to be imported before the SDK, which takes its clock
by name when it is imported.
"""

import logging
import os
import random
import time
import uuid

SEED = os.environ.get("STINT_DEMO_SEED")
_START_NS = 1_760_000_000_000_000_000
_now_ns = _START_NS


def _stamped(*arguments, **keywords):
    record = _make_record(*arguments, **keywords)
    record.created = _now_ns / 1e9
    return record


if SEED is not None:
    time.time_ns = lambda: _now_ns
    _make_record = logging.getLogRecordFactory()
    logging.setLogRecordFactory(_stamped)


class Ids:
    """The SDK's id generator; repeatable after `begin_invocation`."""

    def __init__(self):
        self._random = random.SystemRandom() if SEED is None else random.Random(SEED)

    def begin_invocation(self, number, request_id):
        """Returns the id of the invocation: the platform's, or one drawn from seed and number."""
        global _now_ns
        if SEED is None:
            return request_id
        _now_ns = _START_NS + number * 1_000_000_000
        self._random = random.Random(f"{SEED}/{number}")
        random.seed(f"{SEED}/{number}")
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def generate_trace_id(self):
        return self._random.getrandbits(128) or 1

    def generate_span_id(self):
        return self._random.getrandbits(64) or 1

    def is_trace_id_random(self):
        return True


def instance_id():
    """The id of this execution environment."""
    if SEED is None:
        return os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME") or str(uuid.uuid4())
    return str(uuid.UUID(int=random.Random(SEED).getrandbits(128), version=4))


def work(milliseconds):
    """Takes that much time, or moves the standing clock by it."""
    global _now_ns
    if SEED is None:
        time.sleep(milliseconds / 1000)
    else:
        _now_ns += int(milliseconds * 1_000_000)

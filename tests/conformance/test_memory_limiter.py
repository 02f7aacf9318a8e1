# SPDX-License-Identifier: Apache-2.0
"""`memory_limiter`: while more than its soft limit of data waits for a back end that is down, senders are told to come
again; what was accepted arrives, and what was refused arrives when they do.
"""

import grpc

import generate
import items
from backend import Answer
from client import assert_success, post_message
from collector import free_port, poll
from test_grpc_ingest import Sender, detail_of

ONE_MIB = {"check_interval": "1s", "limit_mib": 1}
SOON = {"retry_on_failure": {"initial_interval": "50ms", "max_interval": "50ms"}}
BATCHED = {"processors": ("memory_limiter", "decouple"), "memory_limiter": ONE_MIB}


def large_spans(seed):
    """One request of 100 KiB and a little."""
    request = generate.request("traces", seed)
    request.resource_spans[0].resource.attributes.add(key="padding").value.string_value = "x" * (100 << 10)
    return request


def send_until_refused(running, most=40):
    """Returns the requests that were accepted and the first refusal."""
    accepted = []
    for seed in range(most):
        request = large_spans(seed)
        answer = post_message(running.port, "traces", request)
        if answer.status != 200:
            return accepted, request, answer
        accepted.append(request)
    raise AssertionError(f"{most} requests were accepted")


def test_a_sender_is_refused_for_now_while_the_soft_limit_is_inside(backend, collector):
    backend.answer_always(Answer(status=503))
    grpc_port = free_port()
    over_grpc = {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{grpc_port}"}}}
    running = collector(SOON, **BATCHED, more_receivers={"otlp/grpc": over_grpc})
    accepted, refused, answer = send_until_refused(running)
    assert 4 <= len(accepted) <= 8, "the soft limit is 0.8 MiB"
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.rpc_status().code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    with Sender(f"127.0.0.1:{grpc_port}") as sender:
        error = sender.call("traces", refused.SerializeToString())
        assert (error.code(), detail_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 1)
        assert "processors::memory_limiter: " in running.log() and "what comes is refused" in running.log()
        backend.answer_always(Answer())
        expected = [item for request in accepted for item in items.items("traces", request)]
        items.assert_equal(expected, backend.wait_for_items(len(expected)))
        # As soon as it has gone out the sender's next try is taken.
        assert poll(lambda: sender.call("traces", refused.SerializeToString()) == b"\n\x00")
    assert_success(post_message(running.port, "traces", refused))
    expected += items.items("traces", refused) * 2
    items.assert_equal(expected, backend.wait_for_items(len(expected)))


def test_without_it_the_same_is_accepted(backend, collector):
    backend.answer_always(Answer(status=503))
    running = collector(SOON, processors=("decouple",))
    expected = []
    for seed in range(40):
        assert_success(post_message(running.port, "traces", large_spans(seed)))
        expected += items.items("traces", large_spans(seed))
    backend.answer_always(Answer())
    items.assert_equal(expected, backend.wait_for_items(len(expected)))


def test_behind_a_processor_that_has_accepted_it_refuses_nothing_and_says_so(backend, collector):
    backend.answer_always(Answer(status=503))
    running = collector(SOON, processors=("decouple", "memory_limiter"),
                        memory_limiter=ONE_MIB)
    expected = []
    for seed in range(12):
        assert_success(post_message(running.port, "traces", large_spans(seed)))
        expected += items.items("traces", large_spans(seed))
    assert "'memory_limiter' refuses nothing here" in running.log(), running.log()
    backend.answer_always(Answer())
    items.assert_equal(expected, backend.wait_for_items(len(expected)))

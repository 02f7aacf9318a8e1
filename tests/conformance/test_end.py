# SPDX-License-Identifier: Apache-2.0
"""The end of the collector as an ordinary process: what is inside goes out, the last line counts the rest, and a second
signal ends the wait for a back end that hangs.
"""

import re
import signal
import threading

import pytest

import generate
import items
from backend import Answer
from client import assert_success, post, post_message
from collector import poll

HELD = {"timeout": "1h", "send_batch_size": 1000000}
BATCHED = {"processors": ("batch", "decouple"), "batch": HELD}
LINE = re.compile(
    r"ended: (?P<why>\w+): (?P<accepted>\d+) items accepted, (?P<delivered>\d+) delivered, (?P<dropped>\d+) dropped"
    r"(?: \((?P<reasons>[^)]*)\))?, (?P<recovered>\d+) recovered, (?P<journalled>\d+) left in the journal, "
    r"(?P<refused>\d+) requests refused, (?P<again>\d+) sent again$", re.MULTILINE)


def last_line(running):
    found = LINE.findall(running.log())
    assert len(found) == 1, running.log()
    return LINE.search(running.log()).groupdict()


def send_some(running):
    request = generate.request("traces", 1)
    assert_success(post_message(running.port, "traces", request))
    return items.items("traces", request)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sends_what_is_inside_and_the_last_line_counts(backend, collector, number):
    backend.answer(Answer(status=503))
    # Without the signal it would be sent again after a minute.
    running = collector({"retry_on_failure": {"initial_interval": "60s", "max_interval": "60s"}}, processors=("decouple",))
    sent = send_some(running)
    assert backend.wait_for_requests(1)
    assert post(running.port, b"nonsense").status == 400
    running.process.send_signal(number)
    assert running.process.wait(30) == 0
    items.assert_equal(sent, backend.items())
    line = last_line(running)
    assert line["why"] == number.name
    assert int(line["accepted"]) == int(line["delivered"]) == len(sent)
    assert (line["dropped"], line["refused"], line["again"]) == ("0", "1", "1")


def test_what_cannot_be_sent_is_counted_with_its_reason(backend, collector):
    backend.answer_always(Answer(status=503))
    running = collector(**BATCHED)
    sent = send_some(running)
    assert running.terminate() == 0
    assert last_line(running)["reasons"] == f"{len(sent)} environment_end"


def test_a_back_end_that_is_busy_at_the_end_is_asked_again(backend, collector):
    backend.answer(*[Answer(status=503)] * 3)
    running = collector({"retry_on_failure": {"initial_interval": "60s", "max_interval": "60s"}}, **BATCHED)
    sent = send_some(running)
    assert running.terminate() == 0
    items.assert_equal(sent, backend.items())
    line = last_line(running)
    assert (line["delivered"], line["dropped"], line["again"]) == (str(len(sent)), "0", "3")


def test_a_second_signal_waits_for_nothing(backend, collector):
    hold = threading.Event()
    backend.answer_always(Answer(hold=hold, counts=False))
    running = collector(**BATCHED)
    sent = send_some(running)
    running.process.send_signal(signal.SIGTERM)
    assert backend.wait_for_requests(1), "the first one sends it"
    assert running.process.poll() is None
    running.process.send_signal(signal.SIGTERM)
    # The first one alone would wait for ten seconds.
    assert poll(lambda: running.process.poll() is not None, 8), running.log()
    hold.set()
    assert running.process.returncode == 0
    line = last_line(running)
    assert (line["delivered"], line["dropped"]) == ("0", str(len(sent)))

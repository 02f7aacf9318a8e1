# SPDX-License-Identifier: Apache-2.0
"""The journal's file while the collector writes to it: others cut it at any moment, or the process is killed. In an
ordinary process STINT_JOURNAL names it.
"""

import os
import random
import threading

import pytest

import items
import seeded
from backend import Answer
from client import assert_success
from collector import Collector, configuration, poll


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def journalled(collector, path):
    """A function that starts a collector with a journal, whose pipeline accepts before it delivers."""

    def start(**settings):
        return collector(processors=("decouple",), environment={"STINT_JOURNAL": str(path)}, **settings)

    return start


def send(running, seed):
    assert_success(seeded.send(running, seed))
    return seeded.span_items(seed)


def first_record_is_done(path):
    """Source: pipeline/journal_record.h."""
    return path.read_bytes()[4096 + 31 : 4096 + 32] == b"D"


def warm_up(running, backend, path):
    """Until records take the room of former ones, which are stored without a call."""
    sent = []
    for seed in range(5):
        sent += send(running, seed)
        assert backend.wait_for_items(len(sent))
        assert poll(lambda: first_record_is_done(path))
    maps = f"/proc/{running.process.pid}/maps"
    with open(maps, encoding="utf-8") as mapped:
        assert str(path) in mapped.read()
    return sent


def test_a_file_that_is_cut_under_a_record_harms_neither_it_nor_the_next(backend, journalled, path, loop):
    running = journalled()
    sent = warm_up(running, backend, path)
    hold = threading.Event()
    backend.answer(Answer(hold=hold))
    requests = len(backend.requests)
    sent += send(running, 10)
    assert backend.wait_for_requests(requests + 1)
    os.truncate(path, 0)
    hold.set()
    assert backend.wait_for_items(len(sent))  # the mark of its end finds no page
    for seed in range(11, 15):
        sent += send(running, seed)
    assert backend.wait_for_items(len(sent))
    items.assert_equal(sent, backend.items())
    assert running.log().count("it was truncated while in use") == 1, running.log()


def test_a_file_that_is_cut_at_any_moment_harms_nothing(backend, journalled, path):
    running = journalled()
    sent = warm_up(running, backend, path)
    over = threading.Event()
    cuts = 0

    def cut():
        nonlocal cuts
        chance = random.Random(1)
        while not over.wait(chance.random() / 500):
            os.truncate(path, chance.choice((0, 1, 4096, 5000, 20_000, path.stat().st_size)))
            cuts += 1

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        for seed in range(20, 320):
            sent += send(running, seed)
    finally:
        over.set()
        cutter.join()
    assert cuts > 10
    assert backend.wait_for_items(len(sent))
    items.assert_equal(sent, backend.items())
    assert running.log().count("it was truncated while in use") == 1, running.log()


def test_what_took_the_room_of_former_records_survives_a_kill(backend, journalled, free_port, path, tmp_path):
    port = free_port()
    killed = Collector(tmp_path, configuration(port, {"endpoint": backend.url}, ("decouple",)), port, STINT_JOURNAL=str(path))
    try:
        killed.wait_until_ready()
        before = warm_up(killed, backend, path)
        hold = threading.Event()
        backend.answer_always(Answer(hold=hold, counts=False))
        requests = len(backend.requests)
        kept = send(killed, 30) + send(killed, 31)
        assert backend.wait_for_requests(requests + 2)  # which will not be answered
    finally:
        killed.process.kill()
        killed.process.wait()
    hold.set()
    backend.answer_always(Answer())
    journalled()
    assert backend.wait_for_items(len(before) + len(kept))
    items.assert_equal(before + kept, backend.items())

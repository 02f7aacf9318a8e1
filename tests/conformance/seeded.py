# SPDX-License-Identifier: Apache-2.0
"""Requests by their seeds, sent to a collector over HTTP, and the items that have to come out of them."""

import threading

import generate
import items
from client import assert_success, post_message


def spans(seed):
    return generate.request("traces", seed)


def span_items(*seeds):
    return [item for seed in seeds for item in items.items("traces", spans(seed))]


def send(running, seed, signal="traces"):
    return post_message(running.port, signal, generate.request(signal, seed))


def send_every_signal(running, seeds):
    """Requests of each signal, all of which are accepted. Returns their items."""
    sent = []
    for seed in seeds:
        for signal in items.SIGNALS:
            assert_success(send(running, seed, signal), signal)
            sent += items.items(signal, generate.request(signal, seed))
    return sent


def send_in_background(running, *seeds):
    """Starts a sender for each. Returns a function that waits for their answers."""
    answers = {}
    threads = [threading.Thread(target=lambda seed=seed: answers.update({seed: send(running, seed)})) for seed in seeds]
    for thread in threads:
        thread.start()

    def wait():
        for thread in threads:
            thread.join(60)
        return [answers[seed] for seed in seeds]

    return wait

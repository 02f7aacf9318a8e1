# SPDX-License-Identifier: Apache-2.0
"""Compressed bodies in every encoding and form of its real libraries: in at the receiver, out at the exporter, and what
is cut, damaged, too large or not asked for.
"""

import random

import pytest

import client
import compressions
import generate
import items
from client import Client, assert_success, post
from collector import poll

MIB = 1 << 20
NAMES = list(compressions.FORMS)


def request(seed):
    return generate.request("traces", seed)


def large_request(seed):
    """Of some 600 KB, which all libraries write in several blocks."""
    whole = request(seed)
    part = whole.SerializeToString()
    return items.decode("traces", part * (600_000 // len(part)))


def assert_arrives(backend, *messages):
    expected = [item for message in messages for item in items.items("traces", message)]
    items.assert_equal(expected, backend.wait_for_items(len(expected)))


# In


@pytest.mark.parametrize("name, form", compressions.ALL_FORMS, ids=lambda value: value or "usual")
def test_every_form_of_every_encoding_arrives(backend, collector, name, form):
    running = collector()
    sent = [request(1), large_request(2)]
    for message in sent:
        body = compressions.compress(name, message.SerializeToString(), form)
        assert_success(post(running.port, body, content_encoding=name))
    with Client(running.port) as connection:
        body = compressions.compress(name, request(3).SerializeToString(), form)
        assert_success(connection.exchange(client.chunked(body, (7, 100), content_encoding=name)))
    assert_arrives(backend, *sent, request(3))


@pytest.mark.parametrize("name", NAMES)
def test_a_body_cut_anywhere_gets_400(backend, collector, name):
    running = collector()
    body = compressions.compress(name, request(1).SerializeToString())
    # What ends within a stream's head may be an empty stream, and that an empty request.
    shortest = 11 if name == "x-snappy-framed" else 1
    with Client(running.port) as connection:
        for length in range(shortest, len(body), max(1, len(body) // 150)):
            connection.send(client.request(body[:length], content_encoding=name))
            answer = connection.receive()
            assert answer.status == 400 and answer.rpc_status().code == 3, length
            assert name in answer.rpc_status().message
        assert_success(connection.exchange(client.request(body, content_encoding=name)))
    assert_arrives(backend, request(1))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "snappy"])  # which carries no checksum
def test_damaged_bodies_get_an_answer_and_harm_nobody(collector, name):
    running = collector()
    source = random.Random(name)
    body = compressions.compress(name, large_request(1).SerializeToString())
    with Client(running.port) as connection:
        for _ in range(60):
            bad = bytearray(body)
            for _ in range(source.randrange(1, 4)):
                bad[source.randrange(len(bad))] ^= 1 << source.randrange(8)
            connection.send(client.request(bytes(bad), content_encoding=name))
            # Heads hold bits that say nothing.
            assert connection.receive().status in (200, 400)
    assert running.process.poll() is None


@pytest.mark.parametrize("name, form", compressions.ALL_FORMS, ids=lambda value: value or "usual")
def test_a_bomb_gets_400_within_the_memory(backend, collector, name, form):
    running = collector()
    bomb = compressions.bomb(name, 256 * MIB, form)
    if len(bomb) > 20 * MIB:
        pytest.skip("it is too large before it is unpacked")
    before = running.memory_peak_mib()
    for _ in range(3):
        answer = post(running.port, bomb, content_encoding=name)
        assert answer.status == 400
        assert answer.rpc_status().message.startswith("http: request body too large")
    # The bound of a body and a little; a build with sanitizers has shadows of it.
    assert running.memory_peak_mib() - before < 100
    assert_success(post(running.port, compressions.compress(name, request(1).SerializeToString()), content_encoding=name))
    assert_arrives(backend, request(1))


@pytest.mark.parametrize("name", NAMES)
def test_the_configured_limit_counts_what_is_unpacked(backend, collector, name):
    body = request(1).SerializeToString()
    running = collector(receiver={"max_request_body_size": len(body)})
    assert_success(post(running.port, compressions.compress(name, body), content_encoding=name))
    answer = post(running.port, compressions.compress(name, body * 2), content_encoding=name)
    assert answer.status == 400
    assert f"more than {len(body)} bytes" in answer.rpc_status().message
    assert_arrives(backend, request(1))


@pytest.mark.parametrize("name", ["zlib", "deflate"])
def test_what_follows_zlib_s_end_is_not_read(backend, collector, name):
    running = collector()
    body = compressions.compress(name, request(1).SerializeToString())
    assert_success(post(running.port, body + b"rest", content_encoding=name))
    assert_arrives(backend, request(1))


@pytest.mark.parametrize("name", ["gzip", "zstd", "snappy", "x-snappy-framed", "lz4"])
def test_a_rest_behind_the_end_gets_400(backend, collector, name):
    running = collector()
    body = compressions.compress(name, request(1).SerializeToString())
    assert post(running.port, body + b"rest", content_encoding=name).status == 400


def test_raw_deflate_gets_400(backend, collector):
    body = compressions.compress("deflate", request(1).SerializeToString())[2:-4]
    assert post(collector().port, body, content_encoding="deflate").status == 400


def test_only_the_configured_encodings_are_taken(backend, collector):
    running = collector(receiver={"compression_algorithms": ["", "zstd", "lz4"]})
    body = request(1).SerializeToString()
    for name in NAMES:
        answer = post(running.port, compressions.compress(name, body), content_encoding=name)
        assert answer.status == (200 if name in ("zstd", "lz4") else 400)
        if answer.status == 400:
            assert answer.rpc_status().message == f"unsupported Content-Encoding: {name}; supported: identity, zstd, lz4"
    assert_success(post(running.port, body))
    assert_arrives(backend, *[request(1)] * 3)


# Out


@pytest.mark.parametrize(
    "name, level",
    [(name, None) for name in NAMES]
    + [(name, level) for name in ("gzip", "zlib", "deflate") for level in (-2, -1, 1, 9)]
    + [("zstd", level) for level in (-1, 1, 3, 6, 11, 22)],
)
def test_what_is_sent_is_read_by_the_encoding_s_own_library(backend, collector, name, level):
    settings = {"compression": name}
    if level is not None:
        settings["compression_params"] = {"level": level}
    running = collector(settings)
    sent = [request(1), large_request(2)]
    for message in sent:
        assert_success(post(running.port, message.SerializeToString()))
    assert poll(lambda: len(backend.requests) == len(sent))
    for received, message in zip(backend.requests, sent):
        assert received.headers["content-encoding"] == name
        assert received.plain == message.SerializeToString()
    assert len(backend.requests[1].body) < len(backend.requests[1].plain) / 3


@pytest.mark.parametrize("name", NAMES)
def test_batches_of_several_requests_are_sent_as_one_body(backend, collector, name):
    running = collector({"compression": name}, processors=("batch", "decouple"))
    sent = [request(seed) for seed in range(20)]
    for message in sent:
        assert_success(post(running.port, compressions.compress(name, message.SerializeToString()), content_encoding=name))
    assert_arrives(backend, *sent)

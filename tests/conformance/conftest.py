# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the conformance tests: a strict back end, collectors as processes, certificates, and the Python that the
clients run with.

STINT_COLLECTOR names another collector than build/release/collector. What a test starts is ended with the test, and
has to end well.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import backend as backend_module
import certificates
import collector as collector_module


@pytest.fixture
def backend():
    """A back end on a free port. The test fails when anything that reached it broke the protocol."""
    with backend_module.Backend() as started:
        yield started
        assert started.violations == []


@pytest.fixture
def free_port():
    """A function that returns a free port of 127.0.0.1 at each call."""
    return collector_module.free_port


@pytest.fixture
def start_collector(tmp_path):
    """A function (configuration, port, **environment) that starts a collector and waits until it accepts connections.

    At the end of the test it gets SIGTERM and has to exit with 0.
    """
    started = []

    def start(configuration, port, **environment):
        one = collector_module.Collector(tmp_path, configuration, port, **environment)
        started.append(one)
        one.wait_until_ready()
        return one

    yield start
    statuses = [one.terminate() for one in started]
    assert statuses == [0] * len(started), "\n".join(one.log() for one in started)


@pytest.fixture
def collector(backend, start_collector, free_port):
    """A function that starts a collector that exports to `backend`; settings as in collector.configuration."""

    def start(exporter=None, environment=None, **settings):
        port = free_port()
        exporter = {"endpoint": backend.url, "retry_on_failure": {"initial_interval": "20ms"}, **(exporter or {})}
        return start_collector(collector_module.configuration(port, exporter, **settings), port, **(environment or {}))

    return start


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A root and an authority below it, each file of tests its own."""
    return certificates.Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority):
    """A certificate for localhost and 127.0.0.1 with its chain up to the authority's root."""
    return authority.leaf()


@pytest.fixture(scope="session")
def venv_python():
    """The interpreter of build/venv, or the one that runs the tests when they run elsewhere."""
    path = collector_module.ROOT / "build" / "venv" / "bin" / "python"
    return str(path) if path.exists() else sys.executable


@pytest.fixture(params=["epoll", "io_uring"])
def loop(request):
    """The value of STINT_IO for a test that runs on each loop; skips where the machine refuses one."""
    refused = collector_module.command("--config", "yaml:{}", STINT_IO=request.param).stderr
    if "STINT_IO=" in refused:
        pytest.skip(f"this machine allows no {request.param}: {refused.strip()}")
    return request.param

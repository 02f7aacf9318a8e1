# SPDX-License-Identifier: Apache-2.0
"""Nothing accepted is lost: the local Lambda with a function that writes down every item for which it got a success,
and an independent back end that has to have every one of them in the end, whatever happens in between.

A sandbox outlives its processes here as on Lambda (kill, out of memory, time-out: the journal in its /tmp stays); what
is still not sent at the very end of an environment cannot be saved, and has to be counted in the collector's last line.
Freezes are short where only their effect counts: connections are dead after one second as after minutes. STINT_TEST_FULL=1
takes minutes.
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import socket
import threading
import time

import pytest

import collector as collector_module
from backend import Answer
from collector import BINARY, poll
from test_local_lambda import PROGRAM, sound_run

FULL = os.environ.get("STINT_TEST_FULL") == "1"
FUNCTION = pathlib.Path(__file__).parent / "functions" / "ledger"
DOWN = Answer(status=503)
BATCHED = ("batch", "decouple")
SENDERS = pytest.mark.parametrize("sender", ["http", "grpc"])
# Where a run takes its time and what sends makes no difference to what is shown.
FEW_SENDERS = pytest.mark.parametrize("sender", ["http", "grpc"] if FULL else ["http"])


def _names(request):
    """Of the items in a request that the back end took: what the function calls them."""
    return {
        "logs": lambda one: [r.body.string_value for g in one.resource_logs for s in g.scope_logs for r in s.log_records],
        "traces": lambda one: [r.name for g in one.resource_spans for s in g.scope_spans for r in s.spans],
        "metrics": lambda one: [r.name for g in one.resource_metrics for s in g.scope_metrics for r in s.metrics],
    }[request.signal](request.decoded)


class Ledger:
    """What the function got a success for, one name per item: REQUEST-ID/NUMBER."""

    def __init__(self, path):
        self.path = path

    def names(self):
        # A function that is killed may leave half a line: of an item, though, that was taken.
        return self.path.read_text(encoding="ascii").split("\n")[:-1] if self.path.exists() else []

    def invocations(self):
        """In how many invocations something was taken."""
        return len({name.split("/")[0] for name in self.names()})


def arrived(backend):
    return collections.Counter(name for one in backend.requests if one.accepted for name in _names(one))


def assert_nothing_lost(backend, ledger, run, least, doubled=False):
    """Every item that was taken (there are at least so many) has arrived, once unless it may have come `doubled`."""
    taken = set(ledger.names())
    assert len(taken) >= least, f"only {len(taken)} items were taken: nothing is shown\n{run.text}"
    found = arrived(backend)
    lost = sorted(taken - set(found))
    assert not lost, f"{len(lost)} of {len(taken)} lost, such as {lost[:3]}\n{run.text}"
    if not doubled:
        several = [name for name, times in found.items() if times > 1]
        assert not several, f"{len(several)} came again, such as {several[:3]}\n{run.text}"


def last_line(run):
    """The numbers in the collector's last word, by name."""
    line = [line for line in run.text.splitlines() if "ended: " in line][-1]
    found = re.findall(r"(\d+) (items accepted|delivered|dropped|environment_end|recovered|left in the journal)", line)
    return collections.defaultdict(int, {name: int(number) for number, name in found})


@contextlib.contextmanager
def when(condition, action, seconds=60):
    """Carries out `action` beside, as soon as `condition` holds. At the end it must have."""
    done = []

    def watch():
        if poll(condition, seconds):
            action()
            done.append(True)

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    thread.join()
    assert done, "what the test waited for never came"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def invoke(tmp_path, venv_python, backend, ledger):
    """A function (events, *options, sender, exporter, endpoint, processors, **environment) that runs the local Lambda to
    its end. The loop is epoll, as on Lambda: there a killed process's ports are free when it is gone, while a ring's are
    freed by the kernel a little later."""

    def run(events, *options, sender="http", exporter=None, endpoint=None, processors=None, seconds=100, **environment):
        http, grpc = collector_module.free_port(), collector_module.free_port()
        settings = {"endpoint": endpoint or backend.url, "retry_on_failure": {"initial_interval": "50ms", "max_interval": "300ms"}}
        config = collector_module.configuration(http, {**settings, **(exporter or {})}, BATCHED, **(processors or {}))
        config["receivers"]["otlp"]["protocols"]["grpc"] = {"endpoint": f"127.0.0.1:{grpc}"}
        report = tmp_path / "report.json"
        command = [str(PROGRAM), "--function", str(FUNCTION), "--runtime", f"{venv_python} -m awslambdaric", "--no-backend",
                   "--extension", BINARY, "--config", str(collector_module.write_configuration(tmp_path, config)),
                   "--timeout", "30s", "--invocations", str(len(events)), "--json", str(report), *options]
        command += [part for event in events for part in ("--event", json.dumps(event))]
        variables = {"LEDGER": str(ledger.path), "SENDER": sender, "PORT": str(grpc if sender == "grpc" else http),
                     "STINT_IO": "epoll", "PYTHONDONTWRITEBYTECODE": "1", **environment}
        command += [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
        return sound_run(command, report, seconds)

    return run


def outcomes(run):
    return [one["errorType"] or one["status"] for one in run.report["invocations"]]


@SENDERS
@pytest.mark.parametrize("way", ["503", "reset", "hanging"])
def test_an_outage_of_ten_invocations_loses_nothing(invoke, backend, ledger, way, sender):
    over = threading.Event()
    backend.answer_always({"503": DOWN, "reset": Answer(reset=True), "hanging": Answer(hold=over)}[way])

    def recover():
        backend.answer_always(Answer())
        over.set()

    with when(lambda: ledger.invocations() > 10, recover):
        run = invoke([{"requests": 6}] * 12, "--freeze", sender=sender)
    assert outcomes(run) == ["success"] * 12, run.text
    # What hung was taken after all; who had given it up by then has sent it again.
    assert_nothing_lost(backend, ledger, run, least=72, doubled=way == "hanging")
    assert last_line(run)["dropped"] == 0, run.text


@pytest.mark.parametrize(("victim", "sender"), [
    ("extension", "http"), ("extension", "grpc"), ("environment", "http"), ("environment", "grpc"), ("runtime", "http")])
def test_a_kill_in_the_middle_of_an_invocation_loses_nothing(invoke, backend, ledger, victim, sender):
    """The function sends without a pause when the blow comes: whatever got its success up to then is safe. Of the runtime
    or of everything: out of memory."""
    backend.answer_always(DOWN)
    with when(lambda: ledger.invocations() == 3, lambda: backend.answer_always(Answer())):
        run = invoke([{"requests": 3}, {"requests": 4000, "sleep": 20}, {"requests": 3}, {}],
                     "--kill", f"{victim}@2+800ms", sender=sender)
    error = "Extension.Crash" if victim == "extension" else "Runtime.OutOfMemory"
    assert outcomes(run) == ["success", error, "success", "success"], run.text
    assert run.report["extensions"][0]["starts"] == 2
    assert_nothing_lost(backend, ledger, run, least=20)
    assert last_line(run)["recovered"] >= 3, run.text


def test_kill_after_kill_loses_nothing(invoke, backend, ledger):
    """What was recovered once and could not be sent is recovered again."""
    backend.answer_always(DOWN)
    with when(lambda: ledger.invocations() == 4, lambda: backend.answer_always(Answer())):
        run = invoke([{"requests": 30, "sleep": 20}] * 3 + [{}] * 2, "--kill", "extension@1+300ms",
                     "--kill", "environment@2+300ms", "--kill", "extension@3+300ms")
    assert outcomes(run) == ["Extension.Crash", "Runtime.OutOfMemory", "Extension.Crash", "success", "success"], run.text
    assert_nothing_lost(backend, ledger, run, least=90)


@FEW_SENDERS
@pytest.mark.parametrize("way", ["up", "503", "hanging"])
def test_a_timeout_of_the_function_loses_nothing(invoke, backend, ledger, way, sender):
    """The platform resets: SHUTDOWN, two seconds, and the same sandbox again."""
    over = threading.Event()
    backend.answer_always({"up": Answer(), "503": DOWN, "hanging": Answer(hold=over)}[way])

    def recover():
        backend.answer_always(Answer())
        over.set()

    with when(lambda: ledger.invocations() == 3, recover):
        run = invoke([{"requests": 5}, {"requests": 50, "sleep": 30}, {"requests": 5}, {}], "--timeout", "3s", sender=sender)
    assert outcomes(run) == ["success", "timeout", "success", "success"], run.text
    assert_nothing_lost(backend, ledger, run, least=61, doubled=way == "hanging")


@SENDERS
def test_what_was_taken_stays_safe_when_memory_is_full(invoke, backend, ledger, tmp_path, sender):
    """Two invocations fill it until they are refused, then the back end comes back."""
    backend.answer_always(DOWN)
    large, refused = {"requests": 60, "bytes": 50_000}, tmp_path / "refused"
    with when(refused.exists, lambda: backend.answer_always(Answer())):
        run = invoke([{**large, "until_refused": True}, {**large, "until_refused": True, "mark": str(refused), "sleep": 2},
                      {"requests": 3, "bytes": 50_000}], sender=sender, STINT_MEMORY_MAX_MIB="1")
    assert outcomes(run) == ["success"] * 3, run.text
    first, second, third = (one["refusals"] for one in run.results())
    status = "RESOURCE_EXHAUSTED" if sender == "grpc" else 503
    assert [one[0] for one in first] == [one[0] for one in second] == [status], run.text
    assert first[0][1] and second[0][1], "it is not said when to come again"
    assert third == []
    assert_nothing_lost(backend, ledger, run, least=8)


class Route:
    """The way to the back end, which can be lost as a NAT loses it in a long freeze: a connection of before leads nowhere,
    nobody says so, and new ones are good."""

    def __init__(self, port):
        self._port = port
        self._lock = threading.Lock()
        self._open = []
        self._dead = set()
        self.swallowed = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            ends = [end for pair in self._open for end in pair]
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def lose(self):
        """From now on nothing passes on what is open."""
        with self._lock:
            self._dead.update(self._open)

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
                pair = (near, socket.create_connection(("127.0.0.1", self._port)))
            except OSError:
                return
            with self._lock:
                self._open.append(pair)
            for source, target in (pair, pair[::-1]):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(pair, source, target), daemon=True).start()

    def _pass(self, pair, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    dead = pair in self._dead
                if dead:
                    self.swallowed += 1
                else:
                    target.sendall(data)
            if pair not in self._dead:
                target.shutdown(socket.SHUT_WR)


def is_frozen():
    """Whether a process below this one is stopped, as all are in the local Lambda's freeze."""
    parents, stopped = {}, []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            parents[int(entry.name)] = int(parent)
            if state == "T":
                stopped.append(int(entry.name))
    for pid in stopped:
        while pid > 1 and pid != os.getpid():
            pid = parents.get(pid, 0)
        if pid == os.getpid():
            return True
    return False


@contextlib.contextmanager
def at_each_freeze(action):
    """Carries out `action` in each freeze, again and again. Gives the list of when."""
    stop, times = threading.Event(), []

    def watch():
        while not stop.is_set():
            if not is_frozen():
                stop.wait(0.01)
                continue
            action()
            times.append(time.monotonic())
            stop.wait(0.1)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield times
    finally:
        stop.set()
        thread.join()


@FEW_SENDERS
@pytest.mark.parametrize("policy", ["end", "continuous", *(["periodic", "adaptive"] if FULL else [])])
def test_freezes_with_all_connections_cut_lose_nothing(invoke, backend, ledger, policy, sender):
    """The back end is slower than the function, so with some policies requests are under way when the freeze comes."""
    backend.answer_always(Answer(delay_seconds=0.15))
    takes_minutes = FULL and policy == "continuous" and sender == "http"
    gap, freezes_wanted = ("130s", 1) if takes_minutes else ("400ms", 4)
    with at_each_freeze(backend.close_connections) as freezes:
        run = invoke([{"requests": 5}] * freezes_wanted + [{"requests": 1, "sleep": 1}], "--freeze", "--gap", gap, sender=sender,
                     seconds=700, STINT_FLUSH=policy)
    assert outcomes(run) == ["success"] * (freezes_wanted + 1), run.text
    assert len(freezes) >= freezes_wanted, freezes
    # A request that was cut after it had arrived comes again: nobody can know.
    assert_nothing_lost(backend, ledger, run, least=5 * freezes_wanted + 1, doubled=True)


@FEW_SENDERS
@pytest.mark.parametrize("policy", ["end", "continuous"])
def test_freezes_after_which_no_connection_leads_anywhere_lose_nothing(invoke, backend, ledger, policy, sender):
    """Without a word from the network. The exporter's own time-out tells, here after 500 ms."""
    backend.answer_always(Answer(delay_seconds=0.05))
    with Route(backend.port) as route, at_each_freeze(route.lose) as freezes:
        run = invoke([{"requests": 5}] * 3 + [{"requests": 1, "sleep": 2}], "--freeze", "--gap", "400ms", sender=sender,
                     endpoint=route.url, exporter={"timeout": "500ms"}, STINT_FLUSH=policy)
    assert outcomes(run) == ["success"] * 4, run.text
    assert len(freezes) >= 3 and route.swallowed > 0, (freezes, route.swallowed)
    assert_nothing_lost(backend, ledger, run, least=16, doubled=True)


@FEW_SENDERS
def test_shutdown_delivers_what_its_deadline_allows_and_counts_the_rest(invoke, backend, ledger, sender):
    """A back end that takes five seconds: what the first invocation left is answered within the two seconds of SHUTDOWN,
    what the second left is not."""
    backend.answer_always(Answer(delay_seconds=5))
    run = invoke([{"requests": 6}, {"requests": 9}], "--gap", "4500ms", sender=sender, STINT_FLUSH="continuous",
                 processors={"batch": {"timeout": "10ms"}})
    assert outcomes(run) == ["success"] * 2, run.text
    taken = ledger.names()
    assert len(taken) == 15
    counted = last_line(run)
    assert counted["items accepted"] == 15, run.text
    assert counted["delivered"] >= 6, run.text
    assert counted["delivered"] + counted["dropped"] == 15, run.text
    assert counted["environment_end"] == counted["dropped"] == 9, run.text
    # Nothing was held back: what could not be acknowledged in time has been sent, too.
    sent = {name for one in backend.requests for name in _names(one)}
    assert sent == set(taken)

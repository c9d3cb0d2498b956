"""A master and two workers: whatever is killed, slow or fails, the bytes are the same.

The workers have addresses of their own, so that the shuffle files of a dead one are gone. They are
started once for this file, and ended by their process ids.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from tests.ingest.engines.test_spark import (
    FEW_THREADS,
    QUICK_JAVA,
    contents,
    dirty_rows,
    write_rows,
)
from tests.pipeline.runs import generated
from tests.reads import split, used_rows
from tests.texts import raises_text

from segmentry.errors import EngineError
from segmentry.ingest.engines import open_engine
from segmentry.ingest.engines.spark import ClusterEngine, opened_cluster
from segmentry.ingest.engines.spark._session import _started
from segmentry.ingest.engines.spark._tasks import write_whole
from segmentry.pipeline import prepare
from segmentry.settings import SparkEngine

N_PARTS = 5
SECONDS = 120
HOSTS = ("127.0.0.2", "127.0.0.3")
SETTINGS = {
    **QUICK_JAVA,
    "spark.executor.extraJavaOptions": FEW_THREADS,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "512m",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
    "spark.eventLog.compress": "false",
    "spark.task.maxFailures": "2",
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    "spark.speculation.minTaskRuntime": "1s",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.multiplier": "3",
    "spark.shuffle.io.maxRetries": "1",
    "spark.shuffle.io.retryWait": "1s",
}


def wait_for(what):
    end = time.monotonic() + SECONDS
    while not (found := what()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return found


class Machines:
    """The processes of a cluster."""

    def __init__(self, folder):
        self.folder, self.running = folder, {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.master = f"spark://127.0.0.1:{free.getsockname()[1]}"
        port = self.master.rpartition(":")[2]
        self.start("127.0.0.1", "master.Master", "--host", "127.0.0.1", "--port", port)
        wait_for(lambda: "I have been elected" in self.log_of("127.0.0.1"))
        for host in HOSTS:
            self.start_worker(host)
        for host in HOSTS:
            self.wait_for_worker(host)

    def log_of(self, host):
        return (self.folder / f"{host}.log").read_text()

    def start(self, host, kind, *words):
        import pyspark

        home = Path(pyspark.__file__).parent
        environment = os.environ | {
            "SPARK_HOME": str(home), "SPARK_LOCAL_IP": host, "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": FEW_THREADS,
            "SPARK_LOCAL_DIRS": str(self.folder / host), "SPARK_NO_DAEMONIZE": "1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }  # fmt: skip
        (self.folder / host).mkdir(exist_ok=True)
        words = (home / "bin" / "spark-class", f"org.apache.spark.deploy.{kind}", *words)
        with (self.folder / f"{host}.log").open("w") as log:
            self.running[host] = subprocess.Popen(
                [*map(str, words), "--webui-port", "0"],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def start_worker(self, host):
        words = (
            "--host",
            host,
            "--cores",
            "1",
            "--memory",
            "600m",
            "-d",
            self.folder / f"of {host}",
        )
        self.start(host, "worker.Worker", *words, self.master)

    def wait_for_worker(self, host):
        wait_for(lambda: "Successfully registered" in self.log_of(host))

    def kill(self, host):
        """End a machine at once, with all that it runs."""
        process = self.running.pop(host)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    if shutil.which("java") is None:
        pytest.skip("no Java here: make java")
    found = Machines(tmp_path_factory.mktemp("machines"))
    yield found
    for host in list(found.running):
        found.kill(host)


@pytest.fixture(scope="module")
def session(machines):
    events = machines.folder / "events"
    events.mkdir()
    opened = _started(machines.master, SETTINGS | {"spark.eventLog.dir": f"file://{events}"})
    yield opened
    opened.stop()


@pytest.fixture
def events(session, machines):
    """Return what Spark wrote down since the test began."""
    (file,) = (machines.folder / "events").iterdir()
    start = file.stat().st_size
    return lambda: file.read_text()[start:]


@pytest.fixture(scope="module")
def cluster(session, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    with opened_cluster(SparkEngine(session), folder=folder, max_bytes=10**9) as found:
        yield found


@pytest.fixture
def read(cluster, tmp_path):
    """Read a dirty log by a way to write its parts, and compare with one machine."""
    source = write_rows(tmp_path / "log.csv", dirty_rows(400))
    size = (tmp_path / "log.csv").stat().st_size
    engine = ClusterEngine(
        cluster, scratch=tmp_path, n_bytes=10**8, task_bytes=10**8, max_users=10**6,
        unit_bytes=size // 4 + 1, stack=ExitStack(),
    )  # fmt: skip

    def read_and_compare(write):
        there, here = tmp_path / "there", open_engine("duckdb", scratch=tmp_path)
        own = partial(write, directory=there, table=source, signals=tmp_path)
        found = engine.shuffle(source, n_parts=N_PARTS, exclude={}, keep_users=None, write=own)
        expected = split(here, source, tmp_path / "here", n_parts=N_PARTS)
        log = type(expected)(tuple(sorted(there.glob("part=*"))), expected.account)
        assert used_rows(here, log) == used_rows(here, expected)
        assert sum(each.n_read for each in found.accounts) == expected.account.n_read
        assert not list(there.rglob(".*"))
        here.close()

    with registered():
        yield read_and_compare
    engine.close()


@contextlib.contextmanager
def registered():
    """Let tasks have functions of this file."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def attempt():
    from pyspark import TaskContext

    return TaskContext.get().attemptNumber()


def write_when_allowed(place, pieces, *, directory, table, signals):
    (signals / f"writing {place.part}").touch()
    end = time.monotonic() + SECONDS
    while not (signals / "go").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return write_whole(place, pieces, directory=directory, table=table)


def write_at_second(place, pieces, *, directory, table, signals):
    if attempt() == 0:
        raise RuntimeError("the first time it fails")
    return write_whole(place, pieces, directory=directory, table=table)


def write_slowly_at_first(place, pieces, *, directory, table, signals):
    end = time.monotonic() + SECONDS
    while place.part == 0 and attempt() == 0 and time.monotonic() < end:
        time.sleep(0.05)
    return write_whole(place, pieces, directory=directory, table=table)


@contextlib.contextmanager
def meanwhile(work):
    """Do something in a thread, which must have gone well at the end."""
    failed = []

    def attempt_it():
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised below
            failed.append(error)

    thread = threading.Thread(target=attempt_it)
    thread.start()
    yield
    thread.join(SECONDS)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def test_a_worker_that_is_killed_while_a_log_is_read_costs_no_row(read, machines, events, tmp_path):
    with meanwhile(lambda: read(write_when_allowed)):
        wait_for(lambda: len(list(tmp_path.glob("writing *"))) > 1)
        machines.kill(HOSTS[0])
        (tmp_path / "go").touch()

    assert '"Reason":"FetchFailed"' in events()
    machines.start_worker(HOSTS[0])
    machines.wait_for_worker(HOSTS[0])


def test_a_task_that_fails_once_is_tried_again(read, events):
    read(write_at_second)

    assert "the first time it fails" in events()


def test_the_copy_of_a_slow_task_wins(read, events):
    read(write_slowly_at_first)

    assert '"Speculative":true' in events()


def count_when_allowed(engine, part, *, signals):
    (signals / f"counting {part.name}").touch()
    end = time.monotonic() + SECONDS
    while not (signals / "go").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return (engine.collect(engine.scan_part(part).select("user_id")),)


def test_a_worker_that_is_killed_while_users_are_counted_costs_no_user(
    cluster, machines, events, tmp_path
):
    source = write_rows(tmp_path / "log.csv", dirty_rows(400))
    here = open_engine("duckdb", scratch=tmp_path)
    parts = split(here, source, tmp_path / "parts", n_parts=N_PARTS).parts
    engine = ClusterEngine(
        cluster, scratch=tmp_path, n_bytes=10**8, task_bytes=10**8, max_users=10**6,
        stack=ExitStack(),
    )  # fmt: skip
    found, count = [], partial(count_when_allowed, signals=tmp_path)

    with (
        registered(),
        meanwhile(lambda: found.extend(engine.map_parts(count, parts, tuple))),
    ):
        wait_for(lambda: len(list(tmp_path.glob("counting *"))) > 1)
        machines.kill(HOSTS[1])
        (tmp_path / "go").touch()

    assert [table.height for (table,) in found] == [
        here.collect(here.scan_part(part).select("user_id")).height for part in parts
    ]
    assert '"Reason":"ExecutorLostFailure"' in events()
    engine.close()
    here.close()


def give_too_much(rows, scratch):
    for row in rows:
        yield row._replace(data=bytes(400 << 20))


def test_executors_that_run_out_of_memory_are_reported_in_one_line(cluster, events):
    with registered(), raises_text(EngineError):
        cluster.rows_of("counting", (1, give_too_much))

    assert "exited with code 52" in events()


def test_a_driver_that_is_killed_leaves_nothing_half_written(session, tmp_path):
    log = generated(tmp_path, 100)
    target = tmp_path / "prepared"
    words = (
        "-m", "segmentry", "data", "prepare", log, "--out", target, "--engine", "spark",
        "--master", "local[1]", "--spark-conf", "=".join(*QUICK_JAVA.items()),
    )  # fmt: skip
    begun = subprocess.Popen([sys.executable, *map(str, words)], start_new_session=True)
    wait_for((tmp_path / ".prepared.preparing" / "journal").exists)
    os.kill(begun.pid, signal.SIGKILL)
    begun.wait()

    assert not target.exists()
    prepare(log, out=target, engine=SparkEngine(session))
    prepare(log, out=tmp_path / "here")
    assert contents(target) == contents(tmp_path / "here")
    assert not (tmp_path / ".prepared.preparing").exists()

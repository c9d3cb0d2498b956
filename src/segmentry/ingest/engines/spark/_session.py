"""A session of Spark: opened or the caller's, looked at before it is used, and its failures."""

import contextlib
import importlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from segmentry.errors import ConfigError, EngineError, MissingExtraError
from segmentry.ingest.engines.spark._tasks import (
    COLUMNS,
    WRONG,
    Body,
    Row,
    in_task,
    refuse,
    see_folder,
    versions,
)
from segmentry.runtime.preload import require
from segmentry.settings import SparkEngine

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MIN_JAVA = 17
MIN_SPARK = (4, 1)
"""Before, no part has a partition of its own: `repartitionById`."""
COMPRESSION = "snappy"
"""Of files that Spark writes: a session may ask for one that its machines do not have."""
_ANSWER_SECONDS = 10
FIRST_TASK_SECONDS = 120
"""How long a cluster may take to begin a task: an executor is started for it."""
_REFUSED = "spark.executor.pyspark.memory"
_DEFAULTS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "16",
}
"""Of a session that is opened here: few rows a batch, as each is a file or a slice of one."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A session, and the folder that all its machines share."""

    session: "SparkSession"
    folder: Path
    max_bytes: int
    """What may be collected of one step."""

    def rows_of(
        self, step: str, first: tuple[int, Body], second: tuple[int, Body] | None = None
    ) -> list[Row]:
        """Run tasks, numbered from 0, and return what they give, by part and place.

        With a `second` body the rows of the first are brought together by their part. What is
        given is committed by Spark as Parquet, so that no task counts twice, and no stage of a
        later step depends on tasks of this one.

        Raises EngineError if Spark fails, in one line; or what a task found wrong with the data.
        """
        from pyspark.sql import functions as sf

        n_tasks, body = first
        place = self.session.range(0, n_tasks, 1, n_tasks).select(
            sf.lit(0).alias("part"), sf.lit("").alias("name"), sf.col("id").alias("place"),
            sf.lit(0).cast("bigint").alias("n_bytes"), sf.lit(b"").alias("data"),
        )  # fmt: skip
        rows = _mapped(place, body)
        if second is not None:
            rows = _mapped(rows.repartitionById(second[0], "part"), second[1])
        answer = Path(tempfile.mkdtemp(prefix="answer-", dir=self.folder))
        try:
            with explained_by(step):
                rows.write.mode("overwrite").parquet(f"file://{answer}", compression=COMPRESSION)
            return _collect(answer, step=step, max_bytes=self.max_bytes)
        finally:
            shutil.rmtree(answer, ignore_errors=True)

    def look(self) -> None:
        """Try one task on each core: workers must have the same versions and see the folder.

        Raises EngineError if one is otherwise, or none begins in time.
        """
        seen = self.folder / "seen by the driver"
        seen.touch()
        look, found = partial(see_folder, file=seen), list[BaseException]()

        def try_tasks() -> None:
            try:
                self.rows_of("looking at the workers", (_n_cores(self.session), look))
            except BaseException as error:  # noqa: BLE001  # raised below, in the caller's thread
                found.append(error)

        trial = threading.Thread(target=try_tasks, daemon=True)
        trial.start()
        trial.join(FIRST_TASK_SECONDS)
        if trial.is_alive():
            cause = (
                f"no task has begun within {FIRST_TASK_SECONDS} s; the cluster has no free worker "
                "with the cores and the memory that the session asks for"
            )
            raise EngineError(engine="spark", step="looking at the workers", cause=cause)
        if found:
            raise found[0]


def _mapped(rows: "DataFrame", body: Body) -> "DataFrame":
    from pyspark import cloudpickle

    dumps: Callable[[Body], bytes] = cloudpickle.dumps  # without types of its own
    work = partial(in_task, expected=versions(), work=dumps(body))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # that pandas is newer than tried: not used
        return rows.mapInArrow(work, COLUMNS)


def _n_cores(session: "SparkSession") -> int:
    """Return the cores that are there so far; 2 where the session does not tell."""
    context = getattr(session, "_sc", None)
    return max(1, min(64, context.defaultParallelism)) if context is not None else 2


def _collect(folder: Path, *, step: str, max_bytes: int) -> list[Row]:
    """Return all rows of a step, if they are few: nothing else brings rows to the driver.

    Raises EngineError if they would take more than `max_bytes`.
    """
    import pyarrow.parquet as pq

    files = sorted(folder.glob("part-*.parquet"))
    columns = list(Row._fields)
    n_bytes = sum(
        sum(pq.read_table(file, columns=["n_bytes"])["n_bytes"].to_pylist()) for file in files
    )
    if n_bytes > max_bytes:
        cause = (
            f"the tables of its users would take {n_bytes / 1e9:,.1f} GB of this process, which "
            f"may take {max_bytes / 1e9:,.1f} GB for them; give more --memory, or --sample fewer "
            "users"
        )
        raise EngineError(engine="spark", step=step, cause=cause)
    rows = [
        Row(*row.values())
        for file in files
        for row in pq.read_table(file, columns=columns).to_pylist()
    ]
    refuse(rows)
    return sorted(rows, key=lambda row: (row.part, row.place))


_HELD: dict[SparkEngine, tuple["SparkSession", list[None]]] = {}
"""Sessions that were opened here, and one entry for each that uses them: a process has one."""


@contextlib.contextmanager
def held_session(spark: SparkEngine) -> Iterator["SparkSession"]:
    """Yield the caller's session, or one that is opened here and stopped by its last user.

    Raises ConfigError if a setting breaks workers or the master does not answer, MissingExtraError
    or Spark or Java are too old, MissingExtraError without pyspark, or pandas, which it asks for.
    """
    _check_version(require("pyspark", extra="spark").__version__)
    require("pandas", extra="spark")
    if spark.session is not None:
        _check_version(spark.session.version)
        _refuse(spark.session.conf.get(_REFUSED, None))
        yield spark.session
        return
    if spark not in _HELD:
        _HELD[spark] = _open(spark.master, _settings_of(spark.conf)), []
    session, users = _HELD[spark]
    users.append(None)
    try:
        _check_version(session.version)  # of the server
        yield session
    finally:
        users.pop()
        if not users:
            del _HELD[spark]
            with contextlib.suppress(Exception):
                session.stop()


@contextlib.contextmanager
def opened_cluster(spark: SparkEngine, *, folder: Path, max_bytes: int) -> Iterator[Cluster]:
    """Yield a cluster by a session, with a folder of its own in the shared one.

    Raises EngineError if the workers are not as they must be; else as `held_session`.
    """
    with held_session(spark) as session:
        own = Path(tempfile.mkdtemp(prefix="spark-", dir=folder.absolute()))
        try:
            cluster = Cluster(session, own, max_bytes)
            cluster.look()
            yield cluster
        finally:
            shutil.rmtree(own, ignore_errors=True)


def _check_version(found: str) -> None:
    if tuple(map(int, re.findall(r"\d+", found)[:2])) < MIN_SPARK:
        expected = ".".join(map(str, MIN_SPARK))
        raise ConfigError(
            f"--engine spark: found Spark {found}, expected {expected} or later; "
            'pip install "segmentry[spark]", and the same on the cluster'
        )


def _settings_of(texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name.startswith("spark.") and sign and value):
            raise ConfigError(
                f"--spark-conf {text}: expected KEY=VALUE, as spark.executor.memory=4g"
            )
        found[name] = value
    _refuse(found.get(_REFUSED))
    return found


def _refuse(memory: str | None) -> None:
    if memory is not None:
        raise ConfigError(
            f"Spark setting {_REFUSED}={memory}: it limits address space, of which the engine "
            "reserves more than it uses, so that every worker crashes; leave it out and give "
            "--memory"
        )


def _open(master: str, settings: Mapping[str, str]) -> "SparkSession":
    """Open a session.

    Raises ConfigError if the master is unknown or does not answer; EngineError if Spark does not
    start.
    """
    _check_master(master)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        from pyspark.sql import SparkSession

        if master.startswith("sc://"):
            _require_connect()
            builder = SparkSession.builder.remote(master)
            for name, value in settings.items():
                builder = builder.config(name, value)
            with explained_by(f"connecting to {master}"):
                return builder.getOrCreate()
        _require_java()
        with explained_by(f"starting a session on {master}"):
            return _started(master, settings)


def _started(master: str, settings: Mapping[str, str]) -> "SparkSession":
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    if SparkContext._active_spark_context is not None:  # noqa: SLF001  # nothing public says so
        raise ConfigError(
            "--engine spark: this process has a Spark session already; hand it over: "
            "engine=SparkEngine(session)"
        )
    # Otherwise workers take whatever is called python3.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = SparkConf().setMaster(master).setAppName("segmentry")
    for name, value in {**_DEFAULTS, **settings}.items():
        conf.set(name, value)
    # The log of Java goes where nobody reads it: what fails is raised.
    launch: Callable[..., Any] = launch_gateway
    gateway = SparkContext._gateway  # noqa: SLF001  # of an earlier session of this process
    if gateway is None:
        gateway = launch(conf, popen_kwargs={"stderr": subprocess.DEVNULL})
    return SparkSession(SparkContext(gateway=gateway, conf=conf))


def _check_master(master: str) -> None:
    """Refuse an unknown master, and one that does not answer: Spark would try for minutes."""
    if re.fullmatch(r"local(\[(\*|\d+)(, *\d+)?\])?", master) or master == "yarn":
        return
    kind, _, rest = master.partition("://")
    if kind in ("k8s", "mesos"):
        return
    if kind not in ("spark", "sc") or not rest:
        raise ConfigError(
            f"--master {master}: expected local[*], spark://HOST:PORT, sc://HOST:PORT, yarn or "
            "k8s://URL"
        )
    failures = []
    for each in rest.partition("/")[0].partition(";")[0].split(","):
        try:
            where = urlsplit(f"//{each}")
            port = where.port or (15002 if kind == "sc" else 7077)
            with socket.create_connection((where.hostname or "", port), _ANSWER_SECONDS):
                return
        except (OSError, ValueError) as error:
            failures.append(getattr(error, "strerror", None) or str(error))
    raise ConfigError(
        f"--master {master}: no answer within {_ANSWER_SECONDS} s ({failures[0]}); check the "
        "address, and that the master runs"
    )


def _require_connect() -> None:
    try:
        importlib.import_module("grpc")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "grpcio, which Spark Connect needs, is not installed; run: "
            'pip install "pyspark[connect]"'
        ) from error


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else "java"
    where = shutil.which(program)
    advice = "install it (Debian: openjdk-17-jre-headless), or set JAVA_HOME"
    if where is None:
        raise ConfigError(f"--engine spark: no Java found; expected Java {MIN_JAVA}; {advice}")
    said = subprocess.run([where, "-version"], capture_output=True, text=True, check=False)  # noqa: S603  # Java's own program
    found = re.search(r'version "(\d+)(?:\.(\d+))?', said.stderr + said.stdout)
    major = 0 if found is None else int(found[2] if found[1] == "1" else found[1])
    if major < MIN_JAVA:
        raise ConfigError(
            f"--engine spark: found Java {major or 'of no known version'} ({where}), expected "
            f"{MIN_JAVA} or later; {advice}"
        )


@contextlib.contextmanager
def explained_by(step: str) -> Iterator[None]:
    """Make a failure of Spark one line."""
    try:
        yield
    except Exception as error:
        kinds = {each.__module__.partition(".")[0] for each in type(error).__mro__}
        if not kinds & {"pyspark", "py4j", "grpc"}:
            raise
        raise EngineError(engine="spark", step=step, cause=cause_of(str(error))) from error


_ENDED = re.compile(
    "OutOfMemoryError|MemoryError|code (52|137)|exited unexpectedly|SIGKILL"
    # A task that was given to an executor while that ended.
    "|RejectedExecutionException"
)


def cause_of(text: str) -> str:
    """Return what to know of a failure of Spark, which says it in a hundred lines.

    >>> cause_of("Job aborted ... ModuleNotFoundError: No module named 'segmentry'")[:40]
    'a worker has no segmentry in its Python;'
    """
    if WRONG in text:
        return "a worker has " + text.partition(WRONG)[2].splitlines()[0].strip()
    if absent := re.search(r"No module named '(\w+)", text):
        return (
            f"a worker has no {absent[1]} in its Python; install segmentry[spark] there, or name "
            "the Python that has it as PYSPARK_PYTHON"
        )
    if "stopped SparkContext" in text:
        return (
            "the master took the connection, but not this application; check that it is a master "
            "of Spark, of the same version as pyspark here"
        )
    if _ENDED.search(text):
        return (
            "a worker ran out of memory or was killed, more often than Spark tries again; give "
            "executors more memory (--spark-conf spark.executor.memory=4g) or fewer cores"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reasons = [line for line in lines if re.match(r"[A-Za-z_.]+(Error|Exception): ", line)]
    others = [line for line in lines if not line.startswith("An error occurred while calling")]
    return (reasons or others or ["no reason given"])[0][:300]

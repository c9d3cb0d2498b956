"""What no cluster can take is refused in one line, before Java is started."""

import socket
import sys
from types import SimpleNamespace

import pytest
from tests.pipeline.runs import generated
from tests.texts import raises_text

from segmentry.errors import ConfigError, MissingExtraError
from segmentry.pipeline import prepare
from segmentry.settings import SparkEngine


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return generated(tmp_path_factory.getbasetemp(), 600)


@pytest.mark.parametrize(
    "options",
    [
        {"master": "spar://host:1"},
        {"master": "spark://127.0.0.1:9"},
        {"spark_conf": "spark.executor.memory"},
        {"spark_conf": "spark.executor.pyspark.memory=2g"},
    ],
    ids=lambda options: next(iter(options.values())),
)
def test_what_no_cluster_can_take_is_refused(options, log, tmp_path):
    with raises_text(ConfigError):
        prepare(log, out=tmp_path / "p", engine="spark", **options)


@pytest.mark.parametrize("version", ["", "11.0.2", "1.8.0_292"])
def test_java_must_be_there_and_new(version, log, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    if version:
        java = tmp_path / "bin" / "java"
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with raises_text(ConfigError):
        prepare(log, out=tmp_path / "p", engine="spark")


def test_a_session_of_an_older_spark_is_refused(log, tmp_path):
    with raises_text(ConfigError):
        prepare(log, out=tmp_path / "p", engine=SparkEngine(SimpleNamespace(version="3.5.1")))


def test_pandas_must_be_there(log, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)

    with raises_text(MissingExtraError):
        prepare(log, out=tmp_path / "p", engine="spark")


def test_connect_needs_its_libraries(log, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "grpc", None)
    with socket.create_server(("127.0.0.1", 0)) as server, raises_text(MissingExtraError):
        address = f"sc://127.0.0.1:{server.getsockname()[1]}"
        prepare(log, out=tmp_path / "p", engine="spark", master=address)

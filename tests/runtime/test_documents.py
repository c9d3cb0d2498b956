"""Files of JSON and TOML that somebody else wrote."""

import tracemalloc

import pytest
from tests.texts import raises_text, says

from segmentry.config import load_config
from segmentry.errors import BundleError, ConfigError
from segmentry.ingest.mapping import load_mapping
from segmentry.results.names import read_names
from segmentry.runtime import documents
from segmentry.runtime.clock import StepRecord
from segmentry.runtime.codec import Codec

CODEC = Codec(StepRecord, what="step", version=2, remedy="run it again")
HEAD = '{"version": 2, "step": "x", "peak_memory_mb": 1, "seconds": '
TOML = {
    "deep list": b"a = " + b"[" * 9000,
    "deep table": b"a = " + b"{b=" * 9000,
    "deep key": b".".join([b"a"] * 9000) + b" = 1",
    "deep heading": b"[" + b".".join([b"a"] * 9000) + b"]",
    "deep quoted key": b" . ".join([b'"a b"', b"'c'"] * 4500) + b" = 1",
    "latin-1": b'a = "\xe9"',
    "zero bytes": b"\0" * 100,
    "many digits": b"a = " + b"9" * 5000,
    "65 bits": b"a = 18446744073709551616",
    "nan": b"[names]\n1 = nan",
    "inf": b"a = -inf",
    "1e999": b"a = 1e999",
    "key of digits": b"[names]\n" + b"9" * 5000 + b' = "x"',
    "key of other digits": "[names]\n'٣' = 'x'".encode(),
    "not closed": b'a = "' + b"x" * 9000,
}


@pytest.mark.parametrize("read", [load_config, load_mapping, read_names])
@pytest.mark.parametrize("kind", TOML)
def test_no_text_of_settings_is_more_than_one_line(tmp_path, monkeypatch, kind, read):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "x.toml"
    file.write_bytes(TOML[kind])

    with pytest.raises(ConfigError) as caught:
        read(file, {}) if read is load_config else read(file)

    text = str(caught.value).replace(str(tmp_path), "")
    assert len(text) < 4000
    assert "\n" not in text
    if read is read_names:
        says(text)


@pytest.mark.parametrize("kind", ["deep key", "deep heading", "deep quoted key"])
def test_a_key_of_many_parts_takes_no_memory(kind):
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match="nested too deeply"):
            documents.parse_toml(TOML[kind].decode(), origin="x.toml")
        assert tracemalloc.get_traced_memory()[1] < 10 * (1 << 20)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text", ["a" * 500_000, "'" * 500_000, "a." * 40 + " " * 500_000, "a .b" * 9]
)
def test_looking_for_long_keys_takes_no_time_and_texts_may_hold_dots(text):
    quoted = text.replace("'", "-")

    assert documents.parse_toml(f"x.y = '{quoted}'", origin="x.toml") == {"x": {"y": quoted}}


@pytest.mark.parametrize("kind", ["/dev/zero", "long"])
def test_no_file_of_settings_is_read_without_end(tmp_path, kind):
    file = tmp_path / "long.toml"
    file.write_bytes(b"#" * (documents._MAX_TOML_BYTES + 1))

    with raises_text(ConfigError):
        read_names(file if kind == "long" else type(file)(kind))


@pytest.mark.parametrize(
    "number",
    ["NaN", "-Infinity", "1e999", "9" * 5000, "1" + "0" * 30, "[" * 9000, '{"a":' * 9000, '"\xff"'],
    ids=lambda text: text[:12],
)
def test_no_record_is_more_than_one_line(tmp_path, number):
    file = tmp_path / "step.json"
    file.write_text(HEAD + number + "}", encoding="latin-1")

    with raises_text(BundleError):
        CODEC.read(file)


def test_a_record_of_no_end_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("segmentry.runtime.codec.MAX_JSON_BYTES", 1 << 20)
    file = tmp_path / "step.json"
    file.write_text(HEAD + "1" * (1 << 20))

    with raises_text(BundleError):
        CODEC.read(file)


@pytest.mark.parametrize("version", ["[1, 2]", '"' + "x" * 9000 + '"', "2.0", "true", "null"])
def test_a_version_that_is_none_is_shown_in_short(version):
    with raises_text(BundleError):
        CODEC.parse(f'{{"version": {version}, "segmentry_version": {version}}}', source="x")

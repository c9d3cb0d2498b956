"""Where the data are: a folder of the Taobao files, or what a mapping names."""

from pathlib import Path

from segmentry.datasets import find_taobao
from segmentry.errors import ConfigError
from segmentry.mapping import load_mapping, resolve_mapping
from segmentry.schema import Source

__all__ = ["find_source"]


def find_source(data_dir: Path | str | None, mapping: Path | str | None) -> Source:
    """Return the source of a folder, or of a mapping and the folder that it is about.

    Parameters
    ----------
    data_dir : Path or str or None
        Folder of the files; that of the mapping if absent.
    mapping : Path or str or None
        TOML file; the folder holds the Taobao files if absent.

    Raises
    ------
    ConfigError
        If neither is given, or the mapping makes no sense.
    DataError
        If a file is absent or cannot be used.
    """
    if mapping is not None:
        file = Path(mapping)
        base = file.parent if data_dir is None else Path(data_dir)
        return resolve_mapping(load_mapping(file), base=base)
    if data_dir is None:
        raise ConfigError("no data: give DATA_DIR, --mapping FILE.toml or --from RUN_DIR")
    return find_taobao(Path(data_dir))

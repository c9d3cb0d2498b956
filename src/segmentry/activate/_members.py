"""Contacts of users, read piece by piece: proved, normalised, hashed, and as lines of a list."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from segmentry.activate import contacts
from segmentry.activate.platforms import COLUMN_NAMES, Key, Kind, Platform
from segmentry.errors import ConfigError, SchemaError
from segmentry.ingest.files import inspect_file
from segmentry.ingest.user_files import as_ids, user_file_batches

_MAX_COLUMNS = 3
_REPEATED: tuple[Kind, ...] = ("email", "phone")
_IDENTIFYING: tuple[Kind, ...] = ("email", "phone", "mobile_id", "external_id")


@dataclass(slots=True)
class Findings:
    """What was found while contacts were read."""

    n_invalid: dict[str, int] = field(default_factory=dict)
    """Cells that hold something which is not a valid contact, by key."""
    first: dict[tuple[Kind, bool], int] = field(default_factory=dict)
    """The first row of each key that is hashed already, and the first that is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFile:
    """A file of contacts and what of it a platform takes."""

    path: Path
    platform: Platform
    keys: tuple[Key, ...]
    columns: Mapping[Kind, tuple[str, ...]]
    """The file's own names of the columns of each key; none for a country that is given."""
    id_columns: tuple[str, ...]
    region: str | None
    unused: tuple[str, ...]
    """Columns that the platform does not take."""
    findings: Findings = field(default_factory=Findings)

    @property
    def cells(self) -> tuple[tuple[Key, str], ...]:
        """Each column of the list: its key and its name in a table of rows."""
        return tuple(
            (key, f"{key.kind}_{place}")
            for key in self.keys
            for place in range(max(1, len(self.columns[key.kind])))
        )

    @property
    def address(self) -> tuple[str, ...]:
        """Columns of a row that match together; empty if the file lacks one."""
        cells = tuple(f"{kind}_0" for kind in self.platform.address)
        return cells if {name for _, name in self.cells} >= set(cells) else ()

    @property
    def identifying(self) -> tuple[str, ...]:
        """Columns of a row that belong to one person."""
        return tuple(name for key, name in self.cells if key.kind in _IDENTIFYING)


def find_contacts(
    path: Path, platform: Platform, *, value: str | None, region: str | None
) -> ContactFile:
    """Look at the header of a file of contacts.

    Raises ConfigError if it has nothing that the platform takes, or a part of an address only;
    SchemaError if it has more than three columns of e-mail addresses or phone numbers.
    """
    own = inspect_file(path).names
    columns: dict[Kind, tuple[str, ...]] = {
        kind: tuple(name for name in own if _letters(name) in words and name != value)
        for kind, words in COLUMN_NAMES.items()
    }
    for kind, names in columns.items():
        most = _MAX_COLUMNS if kind in _REPEATED else 1
        if len(names) > most:
            raise SchemaError(
                f"{path}: {len(names)} columns of {kind} ({', '.join(names)}), expected at most "
                f"{most}; leave out the others"
            )
    columns["value"] = () if value is None else (value,)
    if value is not None and not any(key.kind == "value" for key in platform.lists[0]):
        raise ConfigError(f"--value {value}: {platform.title} takes no value; leave it out")
    keys = _list_of(path, platform, columns, has_region=region is not None)
    taken = {name for key in keys for name in columns[key.kind]}
    unused = (name for names in columns.values() for name in names if name not in taken)
    return ContactFile(
        path=path,
        platform=platform,
        keys=keys,
        columns=columns,
        id_columns=tuple(name for name in own if _letters(name) in ("userid", "user")),
        region=region,
        unused=tuple(unused),
    )


def _letters(name: str) -> str:
    return re.sub(r"[\W\d_]", "", name.casefold())


def _list_of(
    path: Path, platform: Platform, columns: Mapping[Kind, tuple[str, ...]], *, has_region: bool
) -> tuple[Key, ...]:
    """Return the keys of the first list that can be made."""
    has_address = any(columns[kind] for kind in platform.address if kind != "country")
    for keys in platform.lists:
        found = tuple(
            key
            for key in keys
            if columns[key.kind] or (key.kind == "country" and has_region and has_address)
        )
        kinds = {key.kind for key in found}
        is_identified = bool(kinds & {*_IDENTIFYING})
        missing = [kind for kind in platform.address if kind not in kinds]
        is_only_country = missing == ["country"]
        is_needed = not is_identified or (platform.is_address_whole and is_only_country)
        if has_address and missing and is_needed:
            raise ConfigError(
                f"{path}: an address without {', '.join(missing)}; {platform.title} matches "
                f"{', '.join(platform.address)} together; add the column, or leave out the others"
                + (", or name the --country" if is_only_country else "")
            )
        if missing and platform.is_address_whole:  # a part of an address matches nobody
            found = tuple(key for key in found if key.kind not in platform.address)
        if is_identified or has_address:
            return found
    wanted = dict.fromkeys(key.kind for keys in platform.lists for key in keys)
    raise ConfigError(
        f"{path}: no column that {platform.title} takes; expected user_id and one of "
        f"{', '.join(wanted)}"
    )


def read_contacts(
    file: ContactFile,
    choose: Callable[[pl.DataFrame], pl.DataFrame],
    *,
    id_type: pl.DataType,
) -> Iterator[pl.DataFrame]:
    """Yield rows with a column for each cell of the list, normalised and hashed, and ``is_usable``.

    `choose` takes a piece of the file with ``user_id`` and returns its rows that are read, with
    what else is to stand in them. Raises SchemaError if some contacts of a key are hashed and
    others are not, or a value is not a number.
    """
    slots = {
        f"{kind}_{place}": (name,)
        for kind, names in file.columns.items()
        for place, name in enumerate(names)
    }
    names = slots | {"user_id": file.id_columns}
    n_rows = 0
    for batch in user_file_batches(file.path, ["user_id"], optional=[*slots], other_names=names):
        ids = as_ids(batch["user_id"], like=id_type, source=str(file.path))
        rows = choose(batch.with_columns(ids).with_row_index("row", offset=n_rows + 1))
        n_rows += batch.height
        if rows.height:
            yield _normalised(file, rows)


def _normalised(file: ContactFile, rows: pl.DataFrame) -> pl.DataFrame:
    slots = [column for column in rows.columns if re.fullmatch(r"[a-z_]+_\d", column)]
    texts = rows.select(contacts.as_texts(rows[slot]) for slot in slots)
    region = pl.lit(file.region, dtype=pl.String)
    if file.columns["country"]:
        region = pl.coalesce(contacts.country(pl.col("country_0")), region)
    own = texts.with_columns(region.alias("region"))["region"]
    cells: list[pl.Series] = []
    for key in file.keys:
        given = [column for column in slots if column.rpartition("_")[0] == key.kind]
        if not given:  # the country that was named
            named = own.to_frame().select(key.read(pl.col("region")).alias("country_0"))
            cells.append(_hashed(named.to_series(), key))
            continue
        read = [_cell(file, key, texts[column], rows=rows["row"], regions=own) for column in given]
        cells += read if len(read) == 1 else _compact(read)
    made = rows.drop(slots).with_columns(cells)
    whole = pl.all_horizontal(pl.col(file.address).is_not_null()) if file.address else pl.lit(False)
    if file.platform.is_address_whole:
        made = made.with_columns(pl.when(whole).then(pl.col(file.address)) if file.address else [])
    by_itself = [name for name in file.identifying if name != "external_id_0" or len(cells) == 1]
    found = pl.any_horizontal(pl.col(by_itself).is_not_null()) if by_itself else pl.lit(False)
    return made.with_columns((found | whole).alias("is_usable"))


def _hashed(values: pl.Series, key: Key) -> pl.Series:
    return contacts.sha256(values) if key.is_hashed else values


def _cell(
    file: ContactFile,
    key: Key,
    texts: pl.Series,
    *,
    rows: pl.Series,
    regions: pl.Series,
) -> pl.Series:
    """Return one column of contacts as it stands in the list; null where nothing is valid."""
    findings = file.findings
    is_hash = texts.str.contains(contacts.IS_HASH).fill_null(value=False) & key.is_hashed
    plain = texts.set(is_hash, None)
    if key.kind == "phone":
        plain = contacts.phones(plain, regions=regions)
    plain = plain.to_frame().select(key.read(pl.col(texts.name))).to_series()
    for is_hashed, mask in ((True, is_hash), (False, plain.is_not_null())):
        if key.is_hashed and bool(mask.any()):
            findings.first.setdefault((key.kind, is_hashed), rows.filter(mask)[0])
    both = [findings.first.get((key.kind, is_hashed)) for is_hashed in (False, True)]
    if None not in both:
        raise SchemaError(
            f"{file.path}: {key.kind} of row {both[0]} below the header is plain text, that of row "
            f"{both[1]} is hashed already; expected one of both in the whole file"
        )
    found = _hashed(plain, key).zip_with(~is_hash, texts.str.to_lowercase())
    is_invalid = texts.is_not_null() & found.is_null()
    if key.kind == "value" and bool(is_invalid.any()):
        row, text = rows.filter(is_invalid)[0], texts.filter(is_invalid)[0]
        raise SchemaError(
            f"{file.path}: value of row {row} below the header is {text!r}, expected a number of "
            "at least 0"
        )
    n_invalid = int(is_invalid.sum())
    if n_invalid:
        findings.n_invalid[key.kind] = findings.n_invalid.get(key.kind, 0) + n_invalid
    return found


def _compact(columns: list[pl.Series]) -> list[pl.Series]:
    """Return the contacts of each row from the left on, each once."""
    lists = pl.DataFrame(columns).select(
        pl.concat_list(pl.all()).list.drop_nulls().list.unique(maintain_order=True)
    )
    return [
        lists.to_series().list.get(place, null_on_oob=True).alias(column.name)
        for place, column in enumerate(columns)
    ]


def persons(file: ContactFile) -> list[pl.Expr]:
    """Return what identifies a person in a row, each as a number, so that millions fit.

    Two of 64 bits are equal by chance once in 10^19: then a user too many is left out.
    """
    single = [f"{name[:-2]}:" + pl.col(name) for name in file.identifying]
    address = [pl.concat_str(file.address, separator="|")] if file.address else []
    return [pl.when(each.is_not_null()).then(each.hash()) for each in single + address]


def header_of(file: ContactFile) -> str:
    """Return the header of a list in CSV."""
    return ",".join(heading for heading, _ in _columns_of(file, place=0))


def _columns_of(file: ContactFile, *, place: int) -> list[tuple[str, str | None]]:
    """Return headings with the cell below each, if there is one, in a user's row of that place."""
    if file.platform.is_repeated:
        return [(key.heading, cell) for key, cell in file.cells]
    cells: dict[str, str | None] = dict.fromkeys(file.platform.headings)
    for key, cell in file.cells:
        if cell == f"{key.kind}_{place}" or (cell.endswith("_0") and key.kind not in _REPEATED):
            cells[key.heading] = cell
        else:
            cells.setdefault(key.heading)
    return list(cells.items())


def lines_of(file: ContactFile, rows: pl.DataFrame) -> pl.Series:
    """Return rows as lines of the list; no cell holds what would have to be quoted."""
    if file.platform.form == "requests":
        return rows.select(_member(file).alias("line")).to_series()
    pieces = []
    most = max(len(file.columns[kind]) for kind in _REPEATED)
    for place in range(1 if file.platform.is_repeated else max(most, 1)):
        columns = _columns_of(file, place=place)
        cells = [pl.lit("") if cell is None else pl.col(cell).fill_null("") for _, cell in columns]
        names = [cell for _, cell in columns if cell is not None and place and cell[-1] != "0"]
        has_more = pl.any_horizontal(pl.col(names).is_not_null()) if names else pl.lit(value=True)
        line = pl.concat_str(cells, separator=",").alias("line")
        pieces.append(rows.filter(has_more).select(line).to_series())
    return pl.concat(pieces)


def _member(file: ContactFile) -> pl.Expr:
    """Return members of an audience as JSON; no value holds what would have to be escaped."""
    kinds = {key.kind for key in file.keys}
    if "mobile_id" in kinds:
        return '{"mobileData":{"mobileIds":["' + pl.col("mobile_id_0") + '"]}}'
    if "external_id" in kinds:
        return '{"userIdData":{"userId":"' + pl.col("external_id_0") + '"}}'
    names: dict[Kind, str] = {"email": "emailAddress", "phone": "phoneNumber"}
    parts = [
        f'{{"{names[key.kind]}":"' + pl.col(cell) + '"}'
        for key, cell in file.cells
        if key.kind in names
    ]
    if file.address:
        fields = zip(
            ("givenName", "familyName", "postalCode", "regionCode"), file.address, strict=True
        )
        texts = [f'"{field}":"' + pl.col(cell) + '"' for field, cell in fields]
        parts.append('{"address":{' + pl.concat_str(texts, separator=",") + "}}")
    identifiers = pl.concat_list(parts).list.drop_nulls().list.join(",")
    return '{"compositeData":{"userData":{"userIdentifiers":[' + identifiers + "]}}}"

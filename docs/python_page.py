"""The reference of Python: every public object, from its signature and its numpydoc docstring."""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import segmentry
import segmentry.datasets
import segmentry.errors
import segmentry.pipeline
from segmentry.describe.profiles import SegmentProfile
from segmentry.results.summary import Summary
from segmentry.segments.forming import Segmentation, Selection

_HEADING = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
_INHERITED = ("get_metadata_routing", "get_params", "set_params")
_MAX_WIDTH = 88


def render_python(note: str) -> str:
    """Return the page of all that people call or receive."""
    results = [
        getattr(segmentry.pipeline, name)
        for name in segmentry.pipeline.__all__
        if inspect.isclass(getattr(segmentry.pipeline, name))
    ]
    results += [Segmentation, Selection, Summary, SegmentProfile]
    steps = [
        name
        for name in segmentry.pipeline.__all__
        if inspect.isfunction(getattr(segmentry.pipeline, name)) and name not in segmentry.__all__
    ]
    lines = [
        *("# Python", "", note),
        "`import segmentry` loads nothing heavy; what a call needs is loaded by the call. What a",
        "function takes as `**options` are the [options of the command](cli.md#segmentry-run),",
        "with `_` for `-`.",
        *_part("Functions and the estimator", "segmentry", segmentry.__all__),
        *_part("Further steps", "segmentry.pipeline", steps),
        *_part("Generated logs", "segmentry.datasets", segmentry.datasets.__all__),
        *("", "## What they return", ""),
        *(line for each in results for line in _class(each)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def render_errors(note: str) -> str:
    """Return the page of errors and exit codes."""
    classes = [
        each
        for each in vars(segmentry.errors).values()
        if inspect.isclass(each) and issubclass(each, segmentry.errors.SegmentryError)
    ]
    rows = [
        f"| `{each.__name__}` | `{each.__mro__[1].__name__}` | {_first(each)} |" for each in classes
    ]
    codes = (
        ("0", "done"),
        (
            "2",
            "an error that you can fix: one line on standard error; no file is left half written",
        ),
        ("10, 11", "`refresh`: segments were formed again; a person should look"),
        ("130", "ended by Ctrl+C"),
    )
    return "\n".join(
        [
            *("# Errors and exit codes", "", note),
            "Every message is one line: what is wrong, what was found, what was expected, what to",
            "do. In Python these are exceptions of `segmentry.errors`; anything else is a bug.",
            *("", "| exception | is a | when |", "|---|---|---|", *rows),
            *("", "| exit code | means |", "|---|---|"),
            *(f"| {code} | {text} |" for code, text in codes),
            "",
        ]
    )


def _part(title: str, module: str, names: Sequence[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "", f"`from {module} import ...`", "")
    for name in sorted(names, key=str.lower):
        found = getattr(__import__(module, fromlist=[name]), name)
        if inspect.isfunction(found):
            yield from _function(found, name, level=3)
        elif inspect.isclass(found):
            yield from _class(found)


def _class(found: type) -> Iterator[str]:
    is_record = dataclasses.is_dataclass(found)
    yield from (f"### {found.__name__}", "")
    if not is_record:
        yield from (*_signature(found, found.__name__), "")
    text = inspect.getdoc(found) or ""
    yield from _docstring(text, without=("Parameters", "Attributes") if is_record else ())
    if is_record:
        yield from _fields(found, text)
    methods = {
        name: each
        for name, each in inspect.getmembers(found, inspect.isfunction)
        if not name.startswith("_") and name not in _INHERITED and inspect.getdoc(each)
    }
    for name, each in methods.items():
        if each.__module__.startswith("segmentry"):
            yield from _function(each, f"{found.__name__}.{name}", level=4)


def _fields(found: type, docstring: str) -> Iterator[str]:
    """Return the fields of a dataclass, with what its docstring or the line below says of each."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(found))).body
    if not isinstance(tree, ast.ClassDef):
        raise TypeError(f"{found}: expected a class")
    described = _described(docstring)
    yield from ("| field | type | |", "|---|---|---|")
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign):
            name = ast.unparse(node.target)
            text = described.get(name, "")
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                text = str(after.value.value)
            text = " ".join(text.split()).replace("|", "\\|").replace("``", "`")
            yield f"| `{name}` | `{_annotation(node.annotation).replace('|', 'or')}` | {text} |"
    yield ""


def _described(docstring: str) -> dict[str, str]:
    """Return what the sections of a docstring say of each name."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in docstring.splitlines():
        if " : " in line and not line.startswith(" "):
            names = line.split(" : ", maxsplit=1)[0].split(", ")
        elif line.startswith("    "):
            found.update({name: f"{found.get(name, '')} {line.strip()}" for name in names})
        elif line.strip():
            names = []
    return found


def _function(found: Any, title: str, *, level: int) -> Iterator[str]:
    yield from (f"{'#' * level} {title}", "", *_signature(found, title.rsplit(".", maxsplit=1)[-1]))
    yield ""
    yield from _docstring(inspect.getdoc(found) or "")


def _signature(found: Any, name: str) -> list[str]:
    """Return a signature as it is written in the source: aliases such as `Fill` keep their name."""
    written = inspect.getsource(found.__init__ if inspect.isclass(found) else found)
    (node,) = ast.parse(textwrap.dedent(written)).body
    if not isinstance(node, ast.FunctionDef):
        raise TypeError(f"{name}: expected a function")
    node.args.args = [each for each in node.args.args if each.arg != "self"]
    is_shown = node.returns is not None and not inspect.isclass(found)
    after = f" -> {_annotation(node.returns)}" if is_shown else ""
    whole = ast.unparse(node.args)
    if len(f"{name}({whole}){after}") > _MAX_WIDTH:
        whole = "\n" + "".join(f"    {each},\n" for each in _parameters(node.args))
    return ["```text", *f"{name}({whole}){after}".splitlines(), "```"]


def _parameters(given: ast.arguments) -> Iterator[str]:
    for each, default in zip(
        given.args, [None] * (len(given.args) - len(given.defaults)) + given.defaults, strict=True
    ):
        yield ast.unparse(each) + (f" = {ast.unparse(default)}" if default else "")
    if given.kwonlyargs:
        yield "*"
    for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield ast.unparse(each) + (f" = {ast.unparse(default)}" if default else "")
    if given.kwarg:
        yield f"**{ast.unparse(given.kwarg)}"


def _annotation(node: ast.expr | None) -> str:
    """Return an annotation without the quotes of a name that is defined later."""
    return ast.unparse(node).strip("'") if node else ""


def _docstring(text: str, without: Sequence[str] = ()) -> Iterator[str]:
    """Return a numpydoc docstring as Markdown, some of its sections left out."""
    first, *rest = _HEADING.split(text)
    yield from (first.strip().replace("``", "`"), "")
    for heading, body in zip(rest[::2], rest[1::2], strict=True):
        if heading in without:
            continue
        yield from (f"**{heading}**", "")
        if heading == "Examples":
            yield from ("```python-console", body.strip("\n").rstrip(), "```", "")
        elif heading in ("Notes", "See Also", "References"):
            yield from (body.strip().replace("``", "`"), "")
        else:
            yield from (*_entries(body.replace("``", "`")), "")


def _entries(body: str) -> Iterator[str]:
    for line in body.strip("\n").splitlines():
        if not line.strip():
            continue
        if line.startswith(" "):
            yield f"  {line.strip()}"
            continue
        name, _, kind = line.partition(" : ")
        yield f"- `{name}`" + (f": {kind}" if kind else "") + "  "


def _first(found: type) -> str:
    return (inspect.getdoc(found) or "").split("\n\n")[0].replace("\n", " ")

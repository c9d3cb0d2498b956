"""What the package promises about itself, held for every module."""

import ast
import importlib
import pkgutil
import re
import runpy
from pathlib import Path

import pytest
import typer.main
from tests.texts import raises_text

import segmentry
from segmentry.cli import app
from segmentry.evaluation.algorithms import METHODS
from segmentry.pipeline import compare_algorithms

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "segmentry").rglob("*.py"))
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(segmentry.__path__, "segmentry.")
    if not module.name.endswith("__main__")
)
MAX_LINES_OF_A_FILE = 500
MAX_LINES_OF_A_FUNCTION = 60
MAX_LINES_OF_THE_PIPELINE = 3_000
MAX_FILES_OF_THE_PIPELINE = 15


def name_of(path):
    return str(path.relative_to(ROOT))


def public_definitions(body, prefix=""):
    """Return the functions, classes and methods of a module that others may use, by name."""
    for node in body:
        is_definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not is_definition or node.name.startswith("_"):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from public_definitions(node.body, prefix=f"{node.name}.")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_public_function_and_class_is_documented(path):
    module = ast.parse(path.read_text())

    assert ast.get_docstring(module)
    found = public_definitions(module.body)
    assert [name for name, node in found if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_name_a_module_offers_is_there(name):
    module = importlib.import_module(name)
    assert [each for each in getattr(module, "__all__", ()) if not hasattr(module, each)] == []


def test_the_package_offers_what_it_says():
    pipeline = ["build_user_table", "fit_segments", "refresh", "run", "score"]
    assert segmentry.__all__ == ["SparkEngine", "UserSegmenter", *pipeline]
    for name in segmentry.__all__:
        found = getattr(segmentry, name)
        assert ">>>" in found.__doc__ or name == "score"
        assert "Parameters" in found.__doc__
        assert "Raises" in found.__doc__
        assert name in dir(segmentry)
    with raises_text(AttributeError):
        segmentry.fit  # noqa: B018  # the access is what is tested


def commands():
    """Return every command by its words."""
    found, left = {}, [((), typer.main.get_command(app))]
    while left:
        words, command = left.pop()
        found[words] = command
        left += [((*words, name), sub) for name, sub in getattr(command, "commands", {}).items()]
    return found


def test_every_command_and_every_option_is_explained():
    unexplained = []
    for words, command in commands().items():
        if not command.help:
            unexplained.append(words)
        unexplained += [
            (*words, option.name) for option in command.params if not getattr(option, "help", None)
        ]
    assert unexplained == []
    assert set(commands()) == {
        (),
        ("serve",),
        ("demo",),
        ("init",),
        ("run",),
        ("score",),
        ("refresh",),
        ("compare",),
        ("report",),
        ("card",),
        ("dashboard",),
        ("embed",),
        ("data",),
        ("data", "generate"),
        ("data", "check"),
        ("data", "prepare"),
        ("data", "add"),
        ("data", "forget"),
        ("compare-algorithms",),
        ("plan",),
        ("plan", "budget"),
        ("plan", "test"),
        ("analyse",),
        ("analyse", "test"),
        ("export",),
        ("export", "audience"),
        ("export", "powerbi"),
        ("export", "excel"),
        ("export", "sql"),
    }


def test_every_method_that_is_compared_is_named_where_it_is_asked_for():
    (option,) = [
        each for each in commands()["compare-algorithms",].params if each.name == "algorithms"
    ]
    for text in (option.help, compare_algorithms.__doc__):
        listed = re.findall(r"[\w-]+", text[text.index("Some of ") :])
        assert {method.name for method in METHODS} <= set(listed)


def test_changelog_and_citation_name_this_version():
    (released,) = re.findall(
        rf"^## \[{re.escape(segmentry.__version__)}\] - (\S+)$",
        (ROOT / "CHANGELOG.md").read_text(),
        flags=re.MULTILINE,
    )
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {segmentry.__version__}\n" in citation
    assert f"\ndate-released: {released}\n" in citation


def test_every_file_of_the_package_is_one_that_the_check_of_the_wheel_expects():
    expected = runpy.run_path(str(ROOT / "tools" / "check_package.py"))["EXPECTED"]
    files = [path for path in (ROOT / "src" / "segmentry").rglob("*.*") if path.is_file()]
    names = [
        str(each.relative_to(ROOT / "src")) for each in files if "__pycache__" not in str(each)
    ]

    assert [name for name in names if not expected.fullmatch(name)] == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_are_short_enough_to_be_read(path):
    text = path.read_text()
    long_functions = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and code_lines(node) > MAX_LINES_OF_A_FUNCTION
    ]
    assert len(text.splitlines()) <= MAX_LINES_OF_A_FILE
    assert long_functions == []


def test_the_pipeline_only_orders_steps():
    """What computes has a room of its own, so that the room that orders steps stays small."""
    files = list((ROOT / "src" / "segmentry" / "pipeline").glob("*.py"))
    lines = sum(len(each.read_text(encoding="utf-8").splitlines()) for each in files)
    assert len(files) <= MAX_FILES_OF_THE_PIPELINE
    assert lines <= MAX_LINES_OF_THE_PIPELINE, "move what computes to the room that owns its result"


def code_lines(function):
    """Count the lines of a function without its docstring: a doctest is no burden."""
    first = function.body[0]
    is_documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    documented = first.end_lineno - first.lineno + 1 if is_documented else 0
    return function.end_lineno - function.lineno + 1 - documented

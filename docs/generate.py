"""Write the reference pages that come from the code, or check that they are up to date."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import typer.main
from python_page import render_errors, render_python
from typer.testing import CliRunner

from segmentry.advise.insights import INSIGHTS
from segmentry.cli import app
from segmentry.features import BEHAVIOUR_FEATURES, LOG_FEATURES, VALUE_FEATURES
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.present.figures import FIGURES
from segmentry.schema import Feature
from segmentry.segments.forming import RECIPES

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by `make docs` from the code; change it there. -->\n"


def render_features() -> str:
    """Return the catalogue of features, family by family."""
    lines = [
        "# Features",
        "",
        NOTE,
        "One row per user of the log or the profiles. Null means unknown; a share whose",
        "denominator is 0 is null. Fill is what stands in for unknown when the feature forms",
        "segments. The behaviour family is there with `--with behaviours`.",
    ]
    features = (*LOG_FEATURES, *VALUE_FEATURES, *BEHAVIOUR_FEATURES, *TAOBAO_ATTRIBUTES)
    for family in dict.fromkeys(feature.family for feature in features):
        lines += ["", f"## {family.capitalize()}", ""]
        lines += [
            "| feature | unit | kind | fill | what it is | recipes |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(feature) for feature in features if feature.family == family]
    return "\n".join(lines) + "\n"


def _row(feature: Feature) -> str:
    uses = [
        f"{name} ({weights[feature.name]:g})"
        for name, recipe in RECIPES.items()
        for weights in [{**recipe.weights, **recipe.behaviour_weights}]
        if feature.name in weights
    ]
    levels = ", ".join(f"{level} {label}" for level, label in feature.levels.items())
    text = f"{feature.description} Levels: {levels}." if levels else feature.description
    cells = (f"`{feature.name}`", feature.unit, feature.kind, feature.fill, text, ", ".join(uses))
    return "| " + " | ".join(cells) + " |"


def render_commands() -> str:
    """Return the help of every command."""
    blocks = ["# Command line", "", NOTE]
    for words in _commands():
        result = CliRunner().invoke(
            app, [*words, "--help"], prog_name="segmentry", terminal_width=90
        )
        title = " ".join(["segmentry", *words])
        text = "\n".join(line.rstrip() for line in result.output.strip().splitlines())
        blocks += [f"## {title}", "", "```text", text, "```", ""]
    return "\n".join(blocks)


def _commands() -> Iterator[list[str]]:
    yield []
    root = typer.main.get_command(app)
    for name, command in root.commands.items():
        yield [name]
        for below in getattr(command, "commands", {}):
            yield [name, below]


def render_insights() -> str:
    """Return every insight: when it is said, what it means, what to do."""
    lines = [
        "# Insights",
        "",
        NOTE,
        "Coded findings on segments. A code is never given to another finding; `--mute CODE` on",
        "`segmentry run` silences one. Everything here is observational: that acting on a segment",
        "changes what its users do is shown by a randomised test only.",
        "",
        "| code | insight | kind |",
        "|---|---|---|",
    ]
    lines += [
        f"| [{kind.code}](#{kind.code.lower()}) | {kind.title} | {kind.severity} |"
        for kind in INSIGHTS
    ]
    for kind in INSIGHTS:
        lines += ["", f"## {kind.code}", "", f"**{kind.title}** ({kind.severity})", ""]
        lines += [f"- Said when: {kind.rule}", f"- What it means: {kind.meaning}"]
        lines.append(f"- What to do ({kind.code.replace('SEG', 'ACT')}): {kind.action}")
        lines.append(f"- How to test it: `{kind.test_of('ID')}`")
        if kind.data != "any":
            lines.append(f"- Of data with {kind.data} only.")
        if kind.needs:
            lines.append(f"- Needs {kind.needs}; else the report says that it was not looked for.")
    return "\n".join(lines) + "\n"


def render_figures() -> str:
    """Return the figures of a run: their files and where the report sets them."""
    lines = [
        "# Figures",
        "",
        NOTE,
        "A run writes those of which it has something to draw into `figures/`, as `NAME.svg`;",
        "`segmentry report RUN_DIR --png` adds `NAME.png`.",
        "",
        "| name | figure | section of the report |",
        "|---|---|---|",
    ]
    lines += [f"| `{each.name}` | {each.title} | {each.section} |" for each in FIGURES.values()]
    return "\n".join(lines) + "\n"


PAGES = {
    "figures.md": render_figures,
    "features.md": render_features,
    "cli.md": render_commands,
    "insights.md": render_insights,
    "python.md": lambda: render_python(NOTE),
    "errors.md": lambda: render_errors(NOTE),
}


def main() -> None:
    """Write the pages; with --check, exit with 1 if one is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    stale = []
    for name, render in PAGES.items():
        path, text = REFERENCE / name, render()
        if is_check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not is_check:
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"out of date: {', '.join(stale)}; run: make docs")


if __name__ == "__main__":
    main()

"""Words that the product does not use, each with the word it uses instead; see CONTRIBUTING.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUFFIXES = {".css", ".html", ".ipynb", ".js", ".md", ".py"}
PLACES = ("src", "docs", "examples", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
COMPARED = "better|cheaper|earlier|faster|fewer|higher|larger|later|less|longer|lower|more|slower"
WORDS = {
    # Underscores part the words of an identifier, so that `told_rate` is found as well.
    r"(?<![a-z])(?:un)?told(?![a-z])": "shown, reported, distinguished; cannot be determined",
    r"\btells? of\b": "shows, describes, predicts",
    r"\bsaid of\b": "reported",
    r"\bfore(?:tell(?:s|ing)?|told)\b": "predict, forecast",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\banew\b": "again",
    # "asked for" is a reason of a refresh in the files of a run.
    r'(?<![a-z])asked(?![a-z]| for")': "requested, checked",
    # "n days ahead" of a forecast is its horizon.
    r"(?<![a-z])ahead(?![a-z])": "in advance, horizon",
    # Distances are apart ("4 standard deviations apart"); `apart_share` is a column of a file.
    r"(?<!far )(?<!further )(?<!lie )(?<!deviations )(?<!errors )(?<!points )"
    r"(?<![a-z])apart(?![a-z]|_share)": "in a worker process, separate, distinguish",
    r"(?<![a-z])beside(?![a-z])": "next to, with",
    r"(?<![a-z])whom(?![a-z])": "which users",
    r"\bseldom\b": "rarely",
    r"\bno setting\b": "unknown setting",
    rf"(?<!here )\bis\s+no\s+(?!{COMPARED}|worse|wider|smaller)": "is not a",
    r"\bas (?:they lie|it lies)\b": "as is",
    r"\bput together\b": "grouped, merged, joined, built",
    r"(?<![a-z:])nth(?![a-z-])": "frequency (ads seen per user), position",
    r"(?<![a-z])twins?(?![a-z])": "null simulations",
    r"\b(?:who came back|met again)\b": "returning users",
    r"(?<!at_)(?<![a-z])(?:least|most)_(?!common)": "min, max",
}
# Parts of the tree where a word is the right one.
ONLY = {
    r"\bkept[ -]gain\b": ("src/segmentry/present/", "docs/guide/", "README.md"),
    r"(?<!planted )(?<!known )(?<!planted_)\btruth(?!_rows)\b|Truth": (
        "src/segmentry/describe/",
        "src/segmentry/evaluation/",
        "src/segmentry/pipeline/",
        "src/segmentry/present/",
        "src/segmentry/results/",
    ),
}
INSTEAD = {**WORDS, **dict(zip(ONLY, ("predictive share", "validation"), strict=True))}
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for place in PLACES
    for path in sorted((ROOT / place).rglob("*") if (ROOT / place).is_dir() else [ROOT / place])
    if path.suffix in SUFFIXES
}


def test_the_texts_are_found():
    assert len(TEXTS) > 300


@pytest.mark.parametrize("word", INSTEAD)
def test_no_text_uses_a_word_of_the_list(word):
    places = ONLY.get(word, ("",))
    found = [
        f"{name}:{text[: match.start()].count(chr(10)) + 1}: {match.group()!r}"
        for name, text in TEXTS.items()
        if name.startswith(places)
        for match in re.finditer(word, text, flags=re.IGNORECASE)
    ]

    assert not found, f"write {INSTEAD[word]!r} instead: {found}"

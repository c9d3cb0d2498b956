"""Numbers on a command line, as people write them."""

import inspect
from typing import get_args

import pytest
import typer
from tests.pipeline.runs import segmentry

from segmentry.cli import _data, _plan
from segmentry.cli._app import app
from segmentry.cli._options import parse_amount, parse_share, parse_whole


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1000000", 1_000_000),
        ("1,000,000", 1_000_000),
        ("1 000 000", 1_000_000),
        ("1\u202f000", 1_000),
        ("1'000", 1_000),
        ("1e6", 1_000_000),
        ("-3", -3),
        ("9007199254740993", 9_007_199_254_740_993),
    ],
)
def test_whole_numbers(text, number):
    assert parse_whole(text) == number


@pytest.mark.parametrize("text", ["", "1,00", "1.5", "1.000,5", "ten", "nan", "inf", "1,000,00"])
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(typer.BadParameter):
        parse_whole(text)


@pytest.mark.parametrize("text", ["1,5", "nan", "1e999", "1e308", "5%"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(typer.BadParameter):
        parse_amount(text)


def test_shares_and_amounts():
    assert parse_amount("1,500.5") == 1500.5
    assert [parse_share(text, option="--x") for text in ("10 %", "0.1", "100%")] == [0.1, 0.1, 1]


@pytest.mark.parametrize("command", [_data.generate, _plan.budget])
def test_every_option_that_is_a_number_is_read_so(command):
    assert app is not None
    for parameter in inspect.signature(command).parameters.values():
        kind, option = get_args(parameter.annotation)
        if {int, float} & {kind, *get_args(kind)} and option.min is None:
            assert option.parser in (parse_whole, parse_amount)


def test_a_share_of_the_users_may_be_a_percentage(tmp_path):
    assert segmentry("data", "generate", tmp_path / "log", "--users", "1,200").code == 0

    answer = segmentry("data", "check", tmp_path / "log", "--sample", "50%")

    assert answer.code == 0
    assert "outside --sample" in answer.out

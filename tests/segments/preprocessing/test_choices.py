"""What a user chooses of how features enter: every form of it, and what it makes of a plan."""

import pytest
from tests.texts import says

from segmentry.errors import ConfigError
from segmentry.features import LOG_FEATURES
from segmentry.ingest.taobao import TAOBAO_ATTRIBUTES
from segmentry.segments.preprocessing import Choices, apply_choices, plan_column, read_choice

FEATURES = {each.name: each for each in (*LOG_FEATURES, *TAOBAO_ATTRIBUTES)}


def plans_of(*names):
    return [plan_column(FEATURES[name]) for name in names]


@pytest.mark.parametrize(
    ("step", "text", "value"),
    [
        ("weights", "a=2, b=0.5", {"a": 2, "b": 0.5}),
        ("fill", "own level", "own level"),
        ("fill", "a=own level,b=zero", {"a": "own level", "b": "zero"}),
        ("transforms", "none", "none"),
        ("clip", "0.05:0.95", [0.05, 0.95]),
        ("clip", "none", "none"),
        ("clip", "a=0:0.9,b=none", {"a": [0, 0.9], "b": "none"}),
        ("scale", "a=quantile", {"a": "quantile"}),
    ],
)
def test_a_flag_says_what_python_and_toml_say(step, text, value):
    assert read_choice(step, text) == read_choice(step, value)
    assert read_choice(step, read_choice(step, text)) == read_choice(step, text)


@pytest.mark.parametrize(
    ("step", "given", "text"),
    [
        ("weights", "2", "found '2', expected FEATURE=NUMBER, such as n_clicks=2"),
        ("weights", {"a": True}, "a: found True, expected a number above 0"),
        ("weights", {"a": float("nan")}, "a: found nan, expected a number above 0"),
        ("weights", "a=inf", "a: found 'inf', expected a number above 0"),
        ("weights", "a=0", "a: found '0', expected a number above 0"),
        ("scale", 3, "found 3, expected one of robust, standard, quantile, none"),
        ("scale", ["robust"], "found ['robust'], expected one of robust, standard, quantile, none"),
        ("fill", "a=", "found 'a=', expected FEATURE=VALUE, separated by commas"),
        ("fill", "a=zero,zero", "found 'zero', expected FEATURE=VALUE, separated by commas"),
        ("fill", "a=zero,a=mode", "a: found twice, expected one value"),
        *(
            (
                "clip",
                given,
                (
                    f"found {given!r}, expected two rising quantiles from 0 to 1, such as "
                    "0.01:0.99, or 'none'"
                ),
            )
            for given in ("0.9:0.1", "1:99", "0.5", "a:b", [0.1], [0.1, 0.2, 0.3], 0.5, [1, 99])
        ),
    ],
)
def test_what_is_no_choice_is_refused(step, given, text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        read_choice(step, given)
    assert str(caught.value) == text


def test_nothing_chosen_leaves_plans_as_they_are():
    plans = plans_of("n_impressions", "ctr_shrunk", "gender")

    assert apply_choices(plans, Choices()) == tuple(plans)


def test_what_is_chosen_for_all_leaves_levels_as_they_are_and_logs_what_is_no_share():
    plans = plans_of("n_impressions", "ctr", "weekend_share", "gender")
    for_all = Choices(fill="zero", transforms="logit", clip="none", scale="standard")

    *numbers, gender = apply_choices(plans, for_all)

    assert gender == plans[-1]
    assert {(each.fill, each.clip, each.scale) for each in numbers} == {("zero", None, "standard")}
    assert [each.transform for each in numbers] == ["log1p", "logit", "logit"]


def test_what_is_chosen_by_name_changes_that_feature_alone():
    plans = plans_of("n_impressions", "n_clicks", "gender")
    choices = Choices(
        weights={"gender": 0.5}, fill={"gender": "mode"}, clip={"n_clicks": (0.1, 0.9)}
    )

    impressions, clicks, gender = apply_choices(plans, choices)

    assert impressions == plans[0]
    assert (clicks.clip, clicks.scale, clicks.weight) == ((0.1, 0.9), "robust", 1.0)
    assert (gender.weight, gender.fill) == (0.5, "mode")


@pytest.mark.parametrize(
    "choices",
    [
        Choices(scale={"n_click": "none"}),
        Choices(weights={"age": 2.0}),
        Choices(transforms={"n_clicks": "logit"}),
        Choices(clip={"gender": "none"}),
        Choices(fill={"gender": "median"}),
    ],
)
def test_what_makes_no_sense_of_a_feature_is_refused(choices):
    with pytest.raises(ConfigError) as caught:
        apply_choices(plans_of("n_clicks", "gender"), choices)
    says(str(caught.value))

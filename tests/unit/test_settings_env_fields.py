"""Fields of the environment in the values of settings."""

from __future__ import annotations

import pytest

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.settings import expand, missing_variables
from hatch_cloudrole.settings.env_fields import check
from tests.settings_samples import WORKER, parse

ENV = {"CONN": "Key=1;{}", "EMPTY": "", "ProgramFiles(x86)": "P"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{env:CONN}", "Key=1;{}"),
        ("<{env:CONN}>{env:CONN}", "<Key=1;{}>Key=1;{}"),
        ("{env:EMPTY:default}", ""),
        ("{env:NONE:default}", "default"),
        ("{env:NONE:}", ""),
        ("{env:NONE:http://h:80/}", "http://h:80/"),
        ("{env:NONE:{env:CONN}}", "Key=1;{}"),
        ("{env:NONE:a{env:NONE:b}c}", "abc"),
        ("{env:ProgramFiles(x86)}", "P"),
        ('{{"a": "{env:EMPTY}"}}', '{"a": ""}'),
        ("{{env:CONN}}", "{env:CONN}"),
    ],
)
def test_a_field_becomes_its_variable_or_its_default(value: str, text: str) -> None:
    assert expand(value, ENV) == text


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "}",
        "a}b",
        "{}",
        "{0}",
        "{env}",
        "{env:}",
        "{env:A",
        "{env:A:x",
        "{home}",
        "{env:A B}",
        "{env:A:{b}}",
        "{env:A:x}}",
        "{{env:A}",
        "{ENV:A}",
        "{env:=}",
    ],
)
def test_other_fields_and_lone_braces_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="brace"):
        check(value)


def test_fields_nest_ten_deep_and_no_deeper() -> None:
    assert expand("{env:N:" * 10 + "x" + "}" * 10, {}) == "x"
    with pytest.raises(ValueError, match="more than 10 deep"):
        check("{env:N:" * 11 + "x" + "}" * 11)


def test_expanding_without_the_variable_names_it() -> None:
    with pytest.raises(ProjectError) as caught:
        expand("{env:NONE} {env:LESS}", {})
    assert [fault.what for fault in caught.value.faults] == [
        "the environment variable NONE is not set, accepted: any value",
        "the environment variable LESS is not set, accepted: any value",
    ]


def test_every_missing_variable_is_reported_with_its_key_once() -> None:
    service = parse(
        f"""
        [roles."W.eb"]
        {WORKER}
        settings = {{ A = "{{env:ONE}}{{env:TWO}}{{env:ONE}}", B = "{{env:CONN}}", C = "{{env:THREE:x}}" }}
        configurations.Test = {{ settings = {{ B = "{{env:FOUR:{{env:FIVE}}}}" }} }}
        """
    )
    key = 'tool.hatch.build.targets.cloudrole.roles."W.eb".'
    remedy = 'set it, or give a default as in "{env:%s:default}"'
    assert missing_variables(service, ENV) == [
        Fault(
            f"{key}settings.A",
            "the environment variable ONE is not set, accepted: any value",
            remedy % "ONE",
        ),
        Fault(
            f"{key}settings.A",
            "the environment variable TWO is not set, accepted: any value",
            remedy % "TWO",
        ),
        Fault(
            f"{key}configurations.Test.settings.B",
            "the environment variable FIVE is not set, accepted: any value",
            remedy % "FIVE",
        ),
    ]


def test_a_default_that_is_not_needed_may_lack_its_variable() -> None:
    service = parse(f'[roles.R]\n{WORKER}settings = {{ A = "{{env:CONN:{{env:NONE}}}}" }}')
    assert missing_variables(service, ENV) == []

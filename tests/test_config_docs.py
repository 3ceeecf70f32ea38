"""The example file and the page on configuration say what the code does."""

import re
from pathlib import Path

from tidegate.config import load
from tidegate.config.loading import text_of
from tidegate.config.variables import NAMES, Variables, meaning_of, rule_of
from tidegate.hyperliquid.limits import weight_per_minute
from tidegate.model.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / ".env.example"
PAGE = ROOT / "docs" / "configuration.md"


def default_of(name: str) -> str:
    return text_of(Variables.model_fields[name.lower()].default)


def test_loading_the_example_gives_the_defaults() -> None:
    result = load({}, {}, EXAMPLE, weight_per_minute=weight_per_minute, strategy_dir=ROOT / "strategies")
    assert result.settings == Settings(strategy_dir=str(ROOT / "strategies"))
    assert result.secrets.private_key == ""
    assert set(result.sources.values()) == {".env"}


def test_the_example_has_every_variable_once_with_its_default_and_a_line_about_it() -> None:
    blocks = EXAMPLE.read_text(encoding="utf-8").strip().split("\n\n")
    assert blocks == [f"# {meaning_of(name)}\n{name}={default_of(name)}" for name in NAMES]


def test_the_page_has_a_row_for_every_variable() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| `[A-Z_]+` \|", line)]
    assert rows == [
        f"| `{name}` | {f'`{default_of(name)}`' if default_of(name) else '(empty)'} "
        f"| {rule_of(name).allowed} | {meaning_of(name)} |"
        for name in NAMES
    ]


def test_every_example_in_a_rule_is_allowed_by_that_rule() -> None:
    for name in NAMES:
        rule = rule_of(name)
        if rule.example:
            rule.read(rule.example)


def test_every_default_is_allowed_by_its_rule() -> None:
    for name in NAMES:
        value = Variables.model_fields[name.lower()].default
        assert rule_of(name).read(text_of(value)) == value

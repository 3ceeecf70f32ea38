"""The pages say what the program does: commands run, options exist, links resolve, tables agree with the code."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import typer

import bot
from tidegate.config.variables import NAMES
from tidegate.core.state import MOVES, Phase
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running
from tidegate.model.brackets import ExitReason
from tidegate.model.intents import Topic

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
COMMAND = typer.main.get_command(bot.app)
COMMAND_TIMEOUT_S = 60
# Documented command lines that end by themselves in a few seconds, without an exchange.
QUICK = {"strategies", "show-config"}
OWN_PATHS = re.compile(r"(?<![\w./:])/(?:work|tmp|home|root|Users|var/folders|mnt)(?:/|\b)|[A-Z]:\\\\?Users")
INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )*python bot\.py[^`]*)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks_of(page: Path) -> Iterator[str]:
    yield from re.findall(r"^```\w*\n(.*?)^```", text_of(page), flags=re.MULTILINE | re.DOTALL)


def without_blocks(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def command_lines(page: Path) -> list[str]:
    """Every `python bot.py …` that the page shows, in a block of its own line or inline."""
    shown = [line.strip() for block in blocks_of(page) for line in block.splitlines()]
    inline = INLINE.findall(without_blocks(page))
    return [line for line in (*shown, *inline) if re.match(r"(?:[A-Z_]+=\S+ )*python bot\.py\b", line)]


def words_of(line: str) -> tuple[dict[str, str], list[str]]:
    """The settings in front of a command line, and the words behind `bot.py`."""
    words = shlex.split(line, comments=True)
    at = words.index("bot.py")
    return dict(word.split("=", 1) for word in words[: at - 1]), words[at + 1 :]


def as_run(words: list[str]) -> list[str]:
    """The same words with the command that `bot.main` would put in front."""
    return words if words and not words[0].startswith("-") else ["run", *words]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


LINES = [(name_of(page), line) for page in PAGES for line in command_lines(page)]


def ends_by_itself(line: str) -> bool:
    words = words_of(line)[1]
    return "--help" in words or (bool(words) and words[0] in QUICK)


RUNNABLE = sorted({line for _, line in LINES if ends_by_itself(line)})


@pytest.mark.parametrize("line", RUNNABLE)
def test_a_documented_command_that_needs_no_exchange_runs(line: str, tmp_path: Path) -> None:
    settings, words = words_of(line)
    ended = subprocess.run(
        [sys.executable, str(ROOT / "bot.py"), *words],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", **settings},
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()


def test_the_readme_and_the_quickstart_show_commands_that_are_run_here() -> None:
    words = [words_of(line)[1] for line in RUNNABLE]
    assert ["--help"] in words
    for command in QUICK:
        assert [each for each in words if each[:1] == [command]], command


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_documented_command_line_is_understood(page: str, line: str) -> None:
    settings, words = words_of(line)
    assert set(settings) <= set(NAMES), f"{page}: a variable that does not exist"
    command = as_run([word for word in words if word != "--help"] or ["run"])
    known = COMMAND.commands.get(command[0])
    assert known is not None, f"{page}: no command {command[0]}"
    known.make_context("bot.py", command[1:], resilient_parsing=True)


@pytest.mark.parametrize("command", sorted(COMMAND.commands))
def test_every_command_and_every_option_is_mentioned(command: str) -> None:
    shown = "\n".join(map(text_of, PAGES))
    assert re.search(rf"python bot\.py {command}\b", shown), command
    for option in COMMAND.commands[command].params:
        if not getattr(option, "hidden", False):
            for name in option.opts:
                assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", shown), f"{command} {name}"


def test_the_example_for_the_official_sdk_places_an_order() -> None:
    shown = next(block for block in blocks_of(DOCS / "localnet.md") if "hyperliquid.exchange" in block)
    with running(LocalnetOptions(scenario="random")) as net:
        example = re.sub(r"^url = .*$", f'url = "{net.url}"', shown, flags=re.MULTILINE)
        ended = subprocess.run(
            [sys.executable, "-c", example], capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
    assert ended.returncode == 0, ended.stderr
    placed, listed = map(ast.literal_eval, ended.stdout.splitlines())
    oid = placed["response"]["data"]["statuses"][0]["resting"]["oid"]
    assert [order["oid"] for order in listed] == [oid]


def slug(heading: str) -> str:
    """The anchor that a heading gets on the usual hosts."""
    plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
    return plain.strip().replace(" ", "-")


def anchors_of(page: Path) -> set[str]:
    return {slug(found) for found in re.findall(r"^#+ (.+)$", without_blocks(page), flags=re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_resolves(page: Path) -> None:
    for target in LINK.findall(without_blocks(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{name_of(page)} links to {target}"
        assert ROOT in linked.parents, f"{name_of(page)} links out of the project: {target}"
        if anchor:
            assert anchor in anchors_of(linked), f"{name_of(page)} links to {target}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "LICENSE", ROOT / ".env.example"], ids=name_of)
def test_no_page_names_a_path_of_somebodys_machine(page: Path) -> None:
    assert not OWN_PATHS.search(text_of(page))


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_has_context_decision_and_consequences_and_is_linked_from_the_architecture(page: Path) -> None:
    heading = re.match(r"# (\d{4}) (.+)\n", text_of(page))
    assert heading is not None
    assert page.name.startswith(f"{heading[1]}-")
    assert re.findall(r"^## (.+)$", text_of(page), flags=re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert f"[{heading[1]}](decisions/{page.name})" in text_of(DOCS / "architecture.md")


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def rows_of(page: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    below = text_of(page).split(f"\n{heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n?)+", below, flags=re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def test_the_phase_table_is_the_table_of_moves() -> None:
    rows = {row[0].strip("`"): set(row[2].split(", ")) for row in rows_of(DOCS / "architecture.md", "## Phases")}
    assert rows == {phase.value: {move.value for move in MOVES[phase]} for phase in Phase}


def test_every_log_topic_is_explained() -> None:
    assert {row[0].strip("`") for row in rows_of(DOCS / "operations.md", "## The log")} == set(get_args(Topic))


def test_every_exit_reason_is_explained() -> None:
    rows = rows_of(DOCS / "glossary.md", "## Exit reasons")
    assert {name.strip("` ") for row in rows for name in row[0].split(",")} == {reason.value for reason in ExitReason}


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "operations.md"], ids=name_of)
def test_the_exit_codes_are_those_of_the_front_door(page: Path) -> None:
    promised = ast.get_docstring(ast.parse(text_of(ROOT / "bot.py"))) or ""
    codes = set(re.findall(r"\b(\d+) [a-z]", promised.split("Exit codes:", 1)[1]))
    shown = set(re.findall(r"^\| (\d+) \|", text_of(page), flags=re.MULTILINE))
    assert shown == codes
    assert {str(code) for _, code in bot.EXIT_CODES} <= shown


def test_the_commands_of_make_are_those_of_the_makefile() -> None:
    targets = set(re.findall(r"^\.PHONY: (.+)$", text_of(ROOT / "Makefile"), flags=re.MULTILINE)[0].split())
    listed = set(re.findall(r"^\| `make ([\w-]+)`", text_of(ROOT / "CONTRIBUTING.md"), flags=re.MULTILINE))
    assert listed == targets - {"help"}
    for page in PAGES:
        assert set(re.findall(r"`make ([\w-]+)[ `]", text_of(page))) <= targets, name_of(page)


def test_the_file_map_has_every_module_at_the_top_and_in_the_core() -> None:
    shown = text_of(DOCS / "architecture.md").split("## File map", 1)[1]
    package = ROOT / "tidegate"
    modules = [path.name for folder in (package, package / "core") for path in folder.glob("*.py")]
    packages = [f"tidegate/{path.parent.name}/" for path in package.glob("*/__init__.py")]
    missing = {name for name in (*modules, *packages) if name not in shown}
    assert missing - {"__init__.py", "tidegate/core/"} == set()


def test_recorded_screen_lines_have_the_form_of_the_log() -> None:
    dated = [line for page in PAGES for block in blocks_of(page) for line in block.splitlines() if line[:2] == "20"]
    form = rf"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z (INFO|WARNING|ERROR) \[({'|'.join(get_args(Topic))})\] \S.*"
    assert len(dated) > 10
    for line in dated:
        assert re.fullmatch(form, line), line
        assert len(line) <= 240, line

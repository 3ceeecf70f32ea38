"""The log's promises: whole lines, no secrets, no control characters, never in the way."""

import json
import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidegate import logs
from tidegate.logs.formats import LINE_MAX, JsonFormat, TextFormat
from tidegate.logs.handlers import File
from tidegate.logs.setting_up import _hands
from tidegate.logs.writing import Hand, Writer
from tidegate.model.settings import Network

KEY = "0x" + "1f" * 32
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) \[[a-z]+\] .*")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that the log writes into at DEBUG, not to the screen."""
    logs.setup("DEBUG", tmp_path, console=False)
    yield tmp_path
    logs.close()


def texts(folder: Path) -> list[str]:
    assert logs.flush()
    return (folder / "bot.log").read_text(encoding="utf-8").splitlines()


def objects(folder: Path) -> list[dict[str, Any]]:
    assert logs.flush()
    return [json.loads(line) for line in (folder / "bot.jsonl").read_text(encoding="utf-8").splitlines()]


class Slow(logging.Handler):
    """A place that takes a line only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        assert self.let.wait(10)
        self.lines.append(str(record.msg))


def test_a_line_has_time_level_topic_and_text(folder: Path) -> None:
    logs.log("order", "BTC: buy 0.01 at 100,000", coin="BTC", oid=7)
    (line,) = texts(folder)
    assert LINE.fullmatch(line)
    assert line.endswith("Z INFO [order] BTC: buy 0.01 at 100,000")


def test_the_same_line_stands_in_json_with_its_fields(folder: Path) -> None:
    logs.log(
        "fill",
        "filled",
        "WARNING",
        coin="BTC",
        oid=7,
        price=Decimal("0.10"),
        network=Network.TESTNET,
        none=None,
    )
    (found,) = objects(folder)
    assert found.pop("time") == texts(folder)[0].split()[0]
    assert found == {
        "level": "WARNING",
        "topic": "fill",
        "text": "filled",
        "coin": "BTC",
        "oid": 7,
        "price": "0.10",
        "network": "testnet",
        "none": None,
    }


def test_the_screen_shows_the_same_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("INFO", tmp_path)
    logs.log("bot", "hello")
    assert texts(tmp_path) == capsys.readouterr().out.splitlines()
    logs.close()


def test_a_field_named_like_one_of_ours_changes_nothing_of_ours(folder: Path) -> None:
    logs.log("bot", "hello", time="never", text="other")
    (found,) = objects(folder)
    assert (found["text"], found["text_"], found["time_"]) == ("hello", "other", "never")


def test_a_long_line_is_cut_with_an_ellipsis_and_whole_in_json(folder: Path) -> None:
    logs.log("bot", "x" * 1000)
    (line,) = texts(folder)
    assert len(line) == LINE_MAX
    assert line.endswith("x…")
    assert objects(folder)[0]["text"] == "x" * 1000


def test_lines_below_the_level_cost_nothing_and_show_nothing(tmp_path: Path) -> None:
    logs.setup("INFO", tmp_path, console=False)
    logs.log("stream", "a tick", "DEBUG")
    logs.log("stream", "up")
    assert [line.rpartition("] ")[2] for line in texts(tmp_path)] == ["up"]
    logs.close()


def test_libraries_are_heard_from_warning_on_only(folder: Path) -> None:
    chatty = logging.getLogger("chatty.library")
    chatty.setLevel(logging.DEBUG)
    chatty.info("tells %s", KEY)
    chatty.warning("tells %s", KEY)
    chatty.warning("does not fit %d %d", "x")
    assert [line.partition("Z ")[2] for line in texts(folder)] == [
        "WARNING [bot] chatty.library: tells (hidden)",
        "WARNING [bot] chatty.library: does not fit %d %d (its arguments do not fit)",
    ]


def test_python_warnings_become_lines(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old\nways", stacklevel=1)
    (line,) = texts(folder)
    assert "WARNING [bot] py.warnings: " in line
    assert "old\\nways" in line


def test_an_exception_is_one_line_of_text_and_a_traceback_in_json(folder: Path) -> None:
    try:
        raise ValueError(f"bad {KEY}\nsecond")
    except ValueError:
        logging.getLogger("some.library").exception("failed")
    (line,) = texts(folder)
    assert line.endswith("ERROR [bot] some.library: failed (ValueError: bad (hidden)\\nsecond)")
    (found,) = objects(folder)
    assert found["traceback"][0] == "Traceback (most recent call last):"
    assert KEY not in json.dumps(found)


def test_a_value_that_cannot_be_shown_loses_one_line_and_no_more(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    class Endless:
        def __str__(self) -> str:
            return str(self)

    logs.log("bot", "one", value=Mute())
    logs.log("bot", "two", value=Endless())
    logs.log("bot", "three")
    assert [found["text"] for found in objects(folder)] == ["three"]
    assert capsys.readouterr().err.splitlines() == [
        "log: bot.log cannot be written (RuntimeError); trading goes on",
        "log: bot.jsonl cannot be written (RuntimeError); trading goes on",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_told_of_once_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bot.log").symlink_to("/dev/full")
    logs.setup("INFO", tmp_path, console=False)
    for number in range(20):
        logs.log("bot", f"line {number}")
    assert len(objects(tmp_path)) == 20
    logs.close()
    told = capsys.readouterr().err.splitlines()
    assert told == ["log: bot.log cannot be written (No space left on device); trading goes on"]


def test_a_folder_that_cannot_be_written_to_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").touch()
    logs.setup("INFO", tmp_path / "taken" / "logs", console=False)
    logs.log("bot", "hello")
    assert logs.flush()
    logs.close()
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_logging_does_not_wait_for_a_place_that_hangs() -> None:
    slow = Slow()
    writer = Writer([slow], waiting_max=5)
    writer.start()
    hand = Hand(writer)
    for number in range(50):
        hand.handle(logging.LogRecord("tidegate", 20, "", 0, str(number), None, None))
    assert not writer.flush(timeout_s=0.01)
    slow.let.set()
    assert writer.flush(timeout_s=10)
    writer.stop(timeout_s=10)
    assert slow.lines[0] == "0"
    assert f"{writer.dropped} log lines were dropped: writing fell behind" in slow.lines
    assert 50 - writer.dropped == len(slow.lines) - 1
    assert writer.dropped >= 44


def test_files_are_put_aside_when_full_and_the_oldest_go(tmp_path: Path) -> None:
    file = File(tmp_path / "small.log", max_bytes=1000, kept=2)
    file.setFormatter(TextFormat())
    for number in range(100):
        file.handle(logging.LogRecord("tidegate", 20, "", 0, f"line {number}", None, None))
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.log", "small.log.1", "small.log.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert "line 99" in (tmp_path / "small.log").read_text()


def test_setting_up_again_replaces_what_was(tmp_path: Path) -> None:
    logs.setup("INFO", tmp_path, console=False)
    logs.log("bot", "first")
    logs.setup("INFO", tmp_path, console=False, name="localnet")
    logs.log("bot", "second")
    assert len(_hands()) == 1
    assert logs.flush()
    assert (tmp_path / "bot.log").read_text().endswith("first\n")
    assert (tmp_path / "localnet.log").read_text().endswith("second\n")
    logs.close()
    assert _hands() == []


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    logs.setup("INFO", tmp_path, console=False)
    for number in range(500):
        logs.log("bot", f"line {number}")
    logs.close()
    logs.log("bot", "too late")
    assert len((tmp_path / "bot.jsonl").read_text().splitlines()) == 500


def test_before_it_is_set_up_nothing_reaches_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    logs.close()
    logs.log("bot", KEY, "ERROR")
    assert capfd.readouterr() == ("", "")


def test_many_threads_write_whole_lines(folder: Path) -> None:
    def write(name: int) -> None:
        for number in range(100):
            logs.log("stream", f"{name} {number} " + "x" * 100, "DEBUG")

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = texts(folder)
    assert len(lines) == 400
    assert all(LINE.fullmatch(line) for line in lines)


def test_a_surrogate_in_a_text_is_written_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [each for each in logging.getLogger().handlers if isinstance(each, Hand)]
    # The runner captures lines, too, and cannot pass this one from one of its processes to another.
    monkeypatch.setattr(logging.getLogger(), "handlers", ours)
    logs.log("bot", os.fsdecode(b"\xff"), name_of_file="\udcff")
    assert texts(folder)[0].endswith("\\udcff")
    assert objects(folder)[0]["name_of_file"] == "\\udcff"


def test_both_formats_agree_on_the_parts() -> None:
    record = logging.LogRecord("tidegate", 20, "", 0, "hello", None, None)
    record.topic = "order"
    text, found = TextFormat().format(record), json.loads(JsonFormat().format(record))
    assert text == f"{found['time']} {found['level']} [{found['topic']}] {found['text']}"

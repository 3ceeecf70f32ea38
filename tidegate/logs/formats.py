"""The two shapes of a line: text for people, JSON for programs. Both are made from the same cleaned parts."""

import logging
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from tidegate.logs.cleaning import clean, clean_field

LINE_MAX = 240
TRACEBACK_LINES_MAX = 60
FIELDS_MAX = 40
OURS = "tidegate"


@dataclass(frozen=True, slots=True)
class Line:
    """The parts of one line, fit to be shown. `time` is UTC with milliseconds."""

    time: str
    level: str
    topic: str
    text: str
    fields: dict[str, object]
    traceback: tuple[str, ...]


class TextFormat(logging.Formatter):
    """`2026-01-31T06:12:13.123Z INFO [order] ...`, cut at LINE_MAX characters."""

    def format(self, record: logging.LogRecord) -> str:
        """The line without its end."""
        line = line_of(record)
        whole = f"{line.time} {line.level} [{line.topic}] {line.text}"
        return whole if len(whole) <= LINE_MAX else whole[: LINE_MAX - 1] + "…"


class JsonFormat(JsonFormatter):
    """One JSON object a line: time, level, topic, text, the fields, and the traceback if there is one."""

    def __init__(self) -> None:
        super().__init__(json_ensure_ascii=False)

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],  # noqa: ARG002 - the library's signature
    ) -> None:
        """Fill the object; a field named like one of our own keeps its value under `name_`."""
        line = line_of(record)
        log_data.update(time=line.time, level=line.level, topic=line.topic, text=line.text)
        for name, value in line.fields.items():
            log_data[f"{name}_" if name in log_data else name] = value
        if line.traceback:
            log_data["traceback"] = line.traceback


def line_of(record: logging.LogRecord) -> Line:
    """The parts of a record, cleaned once however many handlers ask."""
    made = record.__dict__.get("line")
    if isinstance(made, Line):
        return made
    text = clean(str(record.msg))
    trace: tuple[str, ...] = ()
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        text = f"{text} ({clean(f'{type(error).__name__}: {error}')})"
        lines = "".join(traceback.format_exception(error)).splitlines()
        trace = tuple(clean(each) for each in lines[-TRACEBACK_LINES_MAX:])
    if record.name != OURS:
        text = f"{clean(record.name)}: {text}"
    fields = list(record.__dict__.get("fields", {}).items())[:FIELDS_MAX]
    made = Line(
        time=datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        level=clean(record.levelname),
        topic=clean(str(record.__dict__.get("topic", "bot"))),
        text=text,
        fields={clean(name): clean_field(name, value) for name, value in fields},
        traceback=trace,
    )
    record.__dict__["line"] = made
    return made

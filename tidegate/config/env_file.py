"""Reads a `.env` file: which names stand where, and what cannot be understood.

Knows nothing of what the names mean. Values are taken as they stand: nothing is expanded.
"""

import stat
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from tidegate.config.wording import Text, fragment

FILE_MAX_BYTES = 100_000


def read_env_file(path: Path) -> tuple[dict[str, Text], list[str]]:
    """The values of a file by name, and a line for each problem. A file that is not there is an empty one."""
    try:
        raw = path.read_bytes() if path.exists() else b""
    except OSError as error:
        return {}, [f"{path.name}: cannot be read ({error.strerror})"]
    if len(raw) > FILE_MAX_BYTES:
        return {}, [f"{path.name}: longer than {FILE_MAX_BYTES} bytes, so not a settings file"]
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return {}, [f"{path.name} line {line}: not UTF-8; save the file as UTF-8 text"]
    if "\0" in content:
        return {}, [f"{path.name}: holds zero bytes; save the file as UTF-8 text"]
    return _statements(content, path.name)


def readable_by_others(path: Path) -> bool:
    """Whether other users of this machine may read the file."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _statements(content: str, file_name: str) -> tuple[dict[str, Text], list[str]]:
    found: dict[str, Text] = {}
    problems: list[str] = []
    for binding in parse_stream(StringIO(content)):
        blank = binding.original.string[: -len(binding.original.string.lstrip()) or None]
        line = binding.original.line + (blank.count("\n") if binding.original.string.strip() else 0)
        if binding.error:
            problems.append(f"{file_name} line {line}: not NAME=value (is a quote missing?)")
        elif binding.key is None:
            continue
        elif binding.value is None:
            problems.append(f"{file_name} line {line}: {fragment(binding.key)} has no = and no value")
        elif binding.key in found:
            first = found[binding.key].line
            problems.append(f"{file_name} line {line}: {fragment(binding.key)} stands twice, also in line {first}")
        else:
            found[binding.key] = Text(binding.value, ".env", line)
    return found, problems

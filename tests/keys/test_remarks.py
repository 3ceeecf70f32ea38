"""How the settings file is kept is remarked on: tracked by git, readable by others."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tidegate.config import load
from tidegate.hyperliquid.limits import weight_per_minute
from tidegate.keys.remarks import remarks_on, tracked_by_git

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "ema_cross.py").touch()
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".env"
    path.write_text("LEVERAGE=2\n")
    return path


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def remarks(path: Path) -> list[str]:
    return remarks_on(path, load({}, {}, path, weight_per_minute=weight_per_minute))


@needs_git
def test_a_settings_file_that_git_tracks_is_remarked_on(env_file: Path) -> None:
    git(env_file.parent, "init", "--quiet")
    assert remarks(env_file) == []
    git(env_file.parent, "add", ".env")
    (remark,) = remarks(env_file)
    assert remark.startswith(".env is tracked by git")
    assert "git rm --cached .env" in remark


@needs_git
def test_a_folder_inside_a_repository_counts_too(env_file: Path) -> None:
    folder = env_file.parent / "deep"
    folder.mkdir()
    inner = folder / ".env"
    inner.touch()
    git(env_file.parent, "init", "--quiet")
    assert not tracked_by_git(inner)
    git(env_file.parent, "add", "--force", "deep/.env")
    assert tracked_by_git(inner)


def test_without_git_there_is_nothing_to_say(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (env_file.parent / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert remarks(env_file) == []


def test_a_password_in_a_file_that_others_can_read_is_remarked_on(env_file: Path) -> None:
    env_file.write_text("DATABASE_URL=postgresql://bot:hunter2@localhost/bot\n")
    env_file.chmod(0o644)
    (remark,) = remarks(env_file)
    assert remark == ".env holds a password and others can read it: chmod 600 .env"
    env_file.chmod(0o600)
    assert remarks(env_file) == []


def test_no_settings_file_needs_no_remark(env_file: Path) -> None:
    env_file.unlink()
    assert remarks(env_file) == []

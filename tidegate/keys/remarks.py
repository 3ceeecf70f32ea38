"""What is said about how the settings file is kept: nothing that stops the bot, but something to mend."""

import subprocess
from pathlib import Path

from tidegate.config import Loaded
from tidegate.config.env_file import readable_by_others

GIT_TIMEOUT_S = 2.0


def remarks_on(env_file: Path, loaded: Loaded) -> list[str]:
    """One line for each way in which others may come to read `env_file`."""
    if not env_file.exists():
        return []
    found = []
    if tracked_by_git(env_file):
        found.append(
            f"{env_file.name} is tracked by git: whoever gets the repository gets your settings; "
            f"git rm --cached {env_file.name}, and change every secret that was in it"
        )
    holds_password = loaded.sources.get("DATABASE_URL") == ".env" and "***" in loaded.settings.database_url
    if holds_password and readable_by_others(env_file):
        found.append(f"{env_file.name} holds a password and others can read it: chmod 600 {env_file.name}")
    return found


def tracked_by_git(path: Path) -> bool:
    """Whether git would show this file to whoever clones the repository around it."""
    folder = path.absolute().parent
    if not any((each / ".git").exists() for each in (folder, *folder.parents)):
        return False
    try:
        asked = subprocess.run(
            ["git", "ls-files", "--error-unmatch", "--", path.name],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0

"""A sealed process leaves no core file, and its environment and memory are closed to others of the same user."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = """
import resource, sys
from tidegate.keys import seal
seal()
print(*resource.getrlimit(resource.RLIMIT_CORE), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def sealed() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.communicate(timeout=30)


def test_a_sealed_process_leaves_no_core_file(sealed: "subprocess.Popen[str]") -> None:
    assert sealed.stdout is not None
    assert sealed.stdout.readline().split() == ["0", "0"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_others_of_the_same_user_cannot_read_its_environment(sealed: "subprocess.Popen[str]") -> None:
    assert sealed.stdout is not None
    sealed.stdout.readline()
    assert os.stat(f"/proc/{sealed.pid}/environ").st_uid == 0
    if os.getuid() != 0:
        with pytest.raises(PermissionError):
            Path(f"/proc/{sealed.pid}/environ").read_bytes()


ERASING = """
import os
from pathlib import Path
from tidegate.config import SECRETS_IN_ENVIRONMENT, forget_secrets
from tidegate.keys import erase
erase(SECRETS_IN_ENVIRONMENT)
forget_secrets(os.environ)
print(Path("/proc/self/environ").read_bytes(), dict(os.environ))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_secret_in_the_environment_is_overwritten_and_the_rest_stays() -> None:
    given = {"HYPERLIQUID_PRIVATE_KEY": "5e" * 32, "DATABASE_URL": "postgresql://u:hunter2@h/d", "COINS": "SOL"}
    environ = {**os.environ, **given}
    told = subprocess.run([sys.executable, "-c", ERASING], env=environ, capture_output=True, text=True, check=True)
    assert "5e5e" not in told.stdout
    assert "hunter2" not in told.stdout
    assert "COINS=SOL" in told.stdout

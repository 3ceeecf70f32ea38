"""What the benchmark of the backtest makes of the figures of others."""

import subprocess
from pathlib import Path

import pytest

from benchmarks import backtest


def told(name: str, cpu_seconds: float) -> dict[str, object]:
    return {"name": name, "seconds": 2 * cpu_seconds, "cpu_seconds": cpu_seconds, "trades": 7, "version": "1.2"}


def test_the_others_are_judged_by_the_median_of_the_rounds_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = [(0.1, 10.0), (0.2, 100.0), (0.1, 1.0)]
    times = backtest.compared({"slow": [backtest.Measured(mine, told("slow", theirs)) for mine, theirs in rounds]})
    assert times == {"slow": pytest.approx(100)}
    assert "100 times ours" in capsys.readouterr().out


def test_a_goal_is_a_most_or_a_least(capsys: pytest.CaptureFixture[str]) -> None:
    backtest.verdict("seconds", 2.0, 1.0, "s")
    backtest.verdict("times", 2.0, 1.0, "times", least=True)
    late, fast = capsys.readouterr().out.splitlines()
    assert late.startswith("NOT met")
    assert fast.startswith("met ")


def test_one_that_cannot_be_installed_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_environment: Path, requirement: str) -> Path:
        raise subprocess.CalledProcessError(1, "pip", stderr=f"looking\nno such thing as {requirement}")

    monkeypatch.setattr(backtest, "installed", refuse)
    monkeypatch.setattr(backtest, "year", lambda: type("Made", (), {"bars": backtest.pd.DataFrame({"open": [1.0]})}))
    assert backtest.rivals(tmp_path, 1) == {}
    assert "skipped: no such thing as freqtrade==" in capsys.readouterr().out

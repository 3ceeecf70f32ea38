"""When the checks of preflight are demanded before a session, and when something else comes first."""

from types import SimpleNamespace

import pytest

from tidegate.commands import examining
from tidegate.config import Loaded, Secrets
from tidegate.errors import StorageError
from tidegate.model.settings import Network, Preflight, Settings

HELD = SimpleNamespace(network="mainnet", positions=(SimpleNamespace(coin="BTC"),))


@pytest.fixture(autouse=True)
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often everything was looked over; whatever is found, it is fine."""
    visits: list[str] = []

    class Visit:
        def __init__(self, *_: object, order: bool) -> None:
            assert order

        def findings(self) -> list[object]:
            visits.append("looked")
            return []

    monkeypatch.setattr("tidegate.doctor.Examination", Visit)
    return visits


def asked(monkeypatch: pytest.MonkeyPatch, last: object, **settings: object) -> int:
    def last_status(_url: str) -> object:
        if last is None:
            raise StorageError("no bot has run on this database yet")
        return last

    monkeypatch.setattr(examining, "last_status", last_status)
    loaded = Loaded(Settings(**settings), Secrets(database_url="sqlite:///x.db"), entries=())  # type: ignore[arg-type]
    return examining.before_going_live(loaded, object)


@pytest.mark.parametrize(
    ("settings", "times"),
    [
        ({"network": Network.MAINNET}, 1),
        ({"network": Network.MAINNET, "dry_run": True}, 0),
        ({"network": Network.MAINNET, "preflight": Preflight.NEVER}, 0),
        ({"network": Network.TESTNET}, 0),
        ({"network": Network.TESTNET, "preflight": Preflight.ALWAYS}, 1),
        ({}, 0),
    ],
)
def test_it_is_demanded_where_orders_would_leave_for_mainnet_or_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, looked: list[str], settings: dict[str, object], times: int
) -> None:
    assert asked(monkeypatch, None, **settings) == 0
    assert len(looked) == times


def test_a_position_that_was_open_is_guarded_first_but_not_one_of_another_network(
    monkeypatch: pytest.MonkeyPatch, looked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(monkeypatch, HELD, network=Network.MAINNET) == 0
    assert looked == []
    assert "preflight waits: a position in BTC was open" in capsys.readouterr().out
    asked(monkeypatch, HELD, network=Network.TESTNET, preflight=Preflight.ALWAYS)
    assert looked == ["looked"]

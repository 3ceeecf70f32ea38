"""What a person sees at 80 columns: nothing that matters is cut, and what is not known says so."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from tidegate.config import Entry, describe, load
from tidegate.config.variables import NAMES
from tidegate.discovery import StrategyRow, listing
from tidegate.hyperliquid.limits import weight_per_minute
from tidegate.model.gauges import CollectorGauges, SocketGauges, StreamGauges
from tidegate.model.status import CoinStatus, MajorStatus, PositionStatus, Status, TwapStatus
from tidegate.screen import STALE_AFTER_S, show_coins, show_config, show_status, show_strategies

D = Decimal
COLUMNS = 80
STRATEGIES = Path(__file__).resolve().parents[1] / "strategies"
ACCOUNT = "0x" + "ab" * 20
OPENED = 1_767_225_600_000


class Screen:
    """A terminal of 80 columns without colours."""

    def __init__(self) -> None:
        self._file = StringIO()
        self.console = Console(file=self._file, width=COLUMNS, color_system=None)

    @property
    def lines(self) -> list[str]:
        return self._file.getvalue().splitlines()

    @property
    def words(self) -> str:
        """Everything, however it was folded."""
        return " ".join(self._file.getvalue().split())


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    assert max(map(len, screen.lines)) <= COLUMNS
    assert "…" not in screen.words, "something was cut"


POSITION = PositionStatus(
    coin="kPEPE",
    size=D("-123456789"),
    entry_price=D("0.012345"),
    price=D("0.012399"),
    profit=D("-1234567.89"),
    stop=D("0.0131"),
    take_profit=D("0.0101"),
    resting_stop=D("0.0131"),
    resting_oid=123456789012,
    confirmed_ms=OPENED - 3_000,
    phase="holding",
)
COIN = CoinStatus(
    coin="kPEPE",
    phase="suspended",
    candles=5000,
    mid=D("0.012399"),
    mark=D("0.012398"),
    funding=D("0.0000125"),
    heard_ms=OPENED - 100,
    print_ms=OPENED - 100,
    book_ms=OPENED - 200,
    mark_ms=OPENED - 2_000,
)


@pytest.fixture
def status() -> Callable[..., Status]:
    """A status with all the large numbers there are, written `age_s` ago."""

    def make(age_s: float = 0, **changes: Any) -> Status:
        whole = Status(
            pid=1_234_567,
            wall_ms=int((time.time() - age_s) * 1000),
            at_ms=OPENED,
            network="mainnet",
            dry_run=True,
            strategy="donchian_breakout",
            timeframe="15m",
            account=ACCOUNT,
            stream_up=False,
            stream_since_ms=OPENED - 5_000,
            equity=D("1234567.89"),
            realised_today=D("-12345.67"),
            unrealised=D("12345.67"),
            weight_used=1100,
            last_poll_ms=OPENED - 100_000,
            next_poll_ms=OPENED + 123_000,
            stopping="",
            coins=(COIN,),
            positions=(POSITION,),
        )
        return replace(whole, **changes)

    return make


def test_a_running_bot_is_shown_whole(screen: Screen, status: Callable[..., Status]) -> None:
    show_status(status(), True, screen.console)
    for told in (
        "running (pid 1234567), last seen 0 s ago; mainnet, dry run, account",
        ACCOUNT,
        "donchian_breakout on 15m; next poll in 2 min 3 s (00:02:03)",
        "stream DOWN, prices by REST since 23:59:55",
        "REST weight 1100 of 1200 in the last minute",
        "equity 1,234,567.89 USD; today +0.00 (realised -12,345.67, open +12,345.67)",
        "kPEPE suspended 0.012399 0.012398 0.0012 % 0.1/0.2/2.0 s 5000",
        "kPEPE short 123456789 from 0.012345, now 0.012399, profit -1,234,567.89 USD (holding)",
        "stop 0.0131, take-profit 0.0101",
        "resting stop 0.0131, order 123456789012, confirmed 3 s before",
    ):
        assert told in screen.words


@pytest.mark.parametrize(
    ("alive", "age_s", "stopping", "told"),
    [
        (True, 0, "", "running (pid 1234567)"),
        (False, 0, "", "not running"),
        (False, 86_400, "", "not running"),
        (True, STALE_AFTER_S + 1, "", "NOT RESPONDING (pid 1234567)"),
        (True, 86_400, "SIGTERM", "not running"),
    ],
)
def test_the_first_word_is_whether_it_runs(
    screen: Screen, status: Callable[..., Status], alive: bool, age_s: float, stopping: str, told: str
) -> None:
    show_status(status(age_s, stopping=stopping), alive, screen.console)
    assert screen.lines[0].startswith(f"{told}, last seen")


def test_an_old_status_says_how_old_it_is(screen: Screen, status: Callable[..., Status]) -> None:
    show_status(status(3_600), False, screen.console)
    assert screen.lines[0].startswith("not running, last seen 3600 s ago")


def test_no_position_says_so(screen: Screen, status: Callable[..., Status]) -> None:
    show_status(status(positions=(), dry_run=False, stream_up=True), True, screen.console)
    assert screen.lines[-1].rstrip() == "no open position"
    assert "stream up since" in screen.words
    assert "dry run" not in screen.words


def test_a_position_without_a_known_stop_says_so_loudly(screen: Screen, status: Callable[..., Status]) -> None:
    bare = replace(
        POSITION, size=D("0.5"), resting_stop=None, resting_oid=None, confirmed_ms=0, price=None, profit=None, stop=None
    )
    show_status(status(positions=(bare,)), True, screen.console)
    assert "resting stop NONE KNOWN, NOT CONFIRMED YET" in screen.words
    assert "kPEPE long 0.5 from 0.012345, now -, profit unknown" in screen.words
    assert "stop -, take-profit 0.0101" in screen.words


def test_a_coin_of_which_nothing_was_heard_says_so(screen: Screen, status: Callable[..., Status]) -> None:
    silent = replace(COIN, heard_ms=0, mid=None, mark=None, funding=None, candles=0)
    show_status(status(coins=(silent,), stream_since_ms=0), True, screen.console)
    assert "kPEPE suspended - - - never heard 0" in screen.words
    assert "prices by REST since -" in screen.words


@pytest.mark.parametrize(
    ("in_ms", "told"), [(-5_000, "0 s"), (0, "0 s"), (59_999, "59 s"), (60_000, "1 min 0 s"), (3_725_000, "62 min 5 s")]
)
def test_the_next_poll_is_in_minutes_and_seconds_and_never_in_the_past(
    screen: Screen, status: Callable[..., Status], in_ms: int, told: str
) -> None:
    show_status(status(next_poll_ms=OPENED + in_ms), True, screen.console)
    assert f"next poll in {told} (" in screen.words


def test_whole_thousands_are_not_shown_as_powers(screen: Screen, status: Callable[..., Status]) -> None:
    show_status(status(positions=(replace(POSITION, size=D("1E+6"), stop=D("84000")),)), True, screen.console)
    assert "kPEPE long 1000000 from" in screen.words
    assert "stop 84000," in screen.words


def test_the_configuration_is_shown_whole_with_every_setting(screen: Screen, tmp_path: Path) -> None:
    loaded = load(
        {"COINS": "BTC,ETH,SOL,DOGE,kPEPE"},
        {"NETWORK": "testnet", "HYPERLIQUID_PRIVATE_KEY": "1f" * 32, "HYPERLIQUID_ACCOUNT_ADDRESS": ACCOUNT},
        tmp_path / ".env",
        weight_per_minute=weight_per_minute,
        strategy_dir=STRATEGIES,
    )
    show_config(describe(loaded), screen.console)
    firsts = {line.split()[0] for line in screen.lines if line[:1].strip()}
    assert set(NAMES) <= firsts, "names stand whole, one a row"
    assert "command line" in screen.words
    assert "environment" in screen.words
    assert "1f1f1f1f" not in "".join("".join(screen.lines).split())


def test_a_long_value_is_folded_not_cut(screen: Screen) -> None:
    value = "postgresql://someone:***@database.example.internal:5432/" + "x" * 60
    show_config([Entry("DATABASE_URL", value, "environment", "Where everything is kept.")], screen.console)
    start = screen.lines[0].index("value")
    end = screen.lines[0].index("from")
    assert "".join(line[start:end].strip() for line in screen.lines[1:]) == value


def test_the_strategies_are_listed_with_what_they_do_and_their_parameters(screen: Screen) -> None:
    rows = listing(STRATEGIES)
    assert show_strategies(rows, screen.console)
    for row in rows:
        assert any(line.startswith(row.name) for line in screen.lines)
        for parameter in row.parameters:
            assert parameter.split(":")[0] in screen.words


def test_a_broken_strategy_says_why_and_the_listing_is_not_sound(screen: Screen) -> None:
    rows = [
        StrategyRow("good", "good.py", summary="Does good.", parameters=("fast: int = 3",)),
        StrategyRow("bad", "bad.py", broken="line 3: NameError: name 'oops' is not defined"),
    ]
    assert not show_strategies(rows, screen.console)
    lines = [" ".join(line.split()) for line in screen.lines]
    assert "good Does good. fast: int = 3" in lines
    assert lines[2].startswith("bad broken: line 3: NameError: name 'oops'")


def test_brackets_in_what_a_user_wrote_are_shown_as_they_are(screen: Screen) -> None:
    rows = [
        StrategyRow("typed", "typed.py", broken="TypeError: list[int] is no [/red] type"),
        StrategyRow("fine", "fine.py", summary="Looks [bold]fine[/bold]."),
    ]
    show_strategies(rows, screen.console)
    show_config([Entry("LOG_DIR", "logs[red]", "command line", "Where [/oh] lines go.")], screen.console)
    for told in ("TypeError: list[int] is no [/red] type", "Looks [bold]fine[/bold].", "logs[red]", "[/oh]"):
        assert told in screen.words


def test_an_entry_in_slices_shows_how_far_it_has_come(screen: Screen, status: Callable[..., Status]) -> None:
    twap = TwapStatus(
        coin="BTC",
        twap_id=15503,
        side="buy",
        size=D("0.5"),
        filled=D("0.125"),
        minutes=30,
        ends_ms=OPENED + 754_000,
        state="running",
    )
    show_status(status(twaps=(twap,)), True, screen.console)
    assert "TWAP 15503 BTC buy: 0.125 of 0.5 filled (25 %), running, 12 min 34 s left" in screen.words


def test_one_that_is_taken_back_says_why(screen: Screen, status: Callable[..., Status]) -> None:
    twap = TwapStatus(
        coin="BTC",
        twap_id=None,
        side="sell",
        size=D(1),
        filled=D(0),
        minutes=5,
        ends_ms=OPENED,
        state="in doubt",
        ending="paused: by hand",
    )
    show_status(status(twaps=(twap,)), True, screen.console)
    assert "TWAP BTC sell: 0 of 1 filled (0 %), in doubt, being taken back: paused: by hand" in screen.words


def test_a_position_whose_owner_wants_no_stop_is_shown_as_unguarded(
    screen: Screen, status: Callable[..., Status]
) -> None:
    naked = replace(POSITION, resting_stop=None, resting_oid=None, confirmed_ms=0, unguarded=True)
    show_status(status(positions=(naked,)), True, screen.console)
    assert "UNGUARDED on the exchange" in screen.words


def test_how_the_bot_does_is_one_row_a_subject(screen: Screen, status: Callable[..., Status]) -> None:
    socket = SocketGauges(coins=2, subscriptions=12, connects=3, up_s=3_725.0)
    stream = StreamGauges(
        sockets=(socket, replace(socket, up_s=None)),
        subscriptions=12,
        messages_per_minute=14,
        reconnects=2,
        restarts=1,
        unheard=1,
        conflated=7,
        lag_p50_ms=80,
        lag_p99_ms=310,
        dropped={"print: seen before": 5, "mark: unsound": 1},
        ages_s={"BTC": 0.4, "ETH": 12.0},
    )
    majors = (
        MajorStatus(coin="BTC", price=D("84140.5"), heard_ms=OPENED - 300),
        MajorStatus(coin="ETH"),
    )
    calm = replace(stream, sockets=(socket,), restarts=0, reconnects=0)
    shown = status(
        stream=stream,
        majors=majors,
        majors_stream=calm,
        requests_used=1_200,
        requests_max=11_000,
        requests_days=42.4,
        started_ms=OPENED - 200_000_000,
        collector=CollectorGauges(collections=90, full=3, longest_ms=0.42, put_aside=400_000),
    )
    show_status(shown, True, screen.console)
    for told in (
        "stream 1 of 2 sockets open for 1 h 2 min, 12 subscriptions, 14 messages sent a minute, 2 reconnects, its",
        "thread replaced 1 times",
        "lag 80 ms, p99 310 ms; longest silent ETH, 12 s; 1 coins without a stream",
        "left out 6 (print: seen before 5, mark: unsound 1); 7 prices conflated",
        "majors BTC 84140.5, 0.3 s old; ETH never heard",
        "1 of 1 sockets open for 1 h 2 min",
        "address 1,200 of the account's 11,000 actions used; at this rate the rest lasts 42 days",
        "process up 2 days 7 h; garbage collected 90 times, the longest pause 0.4 ms",
    ):
        assert told in screen.words


def test_the_coins_are_listed_with_why_they_are_there_and_how_their_prices_come(
    screen: Screen, status: Callable[..., Status]
) -> None:
    left = replace(COIN, coin="SOL", origin="position", way="REST, tier 2", phase="holding", heard_ms=0)
    show_coins(status(coins=(replace(COIN, way="stream"), left)), True, screen.console)
    assert screen.lines[0] == "running (pid 1234567), last seen 0 s ago; 2 coins"
    assert "kPEPE COINS stream 0.1 s suspended" in screen.words
    assert "SOL position REST, tier 2 never heard holding, leaves when flat" in screen.words

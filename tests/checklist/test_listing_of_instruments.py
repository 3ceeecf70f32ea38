"""Rows 000-01, 000-10 and 000-11: all markets are listed with their rules and numbers, under every name exactly."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import bot
from tidegate.commands.listing import show
from tidegate.hyperliquid.instruments import compact_name, instruments_of, resolve, unified_name
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.localnet.kernel.instruments import PerpRule, SpotPair, Token
from tidegate.localnet.kernel.universe import USDC, Universe, default_universe, flat_table
from tidegate.model.instruments import Book

PERPS, SPOTS = 201, 191
USUAL = default_universe()
TOKENS = tuple(Token(f"T{n}", n % 5, 8, n, f"0x{n:032x}", False, None) for n in range(1, SPOTS + 1))
ORPHAN = Token("ORPHAN", 2, 8, 999, f"0x{999:032x}", False, None)


def perp(name: str) -> PerpRule:
    return PerpRule(
        name=name, sz_decimals=len(name) % 6, max_leverage=5, margin_table=flat_table(5), reference_px=Decimal(3)
    )


def pair(token: Token, index: int, name: str = "") -> SpotPair:
    return SpotPair(name or f"@{index}", index, token, USDC, False, Decimal(2), Decimal(1000))


def large() -> Universe:
    """201 perps and 191 spot pairs with gaps between their numbers, and one pair of a token that is not listed."""
    made = tuple(perp(f"C{number}") for number in range(PERPS - len(USUAL.perps) - 1))
    # The numbers 3, 6, 9 … and 107 among them; the first pair has a name of its own, as on mainnet.
    indices = [index for index in range(1, 700) if index % 3 == 0 or index == 107][: SPOTS - 1]
    spots = (pair(TOKENS[0], 0, "PURR/USDC"), *map(pair, TOKENS[1:], indices), pair(ORPHAN, 998))
    return replace(USUAL, perps=(*USUAL.perps, perp("xyz:TSLA"), *made), spots=spots, tokens=(USDC, *TOKENS), dexs=())


UNIVERSE = large()
LISTED, _warnings = instruments_of(UNIVERSE.meta(), UNIVERSE.spot_meta())


@pytest.fixture(scope="module")
def net() -> Iterator[Running]:
    options = LocalnetOptions(scenario="random", coins=("BTC",), universe=UNIVERSE)
    with running(options) as localnet:
        yield localnet


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = {name: value for name, value in bot.os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
    monkeypatch.setattr(bot.os, "environ", kept)


def command(monkeypatch: pytest.MonkeyPatch, net: Running, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bot.py", "instruments", "--set", f"LOCALNET_URL={net.url}", *words])
    with pytest.raises(SystemExit) as ended:
        bot.main()
    return int(ended.value.code or 0)


def test_instruments_lists_392_with_their_rules_and_a_row_of_a_missing_token_is_told_and_left_out(
    net: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, net) == 0
    shown = capsys.readouterr()
    rows = {line.split()[0]: line.split() for line in shown.out.splitlines()[1:-1]}
    assert shown.out.splitlines()[-1] == f"392 instruments: {PERPS} perpetuals, {SPOTS} spot pairs"
    assert len(rows) == PERPS + SPOTS
    for place, rule in enumerate(UNIVERSE.perps):
        assert rows[rule.name][1:5] == ["perps", str(place), str(rule.sz_decimals), str(rule.max_leverage)]
    for each in UNIVERSE.spots[:-1]:
        assert rows[each.name][1:5] == ["spot", str(10_000 + each.index), str(each.base.sz_decimals), "1"]
    assert shown.err == "left out: spot pair @998: its token 999 is not listed\n"
    assert "delisted" in rows["MATIC"]


def test_on_a_terminal_of_eighty_columns_names_fold_and_nothing_is_cut() -> None:
    screen = StringIO()
    show(LISTED, Console(file=screen, width=80, color_system=None))
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in screen.getvalue()
    rows = {line.split()[0]: line.split() for line in lines if line[:1].strip()}
    for coin, each in LISTED.items():
        assert rows[coin][1:5] == [each.book.value, str(each.asset), str(each.size_decimals), str(each.leverage_max)]


def test_one_instrument_is_found_by_any_of_its_names_and_a_wrong_name_gets_the_nearest(
    net: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, net, "kpepeusdc") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["kPEPE", "perps"]
    assert command(monkeypatch, net, "KPEEP") == 1
    assert "KPEEP is not listed; did you mean kPEPE?" in capsys.readouterr().err


def test_refresh_writes_a_file_that_a_second_run_writes_byte_for_byte(
    net: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = []
    for _run in range(2):
        assert command(monkeypatch, net, "--refresh") == 0
        written.append((tmp_path / "data" / "instruments.json").read_bytes())
    assert written[0] == written[1]
    assert written[0].count(b"\n") == PERPS + SPOTS + 2


@pytest.mark.parametrize("coin", ["BTC", "kPEPE", "xyz:TSLA", "@107", "PURR/USDC"])
def test_the_names_that_are_easily_mistaken_are_among_them(coin: str) -> None:
    assert coin in LISTED
    assert len(LISTED) == PERPS + SPOTS


@given(st.sampled_from(sorted(LISTED)), st.sampled_from([str, str.upper, str.lower]))
def test_each_of_the_392_is_found_again_by_every_name_that_it_is_written_under(coin: str, written: type) -> None:
    instrument = LISTED[coin]
    for name in (coin, unified_name(instrument), compact_name(instrument)):
        assert resolve(name, LISTED) == coin
        if instrument.book is Book.PERPS:
            assert resolve(written(name), LISTED) == coin


def test_no_two_of_the_392_share_a_name() -> None:
    for name_of in (unified_name, compact_name):
        assert len({name_of(each).upper() for each in LISTED.values()}) == len(LISTED)

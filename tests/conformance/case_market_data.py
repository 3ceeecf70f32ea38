"""Cases: market data (protocol sections 1.1, 2.1 to 2.9)."""

import re

from hyperliquid.exchange import Exchange
from hyperliquid.info import Info

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.ears import PATIENCE_S
from tests.conformance.sdk import Trader

case = subject("market data")

DECIMAL = re.compile(r"-?\d+\.\d+")
HOUR_MS = 3_600_000
CONTEXT_KEYS = [
    "funding",
    "openInterest",
    "prevDayPx",
    "dayNtlVlm",
    "premium",
    "oraclePx",
    "markPx",
    "midPx",
    "impactPxs",
    "dayBaseVlm",
]


def crossed(desk: Desk, *prints: tuple[str, str]) -> None:
    """Let the house take BTC at its own touch."""
    for side, sz in prints:
        px = D(80_001) if side == "B" else D(79_999)
        desk.market(lambda exchange, side=side, sz=sz, px=px: exchange.trade("BTC", side, px, D(sz)))


@case("Info() and Exchange() find the metadata that their constructors ask for")
def constructors(desk: Desk) -> None:
    info = desk.door.build(lambda: Info(desk.door.url, skip_ws=True, timeout=PATIENCE_S))
    assert (info.name_to_asset("BTC"), info.name_to_asset("ETH")) == (0, 1)
    exchange = desk.door.build(lambda: Exchange(Trader(desk).wallet, desk.door.url, timeout=PATIENCE_S))
    assert exchange.info.coin_to_asset == info.coin_to_asset


@case("meta: a perp's asset id is its place in the universe, delisted ones included")
def meta_universe(desk: Desk) -> None:
    universe = desk.info.meta()["universe"]
    assert [row["name"] for row in universe[:6]] == ["BTC", "ETH", "ATOM", "MATIC", "DYDX", "SOL"]
    assert universe[3]["isDelisted"] is True
    assert "isDelisted" not in universe[0]
    assert desk.info.name_to_asset("SOL") == 5


@case("meta: margin tables from id 50 on are listed, an id below is its own leverage")
def meta_margin_tables(desk: Desk) -> None:
    meta = desk.info.meta()
    tables = dict(meta["marginTables"])
    assert tables[56]["marginTiers"][1] == {"lowerBound": "150000000.0", "maxLeverage": 20}
    for row in meta["universe"]:
        if row["marginTableId"] < 50:
            assert row["maxLeverage"] == row["marginTableId"], row
        else:
            assert tables[row["marginTableId"]]["marginTiers"][0]["maxLeverage"] == row["maxLeverage"], row


@case("metaAndAssetCtxs: contexts stand in the universe's order, with the recorded keys")
def contexts(desk: Desk) -> None:
    meta, rows = desk.info.meta_and_asset_ctxs()
    assert len(meta["universe"]) == len(rows)
    assert list(rows[0]) == CONTEXT_KEYS
    assert (rows[0]["oraclePx"], rows[0]["markPx"], rows[0]["midPx"]) == ("80000.0", "80000.0", "80000.0")


@case("metaAndAssetCtxs: a delisted coin has null premium, mid and impact prices")
def delisted_context(desk: Desk) -> None:
    _, rows = desk.info.meta_and_asset_ctxs()
    assert (rows[3]["premium"], rows[3]["midPx"], rows[3]["impactPxs"]) == (None, None, None)


@case("allMids: decimal strings, spot pairs by their name")
def all_mids(desk: Desk) -> None:
    mids = desk.info.all_mids()
    assert D(mids["BTC"]) == 80_000
    assert all(DECIMAL.fullmatch(px) for px in mids.values())
    assert "PURR/USDC" in mids
    assert any(name.startswith("@") for name in mids)


@case("allMids: a spread of one tick gives a mid with one digit more than a price may have")
def half_tick_mid(desk: Desk) -> None:
    desk.market(lambda exchange: exchange.quote("BTC", [(D(79_999), D(1), 1)], [(D(80_000), D(1), 1)]))
    assert desk.info.all_mids()["BTC"] == "79999.5"


@case("l2Book: twenty levels a side, best first, sizes and counts")
def book(desk: Desk) -> None:
    snapshot = desk.info.l2_snapshot("BTC")
    bids, asks = snapshot["levels"]
    assert list(snapshot) == ["coin", "time", "levels"]
    assert (len(bids), len(asks)) == (20, 20)
    assert bids[0] == {"px": "79999.0", "sz": "100.0", "n": 1}
    assert [D(row["px"]) for row in bids] == sorted((D(row["px"]) for row in bids), reverse=True)
    assert [D(row["px"]) for row in asks] == sorted(D(row["px"]) for row in asks)


@case("l2Book: nSigFigs pools levels and names the spread")
def pooled_book(desk: Desk) -> None:
    snapshot = desk.info.post("/info", {"type": "l2Book", "coin": "BTC", "nSigFigs": 3, "mantissa": None})
    assert [row["px"] for side in snapshot["levels"] for row in side] == ["79900.0", "80100.0"]
    assert snapshot["levels"][0][0]["sz"] == "2000.0"
    assert D(snapshot["spread"]) == 2


@case("l2Book: a mantissa rounds to steps of 2 or 5")
def mantissa_book(desk: Desk) -> None:
    snapshot = desk.info.post("/info", {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 5})
    assert all(D(row["px"]) % 5 == 0 for side in snapshot["levels"] for row in side)


@case("l2Book: an unknown coin is null, a delisted one has empty sides")
def books_without_levels(desk: Desk) -> None:
    assert desk.info.post("/info", {"type": "l2Book", "coin": "NOPE"}) is None
    assert desk.info.l2_snapshot("MATIC")["levels"] == [[], []]


@case("l2Book: an order that rests is one level and one order more")
def own_order_in_book(desk: Desk) -> None:
    Trader(desk).rest("BTC", "B", 80000, 0.01)
    assert desk.info.l2_snapshot("BTC")["levels"][0][0] == {"px": "80000.0", "sz": "0.01", "n": 1}


@case("recentTrades: newest first, the aggressor's side, buyer before seller")
def recent_trades(desk: Desk) -> None:
    maker, taker = Trader(desk), Trader(desk)
    maker.rest("BTC", "B", 80000, 0.01)
    taker.take("BTC", "A", 0.01)
    taker.take("BTC", "B", 0.02)
    newest, older = desk.info.post("/info", {"type": "recentTrades", "coin": "BTC"})[:2]
    assert (newest["side"], newest["sz"], older["side"], older["sz"]) == ("B", "0.02", "A", "0.01")
    assert older["users"] == [maker.address, taker.address]
    assert list(older) == ["coin", "side", "px", "sz", "time", "hash", "tid", "users"]


@case("candleSnapshot: ascending rows, T is the last millisecond, values from prints")
def candles(desk: Desk) -> None:
    crossed(desk, ("B", "1"))
    desk.wait(60)
    crossed(desk, ("A", "2"), ("B", "0.5"))
    now_ms = desk.now_ms
    rows = desk.info.candles_snapshot("BTC", "1m", now_ms - HOUR_MS, now_ms)
    first, last = rows[-2:]
    assert list(last) == ["t", "T", "s", "i", "o", "c", "h", "l", "v", "n"]
    assert (first["T"], last["t"] - first["t"]) == (first["t"] + 59_999, 60_000)
    assert (last["o"], last["c"], last["h"], last["l"]) == ("79999.0", "80001.0", "80001.0", "79999.0")
    assert (last["v"], last["n"]) == ("2.5", 2)


@case("candleSnapshot: the last row is the candle that is still open")
def open_candle(desk: Desk) -> None:
    crossed(desk, ("B", "1"))
    now_ms = desk.now_ms
    (row,) = desk.info.candles_snapshot("BTC", "1h", now_ms, now_ms)
    assert row["t"] <= now_ms <= row["T"]


@case("candleSnapshot: every interval of the protocol is answered")
def candle_intervals(desk: Desk) -> None:
    crossed(desk, ("B", "1"))
    for interval in ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w", "1M"]:
        (row,) = desk.info.candles_snapshot("BTC", interval, desk.now_ms, desk.now_ms)
        assert row["i"] == interval


@case("fundingHistory: one row an hour, oldest first, just past the hour")
def funding_history(desk: Desk) -> None:
    began_ms = desk.now_ms
    desk.wait(2 * 3600)
    rows = desk.info.funding_history("BTC", began_ms)
    assert len(rows) == 2
    assert list(rows[0]) == ["coin", "fundingRate", "premium", "time"]
    assert rows[0]["time"] < rows[1]["time"]
    assert all(row["time"] % HOUR_MS <= 100 for row in rows)


@case("predictedFundings: coin by coin, the venue's own rate under HlPerp")
def predicted_fundings(desk: Desk) -> None:
    rows = dict(desk.info.post("/info", {"type": "predictedFundings"}))
    venues = dict(rows["BTC"])
    assert list(venues["HlPerp"]) == ["fundingRate", "nextFundingTime", "fundingIntervalHours"]


@case("exchangeStatus: no special statuses, the time in milliseconds")
def exchange_status(desk: Desk) -> None:
    status = desk.info.post("/info", {"type": "exchangeStatus"})
    assert status == {"specialStatuses": None, "time": status["time"]}
    assert abs(status["time"] - desk.now_ms) < 1_000


@case("the mark follows the oracle and the book")
def mark_follows(desk: Desk) -> None:
    desk.move("BTC", "80400")
    _, rows = desk.info.meta_and_asset_ctxs()
    assert (rows[0]["oraclePx"], rows[0]["midPx"]) == ("80400.0", "80400.0")
    assert abs(D(rows[0]["markPx"]) - 80_400) < 40


@case("day volumes and open interest grow with trades")
def volumes(desk: Desk) -> None:
    def btc() -> dict:
        return desk.info.meta_and_asset_ctxs()[1][0]

    before = btc()
    Trader(desk).take("BTC", "B", 0.5)
    after = btc()
    assert D(after["dayBaseVlm"]) - D(before["dayBaseVlm"]) == D("0.5")
    assert D(after["dayNtlVlm"]) - D(before["dayNtlVlm"]) == D("0.5") * 80_001
    assert D(after["openInterest"]) > D(before["openInterest"])


@case("perpDexs: the first entry is null")
def perp_dexs(desk: Desk) -> None:
    assert desk.info.perp_dexs()[0] is None


@case("allPerpMetas: one meta for each dex, the first is meta itself")
def all_perp_metas(desk: Desk) -> None:
    metas = desk.info.post("/info", {"type": "allPerpMetas"})
    assert metas[0] == desk.info.meta()
    assert len(metas) == len(desk.info.perp_dexs())


@case("perpsAtOpenInterestCap: a list of coins")
def open_interest_caps(desk: Desk) -> None:
    assert desk.info.post("/info", {"type": "perpsAtOpenInterestCap"}) == []

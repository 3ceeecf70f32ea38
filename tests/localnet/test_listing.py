"""A universe from recorded metadata: the real exchange's ids, grids and margin tables, and what clients make of it."""

import gzip
import json
from pathlib import Path

import pytest
from hyperliquid.info import Info

from tidegate.errors import ConfigError
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.listing import read_listing

META = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "meta"
START_MS = 1_790_000_000_000


@pytest.fixture
def recorded() -> list[Path]:
    if not META.is_dir():
        pytest.skip("no recorded metadata here")
    return [META / "metaAndAssetCtxs_20260310.json.gz", META / "spotMeta_20250711.json.gz"]


def body(path: Path) -> dict:
    found = json.loads(gzip.decompress(path.read_bytes()))
    return found[0] if isinstance(found, list) else found


def test_every_recorded_perp_and_pair_is_listed_under_its_own_id(recorded: list[Path]) -> None:
    listing = read_listing(recorded)
    theirs, spot = body(recorded[0]), body(recorded[1])
    exchange = Exchange(listing.universe, start_ms=START_MS)
    meta = exchange.info({"type": "meta"}).body
    assert [(row["name"], row["szDecimals"], row["maxLeverage"]) for row in meta["universe"]] == [
        (row["name"], row["szDecimals"], row["maxLeverage"]) for row in theirs["universe"]
    ]
    assert [row.get("isDelisted", False) for row in meta["universe"]] == [
        row.get("isDelisted", False) for row in theirs["universe"]
    ]
    ours = exchange.info({"type": "spotMeta"}).body
    assert len(ours["universe"]) + len(listing.left_out) == len(spot["universe"])
    assert [row["index"] for row in ours["tokens"]] == [row["index"] for row in spot["tokens"]]


def test_the_official_sdk_knows_every_one_of_them(recorded: list[Path]) -> None:
    exchange = Exchange(read_listing(recorded).universe, start_ms=START_MS)
    meta, spot = exchange.info({"type": "meta"}).body, exchange.info({"type": "spotMeta"}).body
    info = Info("http://127.0.0.1:9", skip_ws=True, meta=meta, spot_meta=spot)
    assert info.name_to_asset("BTC") == 0
    assert {info.name_to_asset(row["name"]) for row in spot["universe"]} == {
        10_000 + row["index"] for row in spot["universe"]
    }
    assert len(info.coin_to_asset) == len(meta["universe"]) + len(spot["universe"])


def test_the_margin_tables_and_prices_of_the_recording_count(recorded: list[Path]) -> None:
    universe = read_listing(recorded).universe
    btc = universe.by_name["BTC"]
    assert [(int(tier.lower_bound), tier.max_leverage) for tier in btc.margin_table.tiers] == [
        (0, 40),
        (150_000_000, 20),
    ]
    assert str(btc.reference_px) == "70736.0"


def test_a_pair_without_its_token_is_left_out_and_said(tmp_path: Path) -> None:
    token = {"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0, "tokenId": "0x" + "0" * 32}
    pair = {"name": "@367", "index": 367, "tokens": [479, 0], "isCanonical": False}
    file = tmp_path / "spot.json"
    file.write_text(json.dumps({"response": {"universe": [pair], "tokens": [token]}}))
    listing = read_listing([file])
    assert listing.universe.spots == ()
    assert listing.left_out == ("@367: token 479 is not in the list",)


def test_every_file_that_is_no_metadata_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    (tmp_path / "b.json.gz").write_bytes(b"no gzip")
    with pytest.raises(ConfigError) as failed:
        read_listing([tmp_path / "a.json", tmp_path / "b.json.gz", tmp_path / "c.json"])
    assert [problem.split(":")[0].rsplit("/", 1)[1] for problem in failed.value.problems] == [
        "a.json",
        "b.json.gz",
        "c.json",
    ]

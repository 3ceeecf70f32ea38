"""universe.py: instruments, metadata bodies, margin tables."""

from decimal import Decimal

import pytest

from tidegate.localnet.kernel.numbers import legal_price
from tidegate.localnet.kernel.universe import TABLE_56, default_universe, flat_table

D = Decimal


def test_the_first_six_perps_are_mainnets():
    names = [(rule.name, rule.sz_decimals, rule.max_leverage) for rule in default_universe().perps[:6]]
    assert names == [
        ("BTC", 5, 40),
        ("ETH", 4, 25),
        ("ATOM", 2, 5),
        ("MATIC", 1, 20),
        ("DYDX", 1, 5),
        ("SOL", 2, 20),
    ]


def test_optional_keys_of_meta_appear_only_when_set():
    rows = {row["name"]: row for row in default_universe().meta()["universe"]}
    assert list(rows["BTC"]) == ["szDecimals", "name", "maxLeverage", "marginTableId"]
    assert rows["MATIC"]["isDelisted"] is True
    assert list(rows["UNIBOT"])[4:] == ["onlyIsolated", "isDelisted", "marginMode"]


def test_meta_lists_the_tables_that_an_id_does_not_imply():
    meta = default_universe().meta()
    listed = [table_id for table_id, _ in meta["marginTables"]]
    assert listed == sorted(listed)
    assert {row["marginTableId"] for row in meta["universe"] if row["marginTableId"] >= 50} == set(listed)


def test_every_pair_names_tokens_that_exist_and_indices_are_sparse():
    spot = default_universe().spot_meta()
    tokens = {token["index"] for token in spot["tokens"]}
    assert all(set(pair["tokens"]) <= tokens for pair in spot["universe"])
    assert [pair["index"] for pair in spot["universe"]] == [0, 107, 142, 230, 232]
    assert default_universe().spot_by_asset[10107].name == "@107"


def test_every_reference_price_lies_on_its_grid():
    assert all(legal_price(rule.reference_px, rule.sz_decimals) for rule in default_universe().perps)


@pytest.mark.parametrize(
    ("notional", "maintenance"),
    [("377667", "4720.8375"), ("150000000", "1875000"), ("150000001", "1875000.025")],
)
def test_maintenance_margin_is_continuous_over_the_tiers(notional, maintenance):
    assert TABLE_56.maintenance(D(notional)) == D(maintenance)


def test_a_table_below_fifty_is_one_tier_of_its_own_number():
    assert flat_table(5).max_leverage_at(D(10**9)) == 5
    assert TABLE_56.max_leverage_at(D(10**9)) == 20


def test_the_default_leverage_is_twenty_or_what_the_coin_allows():
    universe = default_universe()
    assert universe.by_name["BTC"].default_leverage == 20
    assert universe.by_name["ATOM"].default_leverage == 5


def test_an_asset_id_beyond_the_list_has_no_perp():
    universe = default_universe()
    assert universe.perp_of(-1) is None
    assert universe.perp_of(len(universe.perps)) is None

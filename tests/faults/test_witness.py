"""What the witness takes for cover: only what would close the position now."""

from decimal import Decimal

from tests.faults.witness import Witness
from tests.localnet.floor import ALO, Trader, order, quiet_floor, trigger

HALF, WHOLE = "0.05", "0.1"


def test_the_waiting_stop_of_an_entry_that_is_filled_in_part_is_no_cover() -> None:
    exchange = quiet_floor()
    trader = Trader(exchange, 7)
    witness = Witness(exchange, trader.user)
    exchange.feed.append(witness)
    entry = order("B", "80000", WHOLE, ALO, cloid="0x" + "1" * 32)
    stop = order("A", "70000", WHOLE, trigger("sl", "77600"), reduce_only=True, cloid="0x" + "2" * 32)
    trader.orders([entry, stop], grouping="normalTpsl")
    exchange.trade("BTC", "A", Decimal(80_000), Decimal(HALF))
    assert witness.sizes["BTC"] == Decimal(HALF)
    assert not witness.is_covered("BTC")
    exchange.trade("BTC", "A", Decimal(80_000), Decimal(HALF))
    assert witness.is_covered("BTC")
    assert not witness.broken

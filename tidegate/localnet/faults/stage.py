"""The market as faults let it play: its steps and the rules' moments in the order of exchange time.

Owns the order, and what becomes of quotes, trades and oracles while a market fault stands. Without a rule the market
plays on the exchange itself.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from tidegate.localnet.faults.acts import Bias
from tidegate.localnet.faults.desk import Faults
from tidegate.localnet.kernel.book import Quote
from tidegate.localnet.kernel.prices import PERP_WEIGHTS
from tidegate.localnet.markets.market import Market

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange


class Stage:
    """A market among faults; itself a market."""

    def __init__(self, market: Market, exchange: "Exchange", faults: Faults) -> None:
        self.says = market.says
        self.coins = market.coins
        self.start_ms = market.start_ms
        self._market = market
        self._faults = faults
        self._biased = BiasedHouse(exchange, faults)
        self._house = cast("Exchange", self._biased)

    def prepare(self, exchange: "Exchange") -> None:
        """Prepare the market; no fault stands yet."""
        self._market.prepare(exchange)

    def next_ms(self) -> int | None:
        """The next step of the market or of a rule."""
        if self._faults.idle:
            return self._market.next_ms()
        return min((at for at in (self._market.next_ms(), self._faults.next_ms()) if at is not None), default=None)

    def step(self, exchange: "Exchange") -> None:
        """Play what is due; rules go first."""
        if self._faults.idle:
            self._biased.settle()
            self._market.step(exchange)
            return
        self._faults.step()
        due_ms = self._market.next_ms()
        if due_ms is not None and due_ms <= exchange.now_ms:
            self._market.step(self._house)


class BiasedHouse:
    """An exchange as a market sees it while faults stand against it: quotes, trades and oracles pass through them."""

    def __init__(self, exchange: "Exchange", faults: Faults) -> None:
        self._exchange = exchange
        self._faults = faults
        self._away: set[str] = set()

    def quote(self, coin: str, bids: Sequence[Quote], asks: Sequence[Quote]) -> None:
        """Quote what the faults leave."""
        for bias in self._about(coin):
            if bias.quotes is not None:
                bids, asks = bias.quotes(bids, True), bias.quotes(asks, False)
        self._exchange.quote(coin, bids, asks)

    def trade(self, coin: str, side: Any, px: Decimal, sz: Decimal) -> None:
        """Trade unless a fault forbids it."""
        if all(bias.trades for bias in self._about(coin)):
            self._exchange.trade(coin, side, px, sz)

    def set_oracle(self, coin: str, px: Decimal) -> None:
        """Publish what the faults make of a price, as other exchanges' price too: two of the mark's three inputs."""
        wanted = px
        for bias in self._about(coin):
            if bias.oracle is not None:
                px = bias.oracle(px)
        self._exchange.set_oracle(coin, px)
        if px != wanted:
            self._away.add(coin)
            self._exchange.set_perp_mids(coin, dict.fromkeys(PERP_WEIGHTS, px))
        elif coin in self._away:
            self._away.discard(coin)
            self._exchange.set_perp_mids(coin, {})

    def settle(self) -> None:
        """No fault stands any more: other exchanges say nothing again."""
        while self._away:
            self._exchange.set_perp_mids(self._away.pop(), {})

    def _about(self, coin: str) -> Iterator[Bias]:
        return (bias for bias in self._faults.biases() if bias.coin in ("", coin))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

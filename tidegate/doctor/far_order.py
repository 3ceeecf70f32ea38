"""One order far from the market, placed and cancelled: the proof that key, nonce and budget are accepted.

It is a post-only bid far below the mark, of the least value that the exchange takes. It goes through the gateway, with
its limits and its row in the journal, and is cancelled whatever was answered.
"""

import time
from decimal import ROUND_CEILING, Decimal

from tidegate.doctor.findings import Finding, fail, ok
from tidegate.errors import ExchangeError, StorageError
from tidegate.gateway import Gateway, Sent, deliver
from tidegate.hard_limits import HardLimits
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.signing import Signer
from tidegate.model.events import Event, OrderRejected
from tidegate.model.instruments import NOTIONAL_MIN_USD, Instrument, Rounding
from tidegate.model.intents import CancelOrders, PlaceOrders
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, new_cloid
from tidegate.model.positions import Side
from tidegate.model.settings import Settings
from tidegate.ports import Clock
from tidegate.storage.ledger import Ledger
from tidegate.wallet import Wallet

SUBJECT = "order"
FAR = Decimal("0.6")
"""The bid, as a share of the mark: the exchange refuses what is more than 95 % away from it."""
EXPIRES_MS = 10_000
OVER = ("canceled", "rejected")


class Hand:
    """Carries signed bytes by REST and waits for the answer, where the bot's courier would not."""

    def __init__(self, client: HyperliquidClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self.facts: list[Event] = []

    def carry(self, wish: Sent, body: bytes) -> None:
        """Send, and keep what came of it."""
        self.facts += deliver(self._client, wish, body, self._clock)


class FarOrder:
    """The one order of an examination. `tag` marks it as the bot's own, which would sweep it away if it ever stayed."""

    def __init__(
        self,
        *,
        client: HyperliquidClient,
        clock: Clock,
        ledger: Ledger,
        settings: Settings,
        instrument: Instrument,
        mark: Decimal,
        wallet: Wallet,
        signer: Signer,
        tag: str,
    ) -> None:
        self._client, self._clock, self._instrument, self._wallet = client, clock, instrument, wallet
        self._hand = Hand(client, clock)
        instruments = {instrument.coin: instrument}
        self._gateway = Gateway(
            signer=signer,
            ledger=ledger,
            clock=clock,
            courier=self._hand,
            stream=None,
            instruments=instruments,
            limits=HardLimits(settings, instruments, lambda _: mark, lambda _: Decimal(0)),
            vault_address=wallet.vault,
        )
        self._order = _order(instrument, mark, new_cloid(tag, f"doctor|{clock.now_ms()}", Role.ENTRY, 0))

    def finding(self) -> Finding:
        """Place it, cancel it, and ask what became of it."""
        began_s = time.monotonic()
        order = self._order
        words = f"{order.coin} bid of {order.size} at {order.price}"
        try:
            refusal = self._place()
            if refusal is not None:
                return fail(SUBJECT, f"{words} was refused: {refusal}", _fix(refusal))
            self._cancel()
            fate = self._client.order_status(self._wallet.account, order.cloid)
        except (ExchangeError, StorageError) as error:
            return fail(
                SUBJECT, f"{words}: {error}", "see on the exchange's page whether it rests, and cancel it there"
            )
        if fate.status is None:
            return fail(SUBJECT, f"{words} never arrived", "try again; see that no proxy changes what is sent")
        if fate.status not in OVER:
            return fail(SUBJECT, f"{words} is {fate.status} after its cancel", "cancel it on the exchange's page")
        return ok(SUBJECT, f"{words} placed and cancelled, {(time.monotonic() - began_s) * 1000:.0f} ms in all")

    def _place(self) -> str | None:
        """Why it surely does not rest; None when it does, or when nobody knows."""
        wish = PlaceOrders(
            coin=self._order.coin,
            orders=(self._order,),
            expires_ms=self._clock.now_ms() + EXPIRES_MS,
            signal_id="doctor",
            reason="doctor",
        )
        refusals = [event.reason for event in self._send(wish) if isinstance(event, OrderRejected)]
        return refusals[0] if refusals else None

    def _cancel(self) -> None:
        order = self._order
        expires_ms = self._clock.now_ms() + EXPIRES_MS
        self._send(
            CancelOrders(
                coin=order.coin, asset=order.asset, cloids=(order.cloid,), expires_ms=expires_ms, reason="doctor"
            )
        )

    def _send(self, wish: PlaceOrders | CancelOrders) -> list[Event]:
        self._hand.facts = []
        return [*self._gateway.perform(wish), *self._hand.facts]


def _order(instrument: Instrument, mark: Decimal, cloid: str) -> OrderRequest:
    price = instrument.price(mark * FAR, Rounding.DOWN)
    lot = Decimal(1).scaleb(-instrument.size_decimals)
    return OrderRequest(
        coin=instrument.coin,
        asset=instrument.asset,
        cloid=cloid,
        side=Side.BUY,
        size=(NOTIONAL_MIN_USD / price).quantize(lot, rounding=ROUND_CEILING),
        kind=Limit(price=price, time_in_force=TimeInForce.ALO),
        role=Role.ENTRY,
    )


def _fix(refusal: str) -> str:
    """What helps against a refusal in the exchange's words."""
    known = {
        "does not exist": "approve the API wallet of this key on the exchange",
        "margin": "deposit, or free margin: this order needs about 10 USD divided by the leverage",
        "cumulative requests": "trade some volume, or wait: the account has used up its actions",
        "nonce": "set this machine's clock",
        "expired": "set this machine's clock",
        "MAX_POSITION_USD": "raise MAX_POSITION_USD: one lot of this coin is worth more",
    }
    return next((fix for words, fix in known.items() if words in refusal), "")

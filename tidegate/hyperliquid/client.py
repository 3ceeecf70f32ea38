"""The exchange over REST: questions, and signed bytes on their way.

Owns one HTTP session; use one client per thread. Always a time limit, never a signature of its own, and a write is
sent once: what its silence means is for the caller to find out. Raises only the exceptions of `ExchangeError`.

Source: Hyperliquid docs, "Info endpoint", "Exchange endpoint"; section 9 of the protocol notes on the SDK's traps.
"""

import time
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

import msgspec
import requests
from hyperliquid.info import Info
from hyperliquid.utils.error import ClientError, ServerError
from msgspec.structs import replace
from requests.adapters import BaseAdapter
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from tidegate.errors import Refused, Unintelligible, Unreachable
from tidegate.hyperliquid import people, reads, twaps
from tidegate.hyperliquid.flows import flows_of
from tidegate.hyperliquid.instruments import instruments_of
from tidegate.hyperliquid.limits import Budget, Lane, action_weight, lane_of, weight_of
from tidegate.hyperliquid.people import Agent, Requests
from tidegate.hyperliquid.reads import Leverage, OrderFate, Role
from tidegate.model.events import Account
from tidegate.model.fees import Fees
from tidegate.model.instruments import Instrument
from tidegate.model.market import Candle, Timeframe

READ_ATTEMPTS = 3
READ_LIMIT_S = 10.0
WORDS_MAX = 200
TOO_MANY_REQUESTS = 429
NOT_ASKED = "not asked"
BUDGET_PAUSE_S = 0.25
# How long a read waits for its turn in the budget. What protects does not wait: it is refused, and comes due again.
BUDGET_WAIT_S = {Lane.PROTECTION: 0.0, Lane.PRICES: 0.0, Lane.CANDLES: 60.0, Lane.REST: 30.0}
_NO_META: dict[str, Any] = {"universe": [], "tokens": []}


class HyperliquidClient:
    """Asks and sends.

    `timeout_s` is (to connect, to wait for an answer); `budget` is shared by all clients. `transport` answers in the
    place of the network, and `wait` lets so many seconds pass before a question is repeated: for simulations. Without
    `proxy` there is none, whatever the environment says.
    """

    def __init__(
        self,
        base_url: str,
        *,
        budget: Budget,
        timeout_s: tuple[float, float] = (3, 8),
        transport: BaseAdapter | None = None,
        wait: Callable[[float], None] = time.sleep,
        proxy: str = "",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.budget = budget
        self._timeout_s, self._wait = timeout_s, wait
        self._modes: dict[str, str] = {}
        # Given both metas the SDK's constructor asks nothing, and a bad row of metadata cannot crash it.
        self._api = Info(self.base_url, skip_ws=True, meta=_NO_META, spot_meta=_NO_META, timeout=timeout_s)
        # Proxies and netrc are never taken from the environment by accident; it also saves a lookup a request.
        self._api.session.trust_env = False
        if proxy:
            self._api.session.proxies = {"http": proxy, "https": proxy}
        if transport is not None:
            self._api.session.mount(self.base_url, transport)

    def close(self) -> None:
        """Close the connections."""
        self._api.session.close()

    def exchange_ms(self) -> int:
        """The exchange's time."""
        answer = self._ask({"type": "exchangeStatus"})
        match answer:
            case {"time": int(time_ms)}:
                return time_ms
        raise Unintelligible(f"exchangeStatus: {answer!r}"[:WORDS_MAX])

    def block_ms(self, coin: str) -> int:
        """The time of the newest block, as the order book of this coin shows it."""
        answer = self._ask({"type": "l2Book", "coin": coin})
        match answer:
            case {"time": int(time_ms)}:
                return time_ms
        raise Unintelligible(f"l2Book: {answer!r}"[:WORDS_MAX])

    def instruments(self) -> tuple[dict[str, Instrument], list[str]]:
        """The perps of the first dex by coin, and one line for each row that could not be read."""
        return instruments_of(self._ask({"type": "meta"}))

    def listing(self) -> tuple[dict[str, Instrument], list[str]]:
        """The perps of the first dex and all spot pairs, and one line for each row that could not be read."""
        return instruments_of(self._ask({"type": "meta"}), self._ask({"type": "spotMeta"}))

    def candles(self, coin: str, timeframe: Timeframe, since_ms: int, until_ms: int) -> tuple[Candle, ...]:
        """Candles that overlap the range, ascending; the last one may still be open."""
        span = {"coin": coin, "interval": timeframe.value, "startTime": since_ms, "endTime": until_ms}
        rows = max(1, (until_ms - since_ms) // timeframe.ms)
        return reads.candles_of(self._ask({"type": "candleSnapshot", "req": span}, rows=min(rows, 5000)))

    def mids(self, coins: Collection[str]) -> dict[str, Decimal]:
        """Mid prices; a coin without one is absent."""
        return reads.mids_of(self._ask({"type": "allMids"}), coins)

    def marks(self, coins: Collection[str]) -> dict[str, Decimal]:
        """Mark prices; a coin without one is absent."""
        return reads.marks_of(self._ask({"type": "metaAndAssetCtxs"}), coins)

    def positions(self, user: str, flows_since_ms: int | None = None) -> Account:
        """Balances and positions alone, for little weight, and deposits since, when asked: no orders, no fills."""
        user = user.lower()
        perps, spot, unified = self._money(user)
        account = replace(reads.account_of(perps, [], [], user, spot), fills_known=False)
        return self._with_flows(account, user, flows_since_ms, unified=unified)

    def account(self, user: str, fills_since_ms: int | None, flows_since_ms: int | None = None) -> Account:
        """Balances, positions, open orders; when asked, the fills and the deposits since then, oldest first."""
        user = user.lower()
        perps, spot, unified = self._money(user)
        orders = self._ask({"type": "frontendOpenOrders", "user": user})
        fills: object = []
        if fills_since_ms is not None:
            wanted = {"type": "userFillsByTime", "user": user, "startTime": fills_since_ms, "endTime": None}
            fills = self._ask(wanted)
        account = reads.account_of(perps, orders, fills, user, spot)
        account = replace(account, fills_known=fills_since_ms is not None)
        return self._with_flows(account, user, flows_since_ms, unified=unified)

    def with_twaps(self, user: str, account: Account, fills_since_ms: int) -> Account:
        """The account with its TWAP orders, and the fills of their slices since then among its fills."""
        user = user.lower()
        history = self._ask({"type": "twapHistory", "user": user})  # first: what it says has traded is told after it
        wanted = {"type": "userTwapSliceFillsByTime", "user": user, "startTime": fills_since_ms, "endTime": None}
        slices = self._ask(wanted)
        if not isinstance(history, list) or not isinstance(slices, list):
            raise Unintelligible("TWAP orders: lists were expected")
        known = {fill.key for fill in twaps.slices_of(slices, user)}
        others = tuple(fill for fill in account.fills if fill.key not in known)
        fills = sorted((*others, *twaps.slices_of(slices, user)), key=lambda fill: fill.time_ms)
        return replace(account, fills=tuple(fills), twaps=twaps.records_of(history))

    def leverage(self, user: str, coin: str) -> Leverage:
        """The leverage that is set for a coin, and its margin mode."""
        return reads.leverage_of(self._ask({"type": "activeAssetData", "user": user.lower(), "coin": coin}))

    def order_status(self, user: str, cloid: str) -> OrderFate:
        """What the exchange knows of one order; `status` is None when it does not know it."""
        wanted = {"type": "orderStatus", "user": user.lower(), "oid": cloid}
        return reads.order_fate_of(self._ask(wanted))

    def user_role(self, user: str) -> Role:
        """What an address is, and whose."""
        return reads.role_of(self._ask({"type": "userRole", "user": user.lower()}))

    def agents(self, user: str) -> tuple[Agent, ...]:
        """The named API wallets of an account, each with the end of its time."""
        return people.agents_of(self._ask({"type": "extraAgents", "user": user.lower()}))

    def vault_leader(self, vault: str) -> str | None:
        """Who trades for a vault; None for an address that is no vault."""
        return people.leader_of(self._ask({"type": "vaultDetails", "vaultAddress": vault.lower()}))

    def requests(self, user: str) -> Requests:
        """How many actions an account has sent, and how many it may send."""
        return people.requests_of(self._ask({"type": "userRateLimit", "user": user.lower()}))

    def fees(self, user: str) -> Fees:
        """The rates that an account pays on perps."""
        return people.fees_of(self._ask({"type": "userFees", "user": user.lower()}))

    def max_builder_fee(self, user: str, builder: str) -> int:
        """The most that `user` lets `builder` take, in tenths of a basis point; 0 for nothing."""
        asked = {"type": "maxBuilderFee", "user": user.lower(), "builder": builder.lower()}
        return people.builder_fee_of(self._ask(asked))

    def mode(self, user: str) -> str:
        """How an account keeps its money, in the exchange's word; "" where it has none."""
        return self._mode(user.lower())

    def send(self, body: bytes, batch: int = 1) -> object:
        """POST these very bytes to /exchange, once, and return the parsed answer.

        Refused: the exchange could not use the request at all. Unreachable and Unintelligible leave open what
        became of it. `batch` is the number of orders or cancels inside, for the budget.
        """
        self.budget.spend(action_weight(batch))
        try:
            # A redirect would turn the order into a GET of something else.
            answer = self._api.session.post(
                f"{self.base_url}/exchange", data=body, timeout=self._timeout_s, allow_redirects=False
            )
        except requests.RequestException as error:
            raise Unreachable(f"/exchange: {_reason(error)}") from None
        status, text = answer.status_code, answer.text[:WORDS_MAX]
        if status == TOO_MANY_REQUESTS:
            self.budget.refused(Lane.PROTECTION)
        if status == TOO_MANY_REQUESTS or status >= 500:
            raise Unreachable(f"/exchange: HTTP {status} {text}")
        if status >= 400:
            raise Refused(f"HTTP {status} {text}")
        try:
            return msgspec.json.decode(answer.content)
        except (msgspec.DecodeError, RecursionError):
            raise Unintelligible(f"/exchange: not JSON: {text!r}") from None

    def _with_flows(self, account: Account, user: str, since_ms: int | None, *, unified: bool) -> Account:
        if since_ms is None:
            return replace(account, flows_known=False)
        asked = {"type": "userNonFundingLedgerUpdates", "user": user, "startTime": since_ms, "endTime": None}
        return replace(account, flows=flows_of(self._ask(asked), user, unified=unified))

    def _money(self, user: str) -> tuple[object, object, bool]:
        """Positions and margin, the spot balances where those are the margin, and whether they are."""
        perps = self._ask({"type": "clearinghouseState", "user": user})
        unified = self._mode(user) in reads.UNIFIED_MODES
        return perps, self._ask({"type": "spotClearinghouseState", "user": user}) if unified else None, unified

    def _mode(self, user: str) -> str:
        """How the account keeps its money; it is asked for once, for it changes only by the owner's own hand."""
        if user not in self._modes:
            mode = self._ask({"type": "userAbstraction", "user": user})
            self._modes[user] = mode if isinstance(mode, str) else ""
        return self._modes[user]

    def _ask(self, request: dict[str, Any], *, rows: int = 0) -> object:
        """Ask until there is an answer: reading changes nothing, so it may be repeated, within a time limit."""
        kind = str(request["type"])
        weight, lane = weight_of(kind, rows), lane_of(kind)
        self._await_turn(kind, weight, lane)
        began_s = time.monotonic()
        retrying = Retrying(
            stop=stop_after_attempt(READ_ATTEMPTS) | stop_before_delay(READ_LIMIT_S),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry=retry_if_exception_type(_Passing),
            sleep=self._wait,
            before_sleep=lambda _: self.budget.spend(weight, lane),
            reraise=True,
        )
        answer = retrying(self._ask_once, request, lane, began_s)
        if isinstance(answer, list):
            self.budget.spend(weight_of(kind, len(answer)) - weight, lane)
        return answer

    def _await_turn(self, kind: str, weight: int, lane: Lane) -> None:
        """Spend the weight as soon as this lane may; Unreachable when that takes too long."""
        left_s = BUDGET_WAIT_S[lane]
        while not self.budget.take(weight, lane):
            if left_s <= 0:
                used = self.budget.used()
                raise Unreachable(f"{kind}: {NOT_ASKED}, it weighs {weight} and {used} of this minute are spent")
            self._wait(BUDGET_PAUSE_S)
            left_s -= BUDGET_PAUSE_S

    def _ask_once(self, request: dict[str, Any], lane: Lane, began_s: float) -> object:
        kind = request["type"]
        left_s = max(0.1, READ_LIMIT_S - (time.monotonic() - began_s))
        connect_s = min(self._timeout_s[0], left_s / 2)
        self._api.timeout = (connect_s, min(self._timeout_s[1], left_s - connect_s))
        try:
            answer = self._api.post("/info", request)
        except ClientError as error:
            if error.status_code == TOO_MANY_REQUESTS:
                self.budget.refused(lane)
                again = _Passing if lane <= Lane.PRICES else Unreachable  # the others come due again after a pause
                raise again(f"{kind}: HTTP 429, too many requests") from None
            raise Refused(f"{kind}: HTTP {error.status_code} {str(error.error_message)[:WORDS_MAX]}") from None
        except ServerError as error:
            raise _Passing(f"{kind}: HTTP {error.status_code} {str(error.message)[:WORDS_MAX]}") from None
        except requests.RequestException as error:
            raise _Passing(f"{kind}: {_reason(error)}") from None
        except (AttributeError, KeyError, TypeError) as error:
            # The SDK trips over 4xx answers whose JSON is not the object it expects.
            raise Refused(f"{kind}: an error answer of unknown shape ({error!r})"[:WORDS_MAX]) from None
        # This is how the SDK returns a body that is no JSON.
        if isinstance(answer, dict) and str(answer.get("error", "")).startswith("Could not parse JSON"):
            raise Unintelligible(f"{kind}: {answer['error']}"[:WORDS_MAX])
        return answer


class _Passing(Unreachable):
    """A question went unanswered for a reason that may be gone when it is asked again."""


def _reason(error: requests.RequestException) -> str:
    """What went wrong, without the library's nesting."""
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.ReadTimeout):
        return "connected, but no answer in time"
    words = str(error)
    known = ("Connection refused", "Connection reset", "Name or service not known", "Remote end closed connection")
    return next((each.lower() for each in known if each in words), f"{type(error).__name__}: {words}"[:WORDS_MAX])

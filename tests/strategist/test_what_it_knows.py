"""What a strategy is given beside its coin's candles: longer timeframes, funding, the other coins, the regime."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tidegate.discovery import read_source
from tidegate.errors import ConfigError
from tidegate.model.settings import Settings
from tidegate.model.signals import Want
from tidegate.regime import Regime
from tidegate.strategist.evaluator import Evaluator, evaluator_of
from tidegate.strategist.messages import Answered

MINUTE_MS = 60_000
LONG = "return self.wishes(bars, long=True, reason='because')"
SEES = "return self.wishes(bars, long=True, reason=str(list(bars.columns)) + str(bars.iloc[-1].get('funding')))"


def evaluator(settings: Settings, regime: Regime = Regime(), **given: int) -> Evaluator:  # noqa: B008 - frozen
    source = read_source(Path(settings.strategy_dir), settings.strategy)
    return evaluator_of(source, settings.strategy_params, settings.candle_history, regime=regime, **given)[0]


def rewritten(settings: Settings, old: str, new: str) -> Settings:
    path = Path(settings.strategy_dir, "author.py")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return settings


def reason_of(answer: object) -> str:
    assert isinstance(answer, Answered), answer
    assert answer.signal is not None
    return answer.signal.reason


def test_the_funding_that_was_heard_stands_beside_the_bars_at_which_it_was(author, look):
    asked = evaluator(author("return self.wishes(bars, long=True, reason=str(bars['funding'].tolist()))"))
    asked.evaluate(replace(look(count=2), funding=Decimal("0.0001")))
    asked.evaluate(look(count=1, first=2, reset=False))
    answer = asked.evaluate(replace(look(count=1, first=3, reset=False), funding=Decimal("-0.0002")))
    assert reason_of(answer) == "[nan, 0.0001, nan, -0.0002]"


def test_what_was_heard_of_the_funding_survives_that_all_candles_are_told_again(author, look):
    asked = evaluator(author("return self.wishes(bars, long=True, reason=str(bars['funding'].tolist()))"))
    asked.evaluate(replace(look(count=3), funding=Decimal("0.0001")))
    assert reason_of(asked.evaluate(look(count=4))) == "[nan, nan, 0.0001, nan]"


def test_funding_of_bars_that_are_no_longer_kept_is_forgotten(author, look):
    asked = evaluator(author(SEES, candle_history=5))
    for row in range(20):
        asked.evaluate(replace(look(count=1, first=row, reset=row == 0), funding=Decimal("0.0001")))
    assert len(asked._coins["BTC"].funding) == 5


def test_without_a_rate_there_is_no_column(author, look):
    assert "funding" not in reason_of(evaluator(author(SEES)).evaluate(look()))


COARSE = "\n    @property\n    def coarse_bars(self):\n        return {'15m': 2}\n"
USES_COARSE = (
    "from tidegate.timeframes import coarser\n"
    "coarse = coarser(bars, '15m')\n"
    "return self.wishes(bars, long=True, reason=str(coarse.seen(coarse.bars['close']).tolist()[-1]))"
)


def with_coarse_bars(settings: Settings) -> Settings:
    path = Path(settings.strategy_dir, "author.py")
    path.write_text(path.read_text(encoding="utf-8") + COARSE, encoding="utf-8")
    return settings


def test_a_strategy_of_longer_bars_sees_only_those_that_have_closed(author, look):
    asked = evaluator(with_coarse_bars(author(USES_COARSE)))
    assert reason_of(asked.evaluate(look(count=59))) == "144.0"
    assert reason_of(asked.evaluate(look(count=1, first=59, reset=False))) == "159.0"


def test_it_is_not_asked_before_there_are_enough_longer_bars(author, look):
    asked = evaluator(with_coarse_bars(author(USES_COARSE)))
    assert asked.evaluate(look(count=44)).signal is None
    assert asked.evaluate(look(count=1, first=44, reset=False)).signal is not None


def test_a_history_too_short_for_the_longer_bars_is_refused_at_the_start(author):
    settings = with_coarse_bars(author(USES_COARSE, candle_history=100))
    evaluator(settings, timeframe_ms=MINUTE_MS)
    with pytest.raises(ConfigError, match=r"CANDLE_HISTORY=44: .* needs at least 45 bars"):
        evaluator(replace(settings, candle_history=44), timeframe_ms=MINUTE_MS)


def test_longer_bars_that_cannot_be_made_are_refused_at_the_start(author):
    with pytest.raises(ConfigError, match="bars of 15m cannot be made of bars of 1h"):
        evaluator(with_coarse_bars(author(USES_COARSE)), timeframe_ms=60 * MINUTE_MS)


def test_a_strategy_that_takes_a_market_is_given_the_other_coins(author, look):
    body = "return self.wishes(bars, long=True, reason=f'{market.coin}: {sorted(market.bars)}')"
    settings = rewritten(author(body), "def signals(self, bars)", "def signals(self, bars, market=None)")
    asked = evaluator(settings)
    asked.evaluate(look("ETH"))
    assert reason_of(asked.evaluate(look("BTC"))) == "BTC: ['BTC', 'ETH']"


def test_a_strategy_cannot_spoil_the_bars_of_other_coins(author, look):
    body = "market.bars['ETH'].iloc[:] = -1.0\nreturn self.wishes(bars, long=True, reason='because')"
    settings = rewritten(author(body), "def signals(self, bars)", "def signals(self, bars, market=None)")
    asked = evaluator(settings)
    asked.evaluate(look("ETH"))
    asked.evaluate(look("BTC"))
    assert (asked._coins["ETH"].frame() > 0).all().all()


def test_a_regime_holds_entries_of_any_strategy_and_lets_them_pass_when_it_agrees(author, look):
    asked = evaluator(author(LONG), Regime(("btc",), 5))
    alone = asked.evaluate(look("ETH", 30))
    assert alone.signal.want is Want.HOLD
    assert alone.signal.reason == "no long entry in this regime (btc not known): because"
    asked.evaluate(look("BTC", 30))
    assert asked.evaluate(look("ETH", 1, first=30, reset=False)).signal.want is Want.LONG


def test_a_regime_is_part_of_the_settings(author, look, inbox):
    from tests.strategist.test_strategist import NOW_MS, SettableClock
    from tidegate.strategist import InlineStrategist

    settings = author(LONG, regime=("btc",), regime_bars=5)
    inline = InlineStrategist(settings, inbox, SettableClock(NOW_MS), inbox.notes.append)
    inline.submit(look("ETH", 30))
    assert inbox.next().signal.want is Want.HOLD

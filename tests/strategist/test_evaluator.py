"""The evaluator: which bars a strategy sees, and that nothing an author does gets past it."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tidegate.discovery import read_source
from tidegate.errors import ConfigError
from tidegate.model.signals import Want
from tidegate.strategist.evaluator import CoinBars, Evaluator, evaluator_of
from tidegate.strategist.messages import Answered, Failed

LONG = "return self.wishes(bars, long=True, reason=f'{len(bars)} bars, last {last:g}')"


def evaluator(settings) -> Evaluator:
    source = read_source(Path(settings.strategy_dir), settings.strategy)
    return evaluator_of(source, settings.strategy_params, settings.candle_history)[0]


def closes(bars: CoinBars) -> list[float]:
    return list(bars.frame()["close"])


def test_bars_are_appended_in_order_and_bounded(candles):
    bars = CoinBars(limit=4)
    bars.append(candles(3))
    bars.append(candles(2, first=3))
    assert closes(bars) == [101, 102, 103, 104]
    assert bars.last == candles(1, first=4)[0]


def test_a_candle_that_is_already_there_is_replaced(candles):
    bars = CoinBars(limit=10)
    bars.append(candles(3))
    bars.append((replace(candles(1, first=1)[0], close=Decimal(150)),))
    assert closes(bars) == [100, 150, 102]
    assert bars.last == candles(1, first=2)[0]


def test_candles_in_any_order_and_twice_make_one_ascending_frame(candles):
    bars = CoinBars(limit=10)
    bars.append(tuple(reversed(candles(4))) + candles(2, first=2))
    bars.append(candles(6))
    assert closes(bars) == [100, 101, 102, 103, 104, 105]
    assert len(bars) == 6


def test_a_frame_has_the_open_times_in_utc_and_five_columns_of_floats(candles):
    bars = CoinBars(limit=10)
    bars.append(candles(2, first=1))
    frame = bars.frame()
    assert list(frame.columns) == ["open", "high", "low", "close", "volume"]
    assert str(frame.index.tz) == "UTC"
    assert [moment.timestamp() for moment in frame.index] == [60, 120]
    assert list(frame.iloc[0]) == [101, 102, 100, 101, 1]


def test_the_last_bar_is_what_is_answered_for(author, look):
    answer = evaluator(author(LONG)).evaluate(look())
    assert isinstance(answer, Answered)
    assert (answer.coin, answer.candle_open_ms, answer.bars) == ("BTC", 9 * 60_000, 10)
    assert answer.signal is not None
    assert (answer.signal.want, answer.signal.reason, answer.signal.close) == (Want.LONG, "10 bars, last 109", 109)


def test_coins_are_kept_apart_and_a_reset_forgets(author, look):
    asked = evaluator(author(LONG))
    asked.evaluate(look("BTC", 10))
    assert asked.evaluate(look("ETH", 3)).bars == 3
    assert asked.evaluate(look("BTC", 1, first=10, reset=False)).bars == 11
    assert asked.evaluate(look("BTC", 2, reset=True)).bars == 2


def test_history_is_bounded(author, look):
    asked = evaluator(author(LONG, candle_history=5))
    assert asked.evaluate(look(count=20)).bars == 5
    assert asked.evaluate(look(count=1, first=20, reset=False)).bars == 5


def test_a_strategy_that_warms_up_is_not_asked(author, look):
    settings = author("raise AssertionError\n\n@property\ndef unused(self): ...")
    path = Path(settings.strategy_dir, "author.py")
    text = path.read_text(encoding="utf-8").split("        @property")[0]
    path.write_text(text + "\n    @property\n    def warm_up_bars(self):\n        return 11\n", encoding="utf-8")
    asked = evaluator(settings)
    answer = asked.evaluate(look(count=10))
    assert isinstance(answer, Answered)
    assert (answer.signal, answer.bars) == (None, 10)
    assert isinstance(asked.evaluate(look(count=1, first=10, reset=False)), Failed)


def test_a_strategy_that_changes_its_bars_changes_nothing(author, look):
    asked = evaluator(author("bars['close'] = 0.0\nbars.iloc[:] = -1\n" + LONG))
    first = asked.evaluate(look())
    again = asked.evaluate(look(count=1, first=9, reset=False))
    assert isinstance(again, Answered)
    assert again.signal == first.signal


BAD = {
    "raises": ("raise ValueError('no\\nidea')", "line 16: ValueError: no idea"),
    "divides": ("return 1 / 0", "line 16: ZeroDivisionError: division by zero"),
    "leaves": ("sys.exit(3)", "SystemExit: 3"),
    "misspells": ("return bars['clsoe']", "line 16: KeyError: 'clsoe'"),
    "recurses": ("return self.signals(bars)", "RecursionError"),
    "nothing": ("return None", "must return what self.wishes(bars, ...) gives, not NoneType"),
    "a_number": ("return 5", "not int"),
    "its_bars": ("return bars", "the column 'want' is missing"),
    "one_row": ("return self.wishes(bars, long=True).iloc[-1:]", "10 bars, 1 rows"),
    "other_index": ("return self.wishes(bars, long=True).reset_index(drop=True)", "one row a bar"),
    "other_want": ("return pd.DataFrame({'want': 'buy'}, index=bars.index)", "want must be one of"),
    "text_stop": ("return pd.DataFrame({'want': 'long', 'stop': 'low'}, index=bars.index)", "expected a number"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_whatever_a_strategy_does_is_one_failure_in_words(author, look, name):
    body, reason = BAD[name]
    answer = evaluator(author(body)).evaluate(look())
    assert isinstance(answer, Failed)
    assert answer.coin == "BTC"
    assert reason in answer.reason
    assert "\n" not in answer.reason
    assert len(answer.reason) < 400


def test_what_was_left_away_is_said(author, look):
    answer = evaluator(author("return self.wishes(bars, long=True, stop=90.0, trail_by=-1.0)")).evaluate(look())
    assert isinstance(answer, Answered)
    assert answer.complaints == ("trail_by -1.0 is not a positive price and was left away",)


def test_no_bars_are_a_failure(author, look):
    assert isinstance(evaluator(author(LONG)).evaluate(look(count=0)), Failed)


def test_a_rehearsal_changes_nothing_and_survives_any_strategy(author, look):
    broken = evaluator(author("raise ValueError"))
    broken.rehearse()
    good = evaluator(author(LONG))
    good.rehearse()
    assert good.evaluate(look(count=1, reset=False)).bars == 1


def test_parameters_are_given_to_the_strategy_and_told(author, look):
    settings = author("return self.wishes(bars, long=True, reason=str(self.number))", strategy_params={"number": "7"})
    source = read_source(Path(settings.strategy_dir), "author")
    asked, ready = evaluator_of(source, settings.strategy_params, 500)
    assert (ready.values, ready.sha256, ready.warm_up_bars) == ({"number": "7"}, source.sha256, 1)
    answer = asked.evaluate(look())
    assert answer.signal.reason == "7"


def test_bad_parameters_are_refused_all_at_once(author):
    settings = author(LONG, strategy_params={"number": "10", "nummer": "1"})
    with pytest.raises(ConfigError) as caught:
        evaluator(settings)
    assert len(caught.value.problems) == 2


def test_a_history_shorter_than_the_warm_up_is_refused_with_the_arithmetic():
    source = read_source(Path(__file__).resolve().parents[2] / "strategies", "ema_cross")
    with pytest.raises(ConfigError, match=r"CANDLE_HISTORY=104: ema_cross with fast=12, slow=26.*at least 105 bars"):
        evaluator_of(source, {}, 104)
    evaluator_of(source, {}, 105)

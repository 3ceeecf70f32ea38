"""Be in the market: the measure that every other strategy must beat."""

from dataclasses import dataclass

import pandas as pd

from tidegate.strategy import Strategy, param


@dataclass(frozen=True)
class BuyAndHold(Strategy):
    """Hold one side from the first bar on; only the bot's own stop and take-profit ever leave."""

    side: str = param("long", choices=("long", "short"), meaning="which side to hold")

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """The same wish after every bar, so that a position that was stopped out is entered again."""
        return self.wishes(
            bars,
            long=self.side == "long",
            short=self.side == "short",
            reason=f"always {self.side}",
        )

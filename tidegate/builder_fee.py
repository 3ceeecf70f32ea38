"""The fee for a builder: asked about at the start, and left out of every order where the account never approved it.

Owns that one question. Only the account's own key can approve a builder; this bot never does it.
"""

from typing import Protocol

from msgspec.structs import replace

from tidegate import logs
from tidegate.model.settings import Settings
from tidegate.wallet import Wallet

TENTHS_BP_A_PERCENT = 1_000


class AsksBuilders(Protocol):
    """Who knows what an account approved."""

    def max_builder_fee(self, user: str, builder: str) -> int:
        """The most that `user` lets `builder` take, in tenths of a basis point; 0 for nothing."""


def settled(settings: Settings, exchange: AsksBuilders, wallet: Wallet) -> Settings:
    """The settings with what may really be asked for. Asks nothing where no builder is named.

    A sub-account or vault has what its master approved, so that one is asked.
    """
    if settings.builder is None:
        return settings
    asked, builder = settings.builder.tenths_bp, settings.builder.address
    approved = exchange.max_builder_fee(wallet.owner, builder)
    if asked <= approved:
        logs.log(
            "account", f"builder fee: {_percent(asked)} of each entry goes to {builder}, approved by {wallet.owner}"
        )
        return settings
    limit = f"{wallet.owner} approved at most {_percent(approved)}" if approved else f"{wallet.owner} never approved it"
    logs.log(
        "account",
        f"builder fee: {_percent(asked)} for {builder} is left out of every order: {limit}; "
        "approve it with the account's own key (approveBuilderFee), or take BUILDER_ADDRESS out",
        "WARNING",
    )
    return replace(settings, builder_address="", builder_fee_tenths_bp=0)


def _percent(tenths_bp: int) -> str:
    return f"{tenths_bp / TENTHS_BP_A_PERCENT:g} %"

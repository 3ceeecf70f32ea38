"""Transfers between an account's places, to other accounts and out of the exchange (section 3.7)."""

from typing import Annotated

from msgspec import Meta, Struct

from tidegate.localnet.actions.answers import DEFAULT, Action, Answer, Refused
from tidegate.localnet.kernel import transfers
from tidegate.localnet.kernel.accounts import USDC_INDEX, Account
from tidegate.localnet.kernel.instruments import Token
from tidegate.localnet.kernel.numbers import MICRO
from tidegate.localnet.kernel.transfers import INVALID_SEND, Send
from tidegate.localnet.kernel.venue import Venue

Address = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")]
SUB_ACCOUNT_MARK = " subaccount:"


class ClassTransferAction(Struct, rename="camel"):
    """usdClassTransfer; `amount` may end in " subaccount:0x..", which is then the account it is about."""

    amount: str
    to_perp: bool
    nonce: int


class UsdSendAction(Struct):
    """usdSend and withdraw3."""

    destination: Address
    amount: str
    time: int


class SpotSendAction(Struct):
    """spotSend; `token` is name and token id."""

    destination: Address
    token: str
    amount: str
    time: int


class SendAssetAction(Struct, rename="camel"):
    """sendAsset and agentSendAsset; "" is the first dex, "spot" is spot."""

    destination: Address
    source_dex: str
    destination_dex: str
    token: str
    amount: str
    from_sub_account: str
    nonce: int


def usd_class_transfer(venue: Venue, account: Account, action: ClassTransferAction) -> Answer | Refused:
    """Move USDC between spot and perps."""
    text, _, sub_account = action.amount.partition(SUB_ACCOUNT_MARK)
    giver = _giver(venue, account, sub_account)
    amount = transfers.read_amount(text, _usdc(venue))
    if giver is None or amount is None or amount % MICRO:
        return Refused(INVALID_SEND)
    return _answer(transfers.class_transfer(venue, giver, amount, to_perp=action.to_perp))


def usd_send(venue: Venue, account: Account, action: UsdSendAction) -> Answer | Refused:
    """Send USDC to another account."""
    amount = transfers.read_amount(action.amount, _usdc(venue))
    if amount is None or amount % MICRO:
        return Refused(INVALID_SEND)
    return _answer(transfers.usd_send(venue, account, action.destination.lower(), amount))


def withdraw(venue: Venue, account: Account, action: UsdSendAction) -> Answer | Refused:
    """Take USDC out; nothing waits for it outside."""
    amount = transfers.read_amount(action.amount, _usdc(venue))
    if amount is None or amount % MICRO:
        return Refused(INVALID_SEND)
    return _answer(transfers.withdraw(venue, account, amount, action.time))


def spot_send(venue: Venue, account: Account, action: SpotSendAction) -> Answer | Refused:
    """Send spot tokens to another account."""
    send = _send(venue, action.destination, action.token, action.amount, action.time)
    return Refused(INVALID_SEND) if send is None else _answer(transfers.spot_send(venue, account, send))


def send_asset(venue: Venue, account: Account, action: SendAssetAction) -> Answer | Refused:
    """Send a token from place to place."""
    send = _send(venue, action.destination, action.token, action.amount, action.nonce)
    giver = _giver(venue, account, action.from_sub_account)
    if send is None or giver is None:
        return Refused(INVALID_SEND)
    send = send._replace(source=action.source_dex, target=action.destination_dex)
    return _answer(transfers.send_asset(venue, giver, send))


def agent_send_asset(venue: Venue, account: Account, action: SendAssetAction) -> Answer | Refused:
    """sendAsset as an agent may sign it: the money stays with the account and its sub-accounts."""
    destination = action.destination.lower()
    people = venue.people
    if people.master_of(destination) != people.master_of(account.user):
        return Refused("Agent can only send asset to same user or their sub-accounts.")
    return send_asset(venue, account, action)


def _send(venue: Venue, destination: str, token_id: str, text: str, nonce: int) -> Send | None:
    token = venue.universe.token_by_wire_id.get(token_id)
    amount = None if token is None else transfers.read_amount(text, token)
    if token is None or amount is None:
        return None
    return Send(destination.lower(), token, amount, nonce)


def _giver(venue: Venue, account: Account, sub_account: str) -> Account | None:
    """The account that gives: the signer's, or its sub-account of that address; None when it is not its own."""
    if not sub_account:
        return account
    user = sub_account.lower()
    known = venue.people.sub_accounts.get(user)
    return venue.account(user) if known is not None and known.master == account.user else None


def _usdc(venue: Venue) -> Token:
    return venue.universe.token_by_index[USDC_INDEX]


def _answer(text: str | None) -> Answer | Refused:
    return DEFAULT if text is None else Refused(text)


ACTIONS: dict[str, Action] = {
    "usdClassTransfer": (ClassTransferAction, usd_class_transfer),
    "usdSend": (UsdSendAction, usd_send),
    "withdraw3": (UsdSendAction, withdraw),
    "spotSend": (SpotSendAction, spot_send),
    "sendAsset": (SendAssetAction, send_asset),
    "agentSendAsset": (SendAssetAction, agent_send_asset),
}

"""What only a master key signs, as the official SDK signs it."""

from typing import Any

from hyperliquid.utils import signing as sdk

from tests.localnet.floor import Trader

SIGNERS = {"approveAgent": sdk.sign_agent, "approveBuilderFee": sdk.sign_approve_builder_fee}


def sign_and_act(trader: Trader, action: dict[str, Any], **envelope: Any) -> Any:
    """The whole answer to a user-signed action; its nonce is put in."""
    trader.nonce += 1
    action = {**action, "nonce": trader.nonce}
    signature = SIGNERS[action["type"]](trader.wallet, action, False)
    body = {"action": action, "nonce": trader.nonce, "signature": signature, **envelope}
    return trader.exchange.act(body).body


def approve_agent(trader: Trader, address: str, name: str = "") -> Any:
    """Approve an agent; unnamed as the SDK does it: "" is signed, and the key left out."""
    trader.nonce += 1
    action = {"type": "approveAgent", "agentAddress": address, "agentName": name, "nonce": trader.nonce}
    signature = sdk.sign_agent(trader.wallet, action, False)
    if not name:
        del action["agentName"]
    return trader.exchange.act({"action": action, "nonce": trader.nonce, "signature": signature}).body

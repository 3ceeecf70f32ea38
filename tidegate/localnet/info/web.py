"""What only the streams tell about an account (section 6.2): no /info request asks for it."""

from tidegate.localnet.info.answer import answer
from tidegate.localnet.info.desk import Desk, Row
from tidegate.localnet.kernel.numbers import ZERO, wire_usd

DEFAULT_MODE = "default"


def user_state(desk: Desk, user: str) -> Row:
    """The `userState` of an address; `cumLedger` is what was paid in, the agent is the unnamed one."""
    account = desk.account(user)
    agents = desk.venue.agents_of(user.lower()).items()
    address, agent = next(((address, agent) for address, agent in agents if not agent.name), (None, None))
    mode = answer(desk, {"type": "userAbstraction", "user": user}).body
    row = {
        "agentAddress": address,
        "agentValidUntil": None if agent is None else agent.valid_until_ms,
        "cumLedger": wire_usd(ZERO if account is None else account.deposits),
        "serverTime": desk.venue.now_ms,
        "isVault": answer(desk, {"type": "userRole", "user": user}).body["role"] == "vault",
        "user": user.lower(),
    }
    return row if mode == DEFAULT_MODE else {**row, "abstraction": mode}


def twap_states(desk: Desk, user: str) -> list[tuple[int, Row]]:
    """Number and state of every TWAP that has not ended, oldest first."""
    return [(twap.twap_id, twap.state()) for twap in desk.venue.twaps.of(user.lower())]

"""What the exchange's own page is told about an account (webData3, section 6.2); no /info request tells it."""

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

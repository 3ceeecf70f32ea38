"""Agents: approving, replacing, removing and pruning the keys that sign for an account (sections 3.7 and 4.5).

Owns who may sign for whom. One unnamed and three named agents an account, two named ones more a sub-account. An agent's
nonces are dropped with it; it goes when it is replaced, expired, or its account is empty. The texts were measured on
testnet in September 2026 (public notes); the exchange prunes expired agents only after a while, this one at once.
"""

import re

from tidegate.localnet.kernel import wealth
from tidegate.localnet.kernel.accounts import DAY_MS, Account
from tidegate.localnet.kernel.people import Agent
from tidegate.localnet.kernel.venue import Venue

NOBODY = "0x" + "0" * 40
VALID_UNTIL = " valid_until "
TIME = re.compile("[0-9]{1,16}")
NAME_MAX = 16
NAMED_MAX = 3
NAMED_MORE_A_SUB_ACCOUNT = 2
VALID_MS = 90 * DAY_MS
VALID_MAX_MS = 180 * DAY_MS


def approve(venue: Venue, account: Account, address: str, name: str) -> str | None:
    """Let `address` sign for an account; returns the refusal.

    A name may end in " valid_until <ms>" (at most 180 days ahead; 90 days without it). The same name replaces, the
    zero address removes. An address that is an account, or an agent already, cannot become an agent.
    """
    plain, _, until = name.partition(VALID_UNTIL)
    if (until and not TIME.fullmatch(until)) or len(plain) > NAME_MAX:
        return "Invalid agent name."
    valid_until_ms = int(until) if until else venue.now_ms + VALID_MS
    if not venue.now_ms < valid_until_ms <= venue.now_ms + VALID_MAX_MS:
        return "Agent valid_until already expired."
    mine = venue.agents_of(account.user)
    replaced = [old for old, agent in mine.items() if agent.name == plain]
    if address == NOBODY:
        for old in replaced:
            prune(venue, old)
        return None
    if address in venue.accounts or address in venue.people.agents:
        return "Extra agent already used."
    limit = NAMED_MAX + NAMED_MORE_A_SUB_ACCOUNT * len(venue.people.sub_accounts_of(account.user))
    if plain and not replaced and sum(1 for agent in mine.values() if agent.name) >= limit:
        return f"Too many extra agents for cumulative volume traded. Current limit is {limit}"
    for old in replaced:
        prune(venue, old)
    venue.people.former_agents.discard(address)
    venue.people.agents[address] = Agent(account.user, plain, valid_until_ms)
    return None


def prune(venue: Venue, address: str) -> None:
    """Forget an agent and its nonces; that it was one is kept, so that its key is no newcomer's."""
    del venue.people.agents[address]
    venue.people.former_agents.add(address)
    venue.nonces.forget(address)


def master_of(venue: Venue, signer: str) -> Account | None:
    """The account that an agent signs for; None for a key that is no agent or no longer one."""
    agent = venue.people.agents.get(signer)
    if agent is None:
        return None
    master = venue.accounts[agent.master]
    if agent.expired(venue.now_ms) or wealth.is_empty(venue, master):
        prune(venue, signer)
        return None
    return master

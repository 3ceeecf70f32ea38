"""What /info tells of the people records: roles, agents, referrals, vaults (section 2.14).

Owns the shapes; an address that nobody knows gives empty answers, never an error. Figures of a vault that are numbers
on the wire are numbers here too.
"""

from decimal import Decimal
from typing import Any

from tidegate.localnet.info.portfolio import portfolio
from tidegate.localnet.kernel import vaults
from tidegate.localnet.kernel.accounts import DAY_MS
from tidegate.localnet.kernel.numbers import ZERO, wire, wire_usd
from tidegate.localnet.kernel.people import Follower, Vault
from tidegate.localnet.kernel.venue import Venue

Row = dict[str, Any]

LEADER = "Leader"
USDC_TOKEN = 0


def role(user: str, venue: Venue) -> Row:
    """The body of userRole."""
    people = venue.people
    agent = people.agents.get(user)
    if agent is not None and not agent.expired(venue.now_ms):
        return {"role": "agent", "data": {"user": agent.master}}
    if user in people.sub_accounts:
        return {"role": "subAccount", "data": {"master": people.sub_accounts[user].master}}
    if user in people.vaults:
        return {"role": "vault"}
    return {"role": "missing" if venue.account(user) is None else "user"}


def extra_agents(user: str, venue: Venue) -> list[Row]:
    """The body of extraAgents."""
    return [
        {"name": agent.name, "address": address, "validUntil": agent.valid_until_ms}
        for address, agent in venue.agents_of(user).items()
        if agent.name and not agent.expired(venue.now_ms)
    ]


def referral(user: str, venue: Venue) -> Row:
    """The body of referral."""
    people, account = venue.people, venue.account(user)
    volume = ZERO if account is None else account.volume
    used, rewards = people.referrals.get(user), people.rewards.get(user)
    earned = {
        "cumVlm": wire_usd(volume),
        "unclaimedRewards": wire_usd(ZERO if rewards is None else rewards.unclaimed),
        "claimedRewards": wire_usd(ZERO if rewards is None else rewards.claimed),
        "builderRewards": wire_usd(ZERO if rewards is None else rewards.of_builder),
    }
    return {
        "referredBy": None if used is None else {"referrer": used.referrer, "code": used.code},
        **earned,
        "referrerState": _referrer_state(user, venue),
        "rewardHistory": [],
        "tokenToState": [] if rewards is None else [[USDC_TOKEN, earned]],
    }


def vault_details(vault: Vault, asker: str | None, venue: Venue) -> Row:
    """The body of vaultDetails; `asker` is told its own share in `followerState`."""
    account = venue.accounts[vault.user]
    equity = vaults.equity(venue, vault)
    mine = None if asker is None else vault.followers.get(asker)
    leading = vaults.worth(venue, vault, vault.leader)
    age_days = max(Decimal(venue.now_ms - vault.created_ms) / DAY_MS, Decimal(1))
    gain = equity / account.deposits - 1 if account.deposits > 0 else ZERO
    return {
        "name": vault.name,
        "vaultAddress": vault.user,
        "leader": vault.leader,
        "description": vault.description,
        "portfolio": portfolio(account, venue),
        "apr": float(gain * vaults.YEAR_DAYS / age_days),
        "followerState": None if mine is None else {"user": asker, **_share(venue, vault, asker or "", mine)},
        "leaderFraction": float(leading / equity) if equity > 0 else 0.0,
        "leaderCommission": float(vaults.COMMISSION),
        "followers": [
            {"user": LEADER if user == vault.leader else user, **_share(venue, vault, user, follower)}
            for user, follower in vault.followers.items()
        ],
        "maxDistributable": float(vaults.free(venue, vault)),
        "maxWithdrawable": float(ZERO if asker is None else vaults.worth(venue, vault, asker)),
        "isClosed": vault.is_closed,
        "relationship": {"type": "normal"},
        "allowDeposits": vault.allow_deposits,
        "alwaysCloseOnWithdraw": vault.always_close_on_withdraw,
    }


def vault_equities(user: str, venue: Venue) -> list[Row]:
    """The body of userVaultEquities."""
    return [
        {
            "vaultAddress": vault.user,
            "equity": wire_usd(vaults.worth(venue, vault, user)),
            "lockedUntilTimestamp": vault.followers[user].locked_until_ms,
        }
        for vault in venue.people.vaults.values()
        if user in vault.followers
    ]


def _referrer_state(user: str, venue: Venue) -> Row:
    people = venue.people
    code = next((code for code, owner in people.codes.items() if owner == user), None)
    if code is None:
        return {"stage": "needToCreateCode"}
    states = [
        {
            "cumVlm": wire_usd(venue.accounts[referred].volume),
            "cumRewardedFeesSinceReferred": wire(ZERO),
            "cumFeesRewardedToReferrer": wire(ZERO),
            "timeJoined": referral.since_ms,
            "user": referred,
            "tokenToState": [],
        }
        for referred, referral in people.referrals.items()
        if referral.referrer == user
    ]
    return {"stage": "ready", "data": {"code": code, "nReferrals": len(states), "referralStates": states}}


def _share(venue: Venue, vault: Vault, user: str, follower: Follower) -> Row:
    worth = vaults.worth(venue, vault, user)
    return {
        "vaultEquity": wire_usd(worth),
        "pnl": wire_usd(worth - follower.basis),
        "allTimePnl": wire_usd(worth - follower.basis + follower.earned),
        "daysFollowing": (venue.now_ms - follower.entered_ms) // DAY_MS,
        "vaultEntryTime": follower.entered_ms,
        "lockupUntil": follower.locked_until_ms,
    }

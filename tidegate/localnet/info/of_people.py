"""Requests about who is whose: roles, agents, sub-accounts, builders, referrals, TWAPs (section 2.14)."""

from tidegate.localnet.info import of_dexs, of_spot, people
from tidegate.localnet.info.desk import Desk, Request, Row
from tidegate.localnet.info.shapes import BuilderRequest, RangeRequest, UserRequest, VaultRequest
from tidegate.localnet.kernel.people import SubAccount
from tidegate.localnet.kernel.reply import Reply, ok


def user_role(desk: Desk, request: UserRequest) -> Reply:
    """What an address is: a user, an agent, a sub-account, a vault, or nothing."""
    return ok(people.role(request.user.lower(), desk.venue))


def extra_agents(desk: Desk, request: UserRequest) -> Reply:
    """Named agents that are still valid; the unnamed one is never listed."""
    return ok(people.extra_agents(request.user.lower(), desk.venue))


def sub_accounts(desk: Desk, request: UserRequest) -> Reply:
    """Sub-accounts with both sides of their accounts, null when there are none."""
    venue = desk.venue
    rows = [
        {
            **_names(each),
            "clearinghouseState": of_dexs.perp_state(venue, venue.account(each.user)),
            "spotState": of_spot.spot_state(venue, venue.account(each.user)),
        }
        for each in venue.people.sub_accounts_of(request.user.lower())
    ]
    return ok(rows or None)


def sub_accounts_by_dex(desk: Desk, request: UserRequest) -> Reply:
    """Sub-accounts with a perp state a dex (subAccounts2), null when there are none."""
    venue, dexs = desk.venue, desk.venue.universe.by_dex
    rows = [
        {
            **_names(each),
            "dexToClearinghouseState": [
                [dex, of_dexs.perp_state(venue, venue.account(each.user), dex)] for dex in dexs
            ],
            "spotState": of_spot.spot_state(venue, venue.account(each.user)),
        }
        for each in venue.people.sub_accounts_of(request.user.lower())
    ]
    return ok(rows or None)


def max_builder_fee(desk: Desk, request: BuilderRequest) -> Reply:
    """The most that a user lets a builder take, in tenths of a basis point."""
    approved = desk.venue.people.builder_fees.get(request.user.lower(), {})
    return ok(approved.get(request.builder.lower(), 0))


def approved_builders(desk: Desk, request: UserRequest) -> Reply:
    """Addresses that may take a fee."""
    return ok(list(desk.venue.people.builder_fees.get(request.user.lower(), {})))


def referral(desk: Desk, request: UserRequest) -> Reply:
    """Who referred an account, whom it referred, and what it earned from others' fees."""
    return ok(people.referral(request.user.lower(), desk.venue))


def vault_details(desk: Desk, request: VaultRequest) -> Reply:
    """A vault and the followers' shares of it, null for an address that is no vault."""
    vault = desk.venue.people.vaults.get(request.vault_address.lower())
    if vault is None:
        return ok(None)
    asker = None if request.user is None else request.user.lower()
    return ok(people.vault_details(vault, asker, desk.venue))


def user_vault_equities(desk: Desk, request: UserRequest) -> Reply:
    """What an account's shares of vaults are worth."""
    return ok(people.vault_equities(request.user.lower(), desk.venue))


def twap_history(desk: Desk, request: UserRequest) -> Reply:
    """Changes of status of an account's TWAPs, newest first."""
    return ok(list(desk.venue.twaps.history.get(request.user.lower(), ())))


def twap_slice_fills(desk: Desk, request: UserRequest) -> Reply:
    """Fills of TWAP slices, newest first."""
    return ok(list(desk.venue.twaps.slice_fills.get(request.user.lower(), ())))


def twap_slice_fills_by_time(desk: Desk, request: RangeRequest) -> Reply:
    """Fills of TWAP slices of a range, oldest first."""
    user = "" if request.user is None else request.user.lower()
    end_ms = desk.venue.now_ms if request.end_time is None else request.end_time
    rows = reversed(desk.venue.twaps.slice_fills.get(user, ()))
    return ok([row for row in rows if request.start_time <= row["fill"]["time"] <= end_ms])


def _names(sub_account: SubAccount) -> Row:
    return {"name": sub_account.name, "subAccountUser": sub_account.user, "master": sub_account.master}


REQUESTS: dict[str, Request] = {
    "userRole": (UserRequest, user_role),
    "extraAgents": (UserRequest, extra_agents),
    "subAccounts": (UserRequest, sub_accounts),
    "subAccounts2": (UserRequest, sub_accounts_by_dex),
    "maxBuilderFee": (BuilderRequest, max_builder_fee),
    "approvedBuilders": (UserRequest, approved_builders),
    "referral": (UserRequest, referral),
    "vaultDetails": (VaultRequest, vault_details),
    "userVaultEquities": (UserRequest, user_vault_equities),
    "twapHistory": (UserRequest, twap_history),
    "userTwapSliceFills": (UserRequest, twap_slice_fills),
    "userTwapSliceFillsByTime": (RangeRequest, twap_slice_fills_by_time),
}

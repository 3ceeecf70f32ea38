"""The names under which a key may stand as it is: one for whichever network, and one for each real network.

Owns which of them counts and when they contradict each other. Never shows or compares keys in words.
"""

from collections.abc import Iterator, Mapping

from tidegate.model.settings import Network

GENERAL = "HYPERLIQUID_PRIVATE_KEY"
OF_NETWORK = {
    Network.TESTNET: "HYPERLIQUID_TESTNET_PRIVATE_KEY",
    Network.MAINNET: "HYPERLIQUID_MAINNET_PRIVATE_KEY",
}
PLAIN_KEYS = (GENERAL, *OF_NETWORK.values())


def key_for(network: Network, keys: Mapping[str, str]) -> tuple[str, str]:
    """The name that counts on `network` and the key under it, empty where there is none; none on localnet."""
    own = OF_NETWORK.get(network)
    if own is None:
        return GENERAL, ""
    return (own, keys[own]) if keys[own] else (GENERAL, keys[GENERAL])


def contradictions(network: Network, keys: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """What cannot be meant: the name, what is wrong, what is allowed. `keys` holds every name of `PLAIN_KEYS`."""
    own = OF_NETWORK.get(network)
    if own is None:
        return
    (other,) = (name for name in OF_NETWORK.values() if name != own)
    if keys[GENERAL] and keys[own] and keys[GENERAL] != keys[own]:
        yield GENERAL, f"another key than {own}, and one of the two is a mistake", f"nothing beside {own}"
    used, key = key_for(network, keys)
    if key and key == keys[other]:
        yield other, f"the same key as {used}, which NETWORK={network.value} uses", "a key of that network alone"

"""nonces.py: the hundred highest nonces of each signer."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.localnet.kernel.nonces import AHEAD_MS, BEHIND_MS, NONCES_KEPT, Nonces

NOW = 1_790_000_000_000


def test_a_nonce_is_used_once():
    nonces = Nonces()
    assert nonces.refusal("a", NOW, [NOW]) is None
    nonces.use("a", NOW)
    assert nonces.refusal("a", NOW, [NOW]) == f"Invalid nonce: duplicate nonce {NOW}"
    assert nonces.refusal("b", NOW, [NOW]) is None


def test_small_reordering_is_fine_until_a_hundred_higher_ones_are_known():
    nonces = Nonces()
    for step in range(1, NONCES_KEPT + 1):
        assert nonces.refusal("a", NOW, [NOW]) is None
        nonces.use("a", NOW + step)
    assert nonces.refusal("a", NOW, [NOW]) == f"Invalid nonce: nonce too low {NOW} < {NOW + 1}"


def test_a_nonce_lies_within_two_days_behind_and_one_ahead():
    nonces = Nonces()
    assert nonces.refusal("a", NOW - BEHIND_MS, [NOW]).startswith("Invalid nonce: nonce too low")
    assert nonces.refusal("a", NOW + AHEAD_MS, [NOW]).startswith("Invalid nonce: nonce too high")
    assert nonces.refusal("a", NOW - BEHIND_MS + 1, [NOW]) is None
    assert nonces.refusal("a", NOW + AHEAD_MS - 1, [NOW]) is None


def test_either_of_two_clocks_makes_a_nonce_valid():
    nonces = Nonces()
    far = NOW + 30 * AHEAD_MS
    assert nonces.refusal("a", far, [NOW]) is not None
    assert nonces.refusal("a", far, [NOW, far]) is None


def test_an_unused_nonce_among_the_highest_is_fine():
    nonces = Nonces()
    for step in range(NONCES_KEPT):
        nonces.use("a", NOW + 2 * step)
    assert nonces.refusal("a", NOW + 101, [NOW]) is None
    assert nonces.refusal("a", NOW + 100, [NOW]) is not None


def test_only_the_hundred_highest_are_remembered():
    nonces = Nonces()
    for step in range(NONCES_KEPT + 10):
        nonces.use("a", NOW + step)
    assert nonces.refusal("a", NOW + 5, [NOW]) == f"Invalid nonce: nonce too low {NOW + 5} < {NOW + 10}"


@given(st.lists(st.integers(NOW - 500, NOW + 500), max_size=300))
def test_no_nonce_is_ever_accepted_twice(wanted):
    nonces, used = Nonces(), []
    for nonce in wanted:
        if nonces.refusal("a", nonce, [NOW]) is None:
            nonces.use("a", nonce)
            used.append(nonce)
    assert len(used) == len(set(used))

"""Row 002-03: nonces are unique and grow, ten thousand in one moment, across a restart, by signer."""

from itertools import pairwise
from pathlib import Path

from tidegate.hyperliquid.signing import Signer
from tidegate.hyperliquid.wire import envelope
from tidegate.storage.ledger import Ledger

T0 = 1_767_225_600_000
COUNT = 10_000
SIGNERS = [Signer(f"0x{number:064x}", mainnet=False) for number in (5, 6)]


def ledger_of(folder: Path, signer: Signer) -> Ledger:
    ledger = Ledger(f"sqlite:///{folder}/n.db", venue="localnet", account="0xabc", signer=signer.address)
    ledger.open()
    return ledger


def test_ten_thousand_signatures_in_one_millisecond_have_as_many_nonces_and_a_restart_goes_on_behind_them(
    tmp_path: Path,
) -> None:
    taken: dict[str, list[int]] = {signer.address: [] for signer in SIGNERS}
    signatures: set[str] = set()
    for life in range(2):
        for signer in SIGNERS:
            ledger = ledger_of(tmp_path, signer)
            for number in range(COUNT // 2):
                now_ms = T0 - life * 60_000  # the clock has stepped back when it starts again
                nonce = ledger.next_nonce(now_ms)
                taken[signer.address].append(nonce)
                if number % 100 == 0:
                    signatures.add(str(envelope(signer, {"type": "noop"}, nonce, None, now_ms + 15_000).body))
            ledger.commit_before_send([], taken[signer.address][-1], b"", 0)
            ledger.close()
    for nonces in taken.values():
        assert len(nonces) == COUNT
        assert all(later > earlier for earlier, later in pairwise(nonces))
        assert nonces[0] == T0
    first, second = taken.values()
    assert first == second, "each signer counts for itself"
    assert len(signatures) == 2 * 2 * COUNT // 2 // 100

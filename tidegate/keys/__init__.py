"""The key that signs: where it is kept, how it comes into this process, and how nobody else reads it there."""

from tidegate.keys.opening import unlocked
from tidegate.keys.sealing import erase, seal

__all__ = ["erase", "seal", "unlocked"]

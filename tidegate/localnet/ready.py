"""What a localnet says of itself once it answers. Light: it is read by processes that do not run one."""

from dataclasses import dataclass

from tidegate.errors import ExchangeError


class LocalnetFailed(ExchangeError):
    """A localnet that was started did not come to answer."""


@dataclass(frozen=True)
class Ready:
    """A server that answers: where, at what exchange time, and what its market is like."""

    url: str
    time_ms: int
    speed: float
    instance: str
    says: str
    pid: int

"""No stream: what stands in the place of the client with STREAM=off, where REST polls everything."""

from collections.abc import Iterable

from tidegate.model.gauges import StreamGauges


class NoStream:
    """Opens nothing, carries nothing."""

    def start(self) -> None:
        """There is nothing to open."""

    def stop(self, timeout_s: float = 0.0) -> None:
        """There is nothing to close."""

    def post(self, wish: object, body: bytes) -> bool:  # noqa: ARG002 (orders go by REST)
        """There is nothing to send over."""
        return False

    def add_coins(self, coins: Iterable[str]) -> None:
        """REST polls them."""

    def remove_coins(self, coins: Iterable[str]) -> None:
        """REST polls them no more."""

    def hold(self, coins: Iterable[str]) -> None:
        """No coin comes before another."""

    def gauges(self) -> StreamGauges:
        """Nothing happens."""
        return StreamGauges(
            sockets=(),
            subscriptions=0,
            messages_per_minute=0,
            reconnects=0,
            restarts=0,
            unheard=0,
            conflated=0,
            lag_p50_ms=None,
            lag_p99_ms=None,
            dropped={},
            ages_s={},
        )

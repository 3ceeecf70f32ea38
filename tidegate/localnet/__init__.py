"""The local exchange: an independent reading of the Hyperliquid protocol; inside, no socket, clock or chance."""

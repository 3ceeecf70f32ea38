"""The local exchange: an independent reading of the Hyperliquid protocol, without sockets, clocks or randomness inside."""

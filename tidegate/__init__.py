"""Tidegate: a Hyperliquid trading bot that polls to decide and streams to protect."""

__version__ = "0.1.0"

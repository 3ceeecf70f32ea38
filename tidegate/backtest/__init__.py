"""Backtests: the bot's rules over candles, compiled, and what a run leaves behind.

Owns the kernel, the rules of the account and the shape of a result. Never trades, never asks an exchange.
"""

"""Parity: one strategy over the same candles by the backtest, by the simulation and by the bot itself, side by side.

Owns which trades are the same trade, what differs, and the proof of why. Changes none of the three.
"""

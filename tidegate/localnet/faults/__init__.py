"""Faults on demand: what may go wrong between a client and the exchange, by name, when it was asked for."""

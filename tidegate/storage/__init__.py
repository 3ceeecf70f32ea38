"""What outlives a run: orders, fills, positions, candles, and the journal of facts and wishes."""

"""Paper trading: another venue's public market, followed live, and where our orders would stand in its queues."""

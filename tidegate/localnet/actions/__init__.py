"""/exchange, action by action."""

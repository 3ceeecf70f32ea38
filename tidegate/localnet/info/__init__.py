"""/info, request by request."""

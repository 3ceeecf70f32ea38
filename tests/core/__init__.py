"""Tests of the pure core: no sockets, no threads, no patching."""

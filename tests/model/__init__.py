"""Tests of the values that the layers speak in."""

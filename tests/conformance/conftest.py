"""Cases are not test modules by name: their assertions are explained like those of tests all the same."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite(*(f"tests.conformance.{path.stem}" for path in Path(__file__).parent.glob("*.py")))

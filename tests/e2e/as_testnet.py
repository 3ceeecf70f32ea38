"""The bot as it is, except that the address of testnet and mainnet is a localnet's."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Strategies lie beside the settings where there are any.
PROGRAM = """
import sys
from pathlib import Path
url, root = sys.argv[1:3]
sys.path.insert(0, root)
sys.argv[:3] = ["bot.py"]
import bot
from tidegate import venue
from tidegate.commands import given
from tidegate.model.settings import Network
if Path("strategies").is_dir():
    given.STRATEGIES = Path.cwd() / "strategies"
venue.URLS.update({Network.TESTNET: url, Network.MAINNET: url})
bot.main()
"""


def command_line(url: str, *words: str) -> list[str]:
    """What starts it."""
    return [sys.executable, "-c", PROGRAM, url, str(ROOT), *words]

"""What operators decided about coins; wishes about a coin, who had them, and what came of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEW_IN_COMMANDS = ("coin", "who", "answer")


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "watchlist",
        sa.Column("venue", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("coin", sa.Text, primary_key=True),
        sa.Column("wanted", sa.Boolean, nullable=False),
        sa.Column("chosen_ms", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    for name in NEW_IN_COMMANDS:
        op.add_column("commands", sa.Column(name, sa.Text))


def downgrade() -> None:
    """Drop them."""
    for name in NEW_IN_COMMANDS:
        op.drop_column("commands", name)
    op.drop_table("watchlist")

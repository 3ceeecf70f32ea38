"""What the fills of a finished position slipped; unknown for those that were finished before."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("closed_positions", sa.Column("slippage", sa.Text))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("closed_positions", "slippage")

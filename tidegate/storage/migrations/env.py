"""Alembic's way in: run by `tidegate.storage.database.migrate` and by alembic's own commands for developers.

Owns nothing. The connection arrives from the caller, who also owns the transaction: a migration that is cut off
leaves the database as it was.
"""

from alembic import context

from tidegate.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()

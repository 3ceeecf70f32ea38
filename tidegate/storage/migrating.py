"""Which version the tables have, and the way to the newest one.

Owns the walk through `migrations/`; one transaction, so a start that is cut off leaves the database as it was.
Never touches rows.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from tidegate.errors import StorageError

MIGRATIONS = Path(__file__).with_name("migrations")

HEAD = "0004"
"""The newest migration. Named here so that most starts need not load alembic; a test compares it with the folder."""


def migrate(engine: Engine, shown: str) -> None:
    """Bring the tables to `HEAD`; a database from a newer program is refused with StorageError."""
    with engine.begin() as connection:
        revision = _revision(connection)
        if revision == HEAD:
            return
        # Imported here: alembic costs 10 MB and a third of a second, and most starts have nothing to migrate.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if revision is not None and revision not in known:
            raise StorageError(_of_another_version(shown, revision, "Update Tidegate"))
        command.upgrade(config, "head")


def require_head(engine: Engine, shown: str) -> None:
    """Raise StorageError when the tables are not of this program's version."""
    with engine.connect() as connection:
        revision = _revision(connection)
    if revision != HEAD:
        raise StorageError(_of_another_version(shown, revision, "Start this version's bot once"))


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _of_another_version(shown: str, revision: str | None, advice: str) -> str:
    found = "has no tables yet" if revision is None else f"has tables of version {revision}"
    return f"database {shown} {found}, this program needs {HEAD}. {advice}, or set DATABASE_URL to another database"

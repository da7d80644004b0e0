"""What imports tell: how the file was read

Revision: 0014
After: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """What imports tell: how the file was read."""
    op.add_column("imports", sa.Column("encoding", sa.Text(), nullable=True))

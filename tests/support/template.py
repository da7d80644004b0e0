"""What is in the template that the databases of tests are copied from."""

from database import migrations


def prepare_template(url: str) -> None:
    """Make every table in the empty database at `url`, in the way a real one is made."""
    if migrations.recorded_head() is not None:
        migrations.upgrade(url)

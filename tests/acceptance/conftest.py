from pathlib import Path

import pytest

from tests.acceptance.engine import Engine


@pytest.fixture
def engine(settings_env: dict[str, str], tmp_path: Path) -> Engine:
    """A system of its own on the shared services, without topics yet."""
    return Engine({"ENGAGEMENT_WAIT_SECONDS": "90", **settings_env}, tmp_path)

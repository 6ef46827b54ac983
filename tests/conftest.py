"""Fixtures that several parts share: a collection with model and features, made once a session."""

from __future__ import annotations

import pytest
from hypothesis import settings

from core.collection.types import Collection
from tests.small import ready_collection

# no test is timed: a machine that is busy otherwise would fail it
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """A small collection, ready to paint and to trace. Read only: copy it before changing it."""
    return ready_collection(tmp_path_factory.mktemp("ready") / "small")

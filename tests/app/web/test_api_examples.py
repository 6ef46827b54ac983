"""Whatever the OpenAPI description allows, and much that it does not, the API answers as described:
no server error, no undescribed status or shape. Examples are schemathesis', always the same few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from app.web.api.application import ROOT
from app.web.permissions import ROUTES, Answered
from app.web.uploads import Budgets
from core.collection.types import Collection
from tests.app.web.conftest import HOME, Visit, visit

API = [route for route in ROUTES if route.path.startswith(ROOT)]
PLENTY = Budgets(jobs_per_visitor=10_000, jobs_per_address=10_000, per_hour=100_000)


@pytest.fixture(scope="module")
def made(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A studio with a run and an entry in it."""
    one = visit(ready, tmp_path_factory.mktemp("examples"), PLENTY)
    with one.client:
        recipe = {"class": "cubism", "seed": 3, "steps": 2}
        job = one.client.post("/api/v1/generations", json=recipe).json()
        one.client.get(job["events"])
        yield one


@pytest.fixture(scope="module")
def described(made: Visit) -> Any:
    return schemathesis.openapi.from_dict(made.client.get("/openapi.json").json())


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("route", API, ids=lambda route: f"{route.method} {route.path}")
def test_no_request_is_answered_by_a_server_error(
    made: Visit, described: Any, route: Answered, mode: GenerationMode
) -> None:
    operation = described[route.path.removeprefix(ROOT)][route.method]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=10,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        asked = case.as_transport_kwargs(base_url=f"{HOME}{ROOT}")
        asked.pop("cookies", None)
        answer = made.client.request(**asked)
        assert answer.status_code < 500, answer.text
        if answer.headers["content-type"] == "application/json":
            said = operation.definition.raw["responses"][str(answer.status_code)]
            shape = {"components": described.raw_schema["components"]}
            jsonschema.validate(
                answer.json(), said["content"]["application/json"]["schema"] | shape
            )

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # a route that takes nothing

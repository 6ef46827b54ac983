"""The flow preset in small: a transformer is trained, asked and compared like any other model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.diffusion.flow_schedule import FlowSchedule
from core.errors import UsageError
from core.evaluation.benchmark import Benchmark
from core.evaluation.data import digits
from core.evaluation.experiments import EXPERIMENTS
from core.evaluation.models import FlowPlan, blank_model
from core.evaluation.presets import PRESETS
from core.evaluation.runner import Finished, run_experiment
from core.progress import Progress
from tests.core.evaluation.tiny import TINY

FLOW = replace(
    TINY,
    name="flow-tiny",
    plan=FlowPlan(patch=4, width=16, heads=2, depth=1),
    sampler=PRESETS["workshops-flow"].sampler,
    subsets=4,
    twice=2,
    timesteps=(2,),
)


def test_the_answer_is_a_velocity_of_the_pictures_shape_and_the_start_is_the_seeds() -> None:
    plan = PRESETS["workshops-flow"].plan
    one, same, other = (blank_model(plan, (3, 32, 32), seed) for seed in (1, 1, 2))
    assert isinstance(one.schedule, FlowSchedule)
    x, t = torch.randn(2, 3, 32, 32), torch.tensor([10, 900])
    assert one.predict(x, t, None).shape == x.shape
    sigma = one.schedule.sigma(t).reshape(-1, 1, 1, 1).float()
    noise = x + (1 - sigma) * one.predict(x, t, None)
    torch.testing.assert_close(one.predict_noise(x, t, None), noise)
    assert one.digest == same.digest != other.digest
    one.network.train()
    assert torch.equal(one.predict(x, t, None), one.predict(x, t, None))


def test_one_command_makes_every_figure_and_a_second_one_nothing(tmp_path: Path) -> None:
    def run() -> tuple[list[Progress], Finished]:
        bench = Benchmark(FLOW, digits(FLOW.works, FLOW.validation, 0), tmp_path)
        *events, finished = run_experiment(bench, EXPERIMENTS["table1"])
        assert isinstance(finished, Finished)
        return [one for one in events if isinstance(one, Progress)], finished

    events, finished = run()
    assert any("full" in event.phase for event in events)
    assert all(np.isfinite(row.lds) for row in finished.rows if row.lds is not None)
    again, second = run()
    assert not any(event.phase.startswith("Training") for event in again)
    assert [row.lds for row in second.rows] == [row.lds for row in finished.rows]


def test_the_preset_paints_as_flows_paint() -> None:
    sampler = PRESETS["workshops-flow"].sampler
    assert not sampler.clip and sampler.eta == 0.0
    with pytest.raises(UsageError, match="There is no preset"):
        from core.evaluation.presets import preset

        preset("workshops-flows")

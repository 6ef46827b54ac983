"""No number in float64 lies on a device that has none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from core.attribution.features.objectives import OBJECTIVES, objective
from core.attribution.features.quantization import STORAGES, Packed
from core.attribution.methods import method
from core.attribution.scoring.index import Works, build_index
from core.diffusion import tensors
from core.diffusion.schedule import NoiseSchedule
from core.diffusion.tensors import float64_device, to_float64

MPS = torch.device("mps")
SCHEDULE = NoiseSchedule.from_config({"beta_start": 1e-4, "beta_end": 0.02})


class Apple(TorchDispatchMode):
    """Refuses every float64 tensor on `mps`, as Apple's GPUs do."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        for value in tree_leaves(answer):
            if isinstance(value, torch.Tensor) and value.device.type == "mps":
                assert value.dtype != torch.float64, f"{func} made float64 on mps"
        return answer


def test_float64_of_apples_gpu_is_the_processors() -> None:
    assert float64_device(MPS) == torch.device("cpu")
    assert float64_device("mps:0") == torch.device("cpu")
    assert float64_device("cpu") == torch.device("cpu")
    assert float64_device("cuda:1") == torch.device("cuda:1")


def test_the_stand_in_refuses_what_apple_refuses() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True), Apple():
        with pytest.raises(AssertionError, match="float64 on mps"):
            torch.empty(3, device=MPS).double()
        with pytest.raises((AssertionError, RuntimeError), match="mps"):
            torch.empty(3, dtype=torch.float64).to(MPS)


def test_numbers_become_float64_on_the_processor() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True), Apple():
        wide = to_float64(torch.empty(3, device=MPS))
        assert wide.dtype == torch.float64 and wide.device.type == "cpu"


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_noise_is_added_without_float64_there(prediction: str) -> None:
    schedule = NoiseSchedule(SCHEDULE.betas, SCHEDULE.alphas_cumprod, prediction)
    times = torch.tensor([10, 500])
    with FakeTensorMode(allow_non_fake_inputs=True), Apple():
        latents = torch.empty(2, 4, 8, 8, device=MPS)
        for made in (schedule.add_noise, schedule.target, schedule.to_noise):
            assert made(latents, latents, times).dtype == torch.float32


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_objectives_need_none(name: str) -> None:
    times = torch.tensor([10, 500])
    with FakeTensorMode(allow_non_fake_inputs=True), Apple():
        answer = torch.empty(2, 4, 8, 8, device=MPS)
        assert objective(name)(answer, answer, times, SCHEDULE).dtype == torch.float32


@pytest.mark.parametrize("storage", STORAGES)
def test_rows_that_are_summed_in_float64_stay_where_that_is(storage: str) -> None:
    rows = Packed.of(torch.randn(5, 16), storage)
    assert rows.to(MPS).values.device.type == "cpu"
    query = torch.randn(16)
    torch.testing.assert_close(rows.to(MPS).products(query), rows.products(query))


def test_an_index_for_apples_gpu_scores_on_the_processor() -> None:
    phi = torch.randn(20, 32)
    index = build_index(method("d-trak"), Works.of(phi), phi[:5] + 1, "s")
    assert (index.to(MPS).scores(phi[3]) == index.scores(phi[3])).all()


def test_only_devices_without_it_are_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "WITHOUT_FLOAT64", frozenset({"meta"}))
    assert float64_device("meta") == torch.device("cpu")
    assert float64_device(MPS) == MPS

"""Which models and adapters other attribution tools take: their own gradient code, tried on ours.

    pip install --no-deps --target PEERS dattri kronfluence    # remove PEERS/tests afterwards
    PYTHONPATH=.:PEERS python -m tests.benchmarks.peers

In: a tiny random pipeline per family with a LoRA, and of one family with peft's other adapters.
Out: per tool whether its per-example gradient (or the modules that it tracks) covers the adapter's
own numbers and equals a backward per example; what it raises, where it raises. The table in
assets/docs/peers.md is this program's.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from torch.func import functional_call

from core.diffusion.conditioning import Conditioning
from core.diffusion.pipeline_model import PipelineModel
from tests.tiny_families import PIPELINES

FAMILIES = ("SD 1.x", "SDXL", "SD 3", "FLUX.1 dev", "Z-Image")
KINDS: dict[str, Any] = {
    "LoRA": LoraConfig(r=2, target_modules=["to_q"], init_lora_weights=False),
    "DoRA": LoraConfig(r=2, target_modules=["to_q"], use_dora=True, init_lora_weights=False),
    "LoHa": LoHaConfig(r=2, alpha=2, target_modules=["to_q"], init_weights=False),
    "LoKr": LoKrConfig(r=2, alpha=2, target_modules=["to_q"], init_weights=False),
}
MARKS = ("lora_", "hada_", "lokr_")


class Loss(nn.Module):
    """The mean squared answer of a network to noisy latents: one number per example."""

    def __init__(self, model: PipelineModel, given: Conditioning) -> None:
        super().__init__()
        self.network, self.model, self.given = model.network, model, given

    def forward(self, noisy: Tensor, *given: Tensor) -> Tensor:
        lengths = None if self.given.lengths is None else self.given.lengths[: len(noisy)]
        own = replace(self.given.of(given), lengths=lengths)
        answer = self.model.predict(noisy, torch.tensor([500] * len(noisy)), own)
        return answer.flatten(1).square().mean(1)


def loss_of(family: str, kind: str) -> tuple[Loss, tuple[Tensor, ...], list[str]]:
    model = PipelineModel(PIPELINES[family](0), name="peer")
    torch.manual_seed(0)
    inject_adapter_in_model(KINDS[kind], model.network)
    given = model.condition(["a cubism painting", "a cubism painting"])
    loss = Loss(model, given).eval()
    names = [name for name, _ in loss.named_parameters() if any(mark in name for mark in MARKS)]
    for name, value in loss.named_parameters():
        value.requires_grad_(name in names)
    return loss, (torch.randn(2, *model.latent_shape), *given.tensors), names


def expected(loss: Loss, batch: tuple[Tensor, ...], names: list[str]) -> Tensor:
    """A backward per example."""
    parameters = dict(loss.named_parameters())
    rows = []
    for at in range(len(batch[0])):
        value = loss(*(one[at : at + 1] for one in batch)).sum()
        parts = torch.autograd.grad(value, [parameters[name] for name in names])
        rows.append(torch.cat([part.flatten() for part in parts]))
    return torch.stack(rows)


def by_trak(loss: Loss, batch: tuple[Tensor, ...], names: list[str]) -> Tensor:
    from trak.gradient_computers import FunctionalGradientComputer
    from trak.modelout_functions import AbstractModelOutput

    class Output(AbstractModelOutput):
        def __init__(self) -> None:
            pass

        def get_output(self, model: Any, weights: Any, buffers: Any, *one: Tensor) -> Tensor:
            inputs = tuple(value[None] for value in one)
            return functional_call(model, {**weights, **buffers}, inputs).sum()

        def get_out_to_loss_grad(self, model: Any, weights: Any, buffers: Any, batch: Any) -> Any:
            return torch.ones(len(batch[0]), 1)

    count = sum(value.numel() for name, value in loss.named_parameters() if name in names)
    computer = FunctionalGradientComputer(
        loss, Output(), count, torch.float32, torch.device("cpu"), grad_wrt=names
    )
    computer.load_model_params(loss)
    made = computer.compute_per_sample_grad(batch)
    return torch.cat([made[name].flatten(1) for name in names], 1)


def by_dattri(loss: Loss, batch: tuple[Tensor, ...], names: list[str]) -> Tensor:
    from dattri.task import AttributionTask

    def of_one(parameters: Any, data: Any) -> Tensor:
        inputs = tuple(value[None] for value in data)
        return functional_call(loss, parameters, inputs).sum()

    task = AttributionTask(of_one, loss, loss.state_dict())
    whole: Tensor = task.get_grad_loss_func(in_dims=(None, 0))(task.get_param(ckpt_idx=0)[0], batch)
    # of the parameters that want a gradient, in their order: the adapter's
    wanted = [value.numel() for value in loss.parameters() if value.requires_grad]
    assert whole.shape[1] == sum(wanted), whole.shape
    return whole


def by_kronfluence(loss: Loss, batch: tuple[Tensor, ...], names: list[str]) -> Tensor:
    """Only which modules it wraps: what it tracks, it differentiates."""
    from kronfluence.module import TrackedModule
    from kronfluence.module.utils import wrap_tracked_modules

    wrap_tracked_modules(loss)
    tracked = [one for one in loss.modules() if isinstance(one, TrackedModule)]
    inside = {id(value) for one in tracked for value in one.parameters(recurse=True)}
    own = [value for name, value in loss.named_parameters() if any(m in name for m in MARKS)]
    missing = sum(id(value) not in inside for value in own)
    if missing:
        raise RuntimeError(f"{missing} of {len(own)} tensors are in no tracked module")
    return torch.zeros(0)


TOOLS: dict[str, Callable[..., Tensor]] = {
    "trak": by_trak,
    "dattri": by_dattri,
    "kronfluence": by_kronfluence,
}


def tried() -> Iterator[tuple[str, str, str]]:
    """Model and adapter, tool, what came of it."""
    for family in FAMILIES:
        for kind in KINDS if family == "SD 3" else ("LoRA",):
            for tool, run in TOOLS.items():
                loss, batch, names = loss_of(family, kind)
                wanted = expected(loss, batch, names)
                try:
                    made = run(loss, batch, names)
                # whatever a tool raises is its answer
                except Exception as error:  # noqa: BLE001
                    yield f"{family}, {kind}", tool, f"{type(error).__name__}: {str(error)[:140]}"
                    continue
                if made.numel() == 0:
                    yield f"{family}, {kind}", tool, "tracks every tensor"
                    continue
                off = float((made.detach().flatten(1) - wanted).norm() / wanted.norm())
                yield f"{family}, {kind}", tool, f"relative difference {off:.1e}"


if __name__ == "__main__":
    TOOLS = {name: TOOLS[name] for name in sys.argv[1:]} or TOOLS
    warnings.simplefilter("ignore")
    for model, tool, words in tried():
        sys.stdout.write(f"{model:<20}{tool:<14}{words}\n")
        sys.stdout.flush()

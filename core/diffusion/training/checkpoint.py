"""A training run's state: weights, Adam's moments, finished steps; and its learning rate.

In: named parameters and their optimizer. Out: one safetensors file, read back bit for bit.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from core.diffusion.tensors import read_tensors, save_tensors, undamaged
from core.errors import ModelError

MOMENTS = ("exp_avg", "exp_avg_sq")
AGAIN = "Remove that file to train from the beginning."


def cosine(step: int, steps: int, peak: float, warmup: int, floor: float = 0.02) -> float:
    """The learning rate at `step`: linear warm-up, then half a cosine to `floor` times the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    turn = float(torch.cos(torch.tensor(progress * torch.pi)))
    return peak * (floor + (1.0 - floor) * 0.5 * (1.0 + turn))


@torch.no_grad()
def follow(average: dict[str, Tensor], parameters: dict[str, nn.Parameter], decay: float) -> None:
    """average <- decay * average + (1 - decay) * parameter."""
    targets = list(average.values())
    torch._foreach_lerp_(targets, [parameters[name].detach() for name in average], 1.0 - decay)


def save_training(
    path: Path,
    parameters: dict[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    step: int,
    average: dict[str, Tensor] | None = None,
) -> None:
    """Weights, Adam's moments, the moving average and the step, in one safetensors file."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        tensors[f"weight.{name}"] = parameter.detach()
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{key}.{name}"] = value
    for name, value in (average or {}).items():
        tensors[f"average.{name}"] = value
    save_tensors(path, tensors, {"step": str(step)})


def _require_fitting(
    path: Path,
    tensors: dict[str, Tensor],
    parameters: dict[str, nn.Parameter],
    average: dict[str, Tensor],
) -> None:
    """Before anything is restored: half of one training and half of another would be neither."""
    wanted = {f"weight.{name}": value.shape for name, value in parameters.items()}
    for name, value in parameters.items():
        if f"step.{name}" in tensors:
            wanted |= {f"{key}.{name}": value.shape for key in MOMENTS}
    for name, tensor in average.items():
        if f"average.{name}" in tensors:
            wanted[f"average.{name}"] = tensor.shape
    for name, shape in wanted.items():
        if name not in tensors or tensors[name].shape != shape:
            raise ModelError(
                f"The unfinished training {path} is of another model: its '{name}' is missing or "
                f"of another shape. {AGAIN}"
            )


def load_training(
    path: Path,
    parameters: dict[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor] | None = None,
) -> int:
    """Restore what `save_training` wrote, where each thing lies (`average` in place); 0 when there
    is nothing. Returns the finished steps. Raises `ModelError` where the file is damaged, or of
    another model."""
    if not path.is_file():
        return 0
    tensors, _ = undamaged(
        lambda: read_tensors(path),
        f"The unfinished training {path}",
        AGAIN,
        ModelError,
    )
    _require_fitting(path, tensors, parameters, average or {})
    group = optimizer.param_groups[0]
    counted_there = bool(group.get("fused") or group.get("capturable"))
    finished = 0
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[f"weight.{name}"])
            if average is not None and f"average.{name}" in tensors:
                average[name].copy_(tensors[f"average.{name}"])
            if f"step.{name}" not in tensors:
                continue
            step = tensors[f"step.{name}"].clone()
            finished = max(finished, int(step.item()))  # a part may have begun later
            moments = {
                key: tensors[f"{key}.{name}"].to(parameter.device, copy=True) for key in MOMENTS
            }
            there = step.to(parameter.device) if counted_there else step
            optimizer.state[parameter] = {"step": there, **moments}
    return finished

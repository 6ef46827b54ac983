"""How many noisy rows fit: counted on one, kept within a budget, halved where it was wrong.

In: a model, an objective, one picture's examples, a budget in bytes. Out: rows a pass. Knows no
store.
"""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch
from torch import Tensor

from core.attribution.features.gradients import Examples
from core.attribution.features.objectives import Objective
from core.diffusion.functional import requiring_grad
from core.diffusion.protocol import DiffusionModel
from core.errors import UsageError

SHARE = 0.6  # of the memory that is free, where no budget is given
SPARE = 1.3  # what a pass takes beside what it keeps for the way back


@dataclass(frozen=True)
class Pass:
    """`pictures` a pass, and the `rows` (timesteps) of each that are differentiated together."""

    pictures: int
    rows: int

    def smaller(self) -> Pass:
        """Half of it: fewer pictures first, then fewer rows. Raises `UsageError` at one row."""
        if self.pictures > 1:
            return Pass(self.pictures // 2, self.rows)
        if self.rows > 1:
            return Pass(1, self.rows // 2)
        raise UsageError(
            "Not even one timestep of one picture fits into the memory of this device. Free some, "
            "or use a device with more: `--device cpu` is slower but takes any model."
        )


def free_bytes(device: torch.device) -> int:
    """What the device has left for us."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def kept_bytes(model: DiffusionModel, objective: Objective, examples: Examples) -> int:
    """What one row of one picture keeps for the backward pass: each piece of memory once."""
    own = {value.untyped_storage().data_ptr() for value in model.network.parameters()}
    seen: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        return value

    times, noise = examples.timesteps[:1], examples.noise[0, :1]
    with (
        requiring_grad(model.attributed_parameters().values(), True),
        torch.enable_grad(),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept),
    ):
        noisy = model.schedule.add_noise(examples.latents[:1], noise, times)
        conditioning = None if examples.conditioning is None else examples.conditioning[:1]
        prediction = model.predict_noise(noisy, times, conditioning)
        # held until it is counted: freed memory would be given out, and counted, twice
        value = objective(prediction, noise, times, model.schedule)
        del value
    return sum(seen.values())


def plan_pass(
    model: DiffusionModel, objective: Objective, examples: Examples, budget: int | None
) -> Pass:
    """How much fits at once. On a CPU one picture at a time: no number depends on its neighbours.

    `budget` in bytes; None: most of what is free now. Raises `UsageError` for a budget that holds
    not even the gradients of one picture.
    """
    rows = len(examples.timesteps)
    room = int(SHARE * free_bytes(model.device)) if budget is None else budget
    gradients = 2 * 4 * sum(value.numel() for value in model.attributed_parameters().values())
    if room <= gradients:
        raise UsageError(
            f"A budget of {room / 1e9:.1f} GB holds no gradient of this model, which takes "
            f"{gradients / 1e9:.1f} GB a picture. Give more with --memory."
        )
    a_row = max(1, int(SPARE * kept_bytes(model, objective, examples)))
    if model.device.type == "cpu":
        return Pass(1, max(1, min(rows, (room - gradients) // a_row)))
    pictures = room // (rows * a_row + gradients)
    if pictures:
        return Pass(int(pictures), rows)
    return Pass(1, max(1, min(rows, (room - gradients) // a_row)))

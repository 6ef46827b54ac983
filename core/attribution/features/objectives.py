"""The functions f whose gradient is a feature (specification of D-TRAK, section 1.2).

In: the prediction and the true noise of each row. Out: one number per row. Knows no model. All but
`simple` and `elbo` ignore the noise: that is D-TRAK's point.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core.diffusion.schedule import Schedule
from core.errors import UsageError

Objective = Callable[[Tensor, Tensor, Tensor, Schedule], Tensor]
# before a name: the same function of the network's own answer (v, or a flow's velocity) and of what
# it should have answered, in place of eps_theta and eps
ANSWER = "answer-"


def l_simple(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """(1/d) ||eps_theta - eps||^2, the training loss (TRAK). `[b, ...] -> [b]`."""
    return (prediction - noise).flatten(1).square().mean(1)


def l_square(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """(1/d) ||eps_theta||^2 (D-TRAK). `[b, ...] -> [b]`."""
    return prediction.flatten(1).square().mean(1)


def l_average(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """(1/d) sum eps_theta, the signed mean (L_Avg of D-TRAK). `[b, ...] -> [b]`."""
    return prediction.flatten(1).mean(1)


def l_1(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """||eps_theta||_1 (L_1 of D-TRAK). `[b, ...] -> [b]`."""
    return prediction.flatten(1).abs().sum(1)


def l_2(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """||eps_theta||_2 (L_2 of D-TRAK). `[b, ...] -> [b]`."""
    return torch.linalg.vector_norm(prediction.flatten(1), dim=1)


def l_inf(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """||eps_theta||_inf (L_inf of D-TRAK). `[b, ...] -> [b]`."""
    return prediction.flatten(1).abs().amax(1)


def l_elbo(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
    """w_t (1/d) ||eps_theta - eps||^2 with the variational bound's weight w_t of the schedule.
    `[b, ...] -> [b]`."""
    return schedule.elbo_weights(t).to(prediction) * l_simple(prediction, noise, t, schedule)


def interpolated(eta: float) -> Objective:
    """eta L_Square + (1 - eta)(L_Simple - L_Square): eta = 1 is D-TRAK, eta = 1/2 is TRAK / 2."""

    def objective(prediction: Tensor, noise: Tensor, t: Tensor, schedule: Schedule) -> Tensor:
        square = l_square(prediction, noise, t, schedule)
        return eta * square + (1.0 - eta) * (l_simple(prediction, noise, t, schedule) - square)

    return objective


OBJECTIVES: dict[str, Objective] = {
    "simple": l_simple,
    "square": l_square,
    "average": l_average,
    "l1": l_1,
    "l2": l_2,
    "linf": l_inf,
    "elbo": l_elbo,
}


def objective(name: str) -> Objective:
    """By name; "eta=0.3" is an interpolation, "answer-square" L_Square of the network's own answer.
    An unknown name is a `UsageError`."""
    given, name = name, name.removeprefix(ANSWER)
    if name in OBJECTIVES:
        return OBJECTIVES[name]
    head, _, value = name.partition("=")
    if head == "eta":
        try:
            return interpolated(float(value))
        except ValueError:
            pass
    raise UsageError(
        f"There is no objective '{given}'. Choose one of: {', '.join(OBJECTIVES)}, eta=NUMBER; "
        f"or one of them after '{ANSWER}', of the network's own answer."
    )


def of_answer(name: str) -> bool:
    """Whether it is taken of the network's own answer."""
    return name.startswith(ANSWER)

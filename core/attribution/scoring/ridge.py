"""How the ridge, lambda, is chosen where no benchmark chooses it.

In: a kind and a value. Out: a rule that a kernel's spectrum turns into lambda (`Kernel.lambda_`).
Knows no features.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LambdaRule:
    """How lambda is chosen without a benchmark.

    `dof`: tr K(K + lambda)^-1 = value x min(n, k), a share of the directions; `mean-eigenvalue`:
    value x trace(Phi Phi') / n; `fixed`: the value itself.
    """

    kind: str
    value: float

    def __str__(self) -> str:
        """As a table states it."""
        return f"{self.kind} {self.value:g}"


DEFAULT_RULE = LambdaRule("dof", 0.3)  # chosen by `evaluate lds --experiment rules`

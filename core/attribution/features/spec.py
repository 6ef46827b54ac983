"""Everything that changes a feature's numbers, as one value with a digest.

Features and indices carry the digest; another digest is refused by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from core.attribution.features.timesteps import TimestepRule
from core.errors import require_one_of

NOISE_MODES = ("shared", "independent", "cycle")
PROJECTIONS = ("sjlt", "identity", "dense", "trak")
NO_PRECONDITIONER, EK_FAC = "none", "ek-fac"
PRECONDITIONERS = (NO_PRECONDITIONER, EK_FAC)


@dataclass(frozen=True)
class NoiseRule:
    """Which noise a work gets at timestep t, `draws` samples per timestep.

    `shared`: from (seed, t) alone, the same for all; `independent`: from (seed, content, t);
    `cycle`: the reference's rule, from (seed, t, position modulo `period`).
    """

    mode: str = "shared"
    seed: int = 0
    draws: int = 1
    period: int = 32

    def __post_init__(self) -> None:
        require_one_of("noise mode", self.mode, NOISE_MODES)


@dataclass(frozen=True)
class ProjectionSpec:
    """How a gradient of p numbers becomes a feature of `dimension` numbers."""

    kind: str = "sjlt"
    dimension: int = 4096
    seed: int = 0
    num_sms: int = 0  # CudaProjector's matrix depends on it; recorded, 0 where it plays no part

    def __post_init__(self) -> None:
        require_one_of("projection", self.kind, PROJECTIONS)


SHARED = NoiseRule()
TEN_UNIFORM = TimestepRule()
SJLT = ProjectionSpec()
LATER_FIELDS: dict[str, Any] = {"normalised": False, "preconditioner": NO_PRECONDITIONER}


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """Objective, timesteps, noise, projection, dtype: D-TRAK with shared noise by default.

    normalised: every row's gradient (one timestep with one noise) is brought to length one before
    the mean over rows. preconditioner: what that mean is multiplied by before it is projected.
    """

    objective: str = "square"
    timesteps: TimestepRule = TEN_UNIFORM
    noise: NoiseRule = SHARED
    projection: ProjectionSpec = SJLT
    dtype: str = "float32"
    normalised: bool = False
    preconditioner: str = NO_PRECONDITIONER

    def __post_init__(self) -> None:
        require_one_of("preconditioner", self.preconditioner, PRECONDITIONERS)

    def plain(self) -> dict[str, Any]:
        """As nested plain values, for json; without the later fields where they change nothing, so
        that digests of before stay."""
        values = asdict(self)
        for name, usual in LATER_FIELDS.items():
            if values[name] == usual:
                del values[name]
        return values

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> FeatureSpec:
        """The inverse of `plain`."""
        return cls(
            objective=values["objective"],
            timesteps=TimestepRule(**values["timesteps"]),
            noise=NoiseRule(**values["noise"]),
            projection=ProjectionSpec(**values["projection"]),
            dtype=values["dtype"],
            **{name: values[name] for name in LATER_FIELDS if name in values},
        )

    @cached_property
    def digest(self) -> str:
        """sha256 over every field."""
        return hashlib.sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()


DEFAULT = "default"  # the features behind D-TRAK, the trust verdict and the ledger
SPECS: dict[str, FeatureSpec] = {
    DEFAULT: FeatureSpec(),
    "average": FeatureSpec(objective="average"),
    "simple": FeatureSpec(objective="simple"),
    "latents": FeatureSpec(objective="latents"),
}

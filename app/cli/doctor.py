"""`doctor`: say what is wrong with this machine, and the remedy."""

from __future__ import annotations

import typer

from app.cli.options import AsJson, CommonOptions, spread_options
from app.cli.output import say, show_json


@spread_options
def doctor(common: CommonOptions, as_json: AsJson = False) -> None:
    """Say what is wrong here, and the remedy."""
    from app.services.doctor import examine
    from app.services.serialize import DoctorRecord, FindingRecord

    findings = examine(common.settings())
    healthy = all(finding.ok for finding in findings)
    if as_json:
        checks = tuple(FindingRecord.model_validate(finding) for finding in findings)
        show_json(DoctorRecord(ok=healthy, checks=checks))
    else:
        for finding in findings:
            say(f"{'ok   ' if finding.ok else 'wrong'}  {finding.name:<11}{finding.words}")
            if finding.remedy:
                say(f"{'':<18}{finding.remedy}")
    raise typer.Exit(0 if healthy else 1)

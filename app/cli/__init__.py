"""The command line: one command a verb; parse, call one function, show.

In: arguments. Out: an exit code: 0 done, 1 refused or failed, 2 asked wrongly. Every error is one
sentence on stderr. The commands live in `app.commands`; nothing heavy is imported before a verb
needs it, so `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from app.cli import attribute as tracing
from app.cli import evaluate as evaluation
from app.cli import import_ as library
from app.cli import ledger as credit
from app.cli import remove as removal
from app.cli import serve as studio
from app.cli import train as learning
from app.cli import workshops as painters
from app.cli.output import complain
from core.errors import CreditlineError, UsageError

OK, REFUSED, USAGE, INTERRUPTED = 0, 1, 2, 130


def _group(text: str) -> typer.Typer:
    return typer.Typer(help=text, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


app = typer.Typer(
    name="creditline",
    help="Generate a picture, see which training works shaped it, and who is credited. "
    "Without a verb: serve.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
ledger = _group("Totals, entries, statements, proof of the ledger.")
workshops = _group("The painters of the embedded collection.")
evaluate = _group("Check the attribution where the truth is known.")

app.command("serve")(studio.serve)
app.command("collections")(library.collections)
app.command("import")(library.import_pictures)
app.command("remove")(removal.remove)
app.command("train")(learning.train)
app.command("featurize")(learning.featurize)
app.command("generate")(tracing.generate)
app.command("attribute")(tracing.attribute)
app.command("methods")(tracing.methods)
app.command("score")(tracing.score)
app.add_typer(evaluate, name="evaluate")
app.add_typer(ledger, name="ledger")
app.add_typer(workshops, name="workshops")
app.command("doctor")(studio.doctor)

evaluate.command("lds")(evaluation.evaluate_lds)
evaluate.command("artists")(evaluation.evaluate_artists)
evaluate.command("counterfactual")(evaluation.evaluate_counterfactual)
evaluate.command("artist")(evaluation.evaluate_artist)
evaluate.command("report")(evaluation.evaluate_report)
evaluate.command("retrieval")(evaluation.evaluate_retrieval)

ledger.command("totals")(credit.totals)
ledger.command("entries")(credit.entries)
ledger.command("artist")(credit.artist)
ledger.command("statement")(credit.statement)
ledger.command("reverse")(credit.reverse)
ledger.command("verify")(credit.verify)
ledger.command("export")(credit.export)

workshops.command("list")(painters.list_workshops)
workshops.command("paint")(painters.paint)
workshops.command("build")(painters.build)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and say how it ended. Without a verb, the studio is served."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] != "--help"):
        given.insert(0, "serve")
    try:
        result = app(given, prog_name="python -m app", standalone_mode=False)
        return result if isinstance(result, int) else OK
    except UsageError as error:
        complain(error.message)
        return USAGE
    except CreditlineError as error:
        complain(error.message)
        return REFUSED
    except TyperException as error:
        complain(f"{error.format_message().rstrip('.')}. `python -m app {_verb(given)}--help`")
        return USAGE
    except (KeyboardInterrupt, typer.Abort):
        complain("Stopped. What was finished is kept; nothing was half-recorded.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        complain(f"{error.strerror or error}{where}. Check the path, its permissions, the disk.")
        return REFUSED
    except Exception as error:  # noqa: BLE001 - the edge: a person gets a sentence, never a stack
        complain(_unforeseen(error))
        return REFUSED


def _verb(given: Sequence[str]) -> str:
    """The verb (and its second word) that were asked for, to point to the right --help."""
    known = {command.name for command in app.registered_commands}
    groups = {group.name for group in app.registered_groups}
    return f"{given[0]} " if given and given[0] in known | groups else ""


def _unforeseen(error: Exception) -> str:
    """Keep the whole story in a log under CREDITLINE_HOME; tell where."""
    from app.services.errors import keep_report, log_file

    reference = keep_report(error)
    kept = "No report could be kept."
    if reference != "none":
        kept = f"The report {reference} is in {log_file()}."
    return (
        f"Something went wrong that was not foreseen ({type(error).__name__}). "
        f"Nothing was half-recorded. {kept}"
    )

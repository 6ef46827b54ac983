"""The command line: one command per verb; parse, call one function, show.

In: arguments. Out: an exit code: 0 done, 1 refused or failed, 2 wrong usage. Every error is one
sentence on stderr. Each verb is a file of this folder; nothing heavy is imported before a verb
needs it, so `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from app.cli import (
    accounts,
    artists,
    attribute,
    collections,
    disputes,
    doctor,
    evaluate,
    featurize,
    generate,
    import_,
    mcp,
    provenance,
    remove,
    serve,
    summary,
    train,
    verify,
    workshops,
)
from app.cli.output import complain
from core.errors import CreditlineError, UsageError

OK, REFUSED, USAGE, INTERRUPTED = 0, 1, 2, 130


app = typer.Typer(
    name="creditline",
    help="Generate a picture, see which training works shaped it, and who is credited. "
    "Without a verb: serve.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("collections")(collections.collections)
app.command("import")(import_.import_pictures)
app.command("summary")(summary.summary)
app.command("remove")(remove.remove)
app.command("train")(train.train)
app.command("featurize")(featurize.featurize)
app.command("generate")(generate.generate)
app.command("attribute")(attribute.attribute)
app.command("methods")(attribute.methods)
app.command("score")(attribute.score)
app.command("verify")(verify.verify)
app.add_typer(accounts.verbs, name="accounts")
app.add_typer(artists.verbs, name="artists")
app.add_typer(evaluate.verbs, name="evaluate")
app.add_typer(disputes.verbs, name="ledger")  # the ledger's, and those about disputes
app.add_typer(provenance.verbs, name="provenance")
app.add_typer(workshops.verbs, name="workshops")
app.command("mcp")(mcp.mcp)
app.command("doctor")(doctor.doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and say how it ended. Without a verb, the studio is served."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if not argv or (argv[0].startswith("-") and argv[0] != "--help"):
        argv.insert(0, "serve")
    try:
        result = app(argv, prog_name="python -m app", standalone_mode=False)
        return result if isinstance(result, int) else OK
    except UsageError as error:
        complain(error.message)
        return USAGE
    except CreditlineError as error:
        complain(error.message)
        return REFUSED
    except TyperException as error:
        complain(f"{error.format_message().rstrip('.')}. `python -m app {_verb(argv)}--help`")
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


def _verb(argv: Sequence[str]) -> str:
    """The verb (and its second word) that were typed, to point to the right --help."""
    known = {command.name for command in app.registered_commands}
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    if not argv or argv[0] not in known | groups.keys():
        return ""
    group = groups.get(argv[0])
    inner = {command.name for command in group.registered_commands} if group is not None else set()
    second = f"{argv[1]} " if len(argv) > 1 and argv[1] in inner else ""
    return f"{argv[0]} {second}"


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

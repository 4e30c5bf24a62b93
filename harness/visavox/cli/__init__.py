"""Layer 6: words and exit codes.

0 PASS, 1 FAIL, 2 INCONCLUSIVE (from a decision alone); 3 error, refused or unreadable evidence; 4 usage or
configuration; 130 interrupted. ``run`` exits 0 when the report was built, whatever the verdict; ``gate`` gives it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from types import FrameType
from typing import NoReturn

import click

from visavox.core.errors import VisavoxError
from visavox.core.terms import Verdict

from .commands import cli

ERROR, USAGE, INTERRUPTED = 3, 4, 130
_AGAIN_S = 0.05
EXIT_OF = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2}


def main(argv: list[str] | None = None) -> None:
    """The command ``visavox``; ends the process with one of the codes above."""
    # Idle OpenMP threads sleep instead of spinning: on a shared CPU the judges run several times faster.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGTERM, _interrupt)  # ends like Ctrl-C, tidily
    sys.unraisablehook = _interrupt_again
    sys.exit(exit_code(argv))


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    """Raised here, not passed on as SIGINT, which is ignored in what a script starts with ``&``."""
    raise KeyboardInterrupt


def _interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """A Ctrl-C that falls into a finaliser or a weak reference's callback would be lost there: it comes once more."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        again = threading.Timer(_AGAIN_S, os.kill, [os.getpid(), signal.SIGTERM])
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _shown(error: VisavoxError) -> str:
    """An error's lines; what a stranger wrote into a file is shown there and is no command to a terminal or a CI."""
    from visavox.reporting.wording import uncommanded, visible

    first, *more = str(error).split("\n")
    return "\n".join(uncommanded(visible(line)) for line in (f"visavox: {first}", *more))


def exit_code(argv: list[str] | None = None) -> int:
    """Runs the command line and gives its exit code; prints one clear message for every error."""
    try:
        result = cli.main(args=argv, prog_name="visavox", standalone_mode=False)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; the same command continues the run", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return ERROR
    except VisavoxError as error:
        click.echo(_shown(error), err=True)
        return error.exit_code
    except Exception:  # noqa: BLE001 - the last resort: a fault of ours must never look like a verdict
        click.echo("visavox: internal error; please report it with this trace", err=True)
        traceback.print_exc()
        return ERROR
    if isinstance(result, Verdict):
        return EXIT_OF[result]
    return result if isinstance(result, int) else 0  # click gives back the code of an Exit

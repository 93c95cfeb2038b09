"""Errors name what a user typed: options and arguments, not parameters of functions."""

from functools import wraps

import click

from cdmer._text import nearest

# Parameters of the library that commands call otherwise.
_CALLED = {"random_state": "seed", "cache_dir": "cache", "folder": "out", "n_frames": "frames"}


def name_options(command):
    """Make a command, and those in a group, name its options in errors of the library.

    ``variant: expected …`` becomes ``--variant: expected …``, ``name: …`` becomes ``NAME: …``.

    Parameters
    ----------
    command : click.Command
    """
    if isinstance(command, click.Group):
        for within in command.commands.values():
            name_options(within)
        return
    typed = {parameter.name: _typed(parameter) for parameter in command.params}
    run = command.callback

    @wraps(run)
    def callback(*arguments, **options):
        try:
            return run(*arguments, **options)
        except (ValueError, TypeError) as error:
            message = str(error)
            parameter, colon, rest = message.partition(":")
            parameter = typed.get(_CALLED.get(parameter, parameter))
            if colon and parameter is not None:
                error.args = (f"{parameter}:{rest}",)
            raise
        except EOFError as error:  # which click takes for the end of what somebody types
            raise ValueError(str(error) or "a file ends early") from error

    command.callback = callback


def _typed(parameter):
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.metavar or parameter.name.upper()


class SuggestingGroup(click.Group):
    """A group of commands that says which command may be meant."""

    def resolve_command(self, ctx, args):
        """Find the command; see `click.Group.resolve_command`."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = nearest(args[0], list(self.commands))
            if near is not None and near not in error.message:
                error.message += f" Did you mean {near!r}?"
            raise

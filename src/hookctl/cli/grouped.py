"""A command whose help shows its options under headings."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

LAST_GROUP = "Options"


class GroupedCommand(TyperCommand):
    """Lists options under the heading that `rich_help_panel` names, in the order the headings first occur.

    Typer does this with rich alone, which takes 60 ms to load and is not wanted for help in a pipe.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's private types
        """Write the arguments, then each group of options."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            argument = parameter.param_type_name == "argument"
            heading = "Arguments" if argument else getattr(parameter, "rich_help_panel", None) or LAST_GROUP
            groups.setdefault(heading, []).append(record)
        for heading in sorted(groups, key=lambda name: name == LAST_GROUP):
            with formatter.section(heading):
                # long names leave the explanations a readable width
                formatter.write_dl(groups[heading], col_max=26)

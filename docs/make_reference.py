"""Makes the reference pages of the documentation from the program itself: commands, checks, events.

`make reference` writes them; a test compares them, so that they say what the program does. Nothing in them depends on
the terminal, the environment or the version of Python.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hookctl.catalogue import load_catalogue
from hookctl.check import bodies, repeats, rotation, signatures, timestamps, transport
from hookctl.check.model import Effect
from hookctl.cli.app import COMMANDS, command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hookctl.check.model import Check
    from hookctl.model import Provider

DOCS = Path(__file__).resolve().parent

GUIDES = {
    "send": ("write-a-provider.md", "other vendors"),
    "verify": ("debug-a-401.md", "how to get hold of a delivery, and what each diagnosis means"),
    "check": ("check.md", "what its verdicts rest on"),
    "tunnel": ("tunnel.md", "options, CI, what may go wrong"),
}
"""The page about a command, and what it tells."""

RECORDS = {
    "events": ("event",),
    "send": ("delivery", "request_preview"),
    "verify": ("verdict", "unreadable"),
    "deliveries": ("ready-request-retry-refused",),
    "check": ("check",),
    "listen": ("ready-request-retry-refused",),
    "tunnel": ("tunnel", "ready-request-retry-refused"),
    "replay": ("delivery", "request_preview"),
    "webhook": ("webhook-webhook_test-webhook_manual-restored",),
    "sandbox": ("ready-call-delivery-of-a-sandbox",),
    "doctor": ("diagnostic",),
    "config": ("setting",),
}
"""The sections of machine-output.md about what a command writes for programs."""

ABOUT_COMMANDS = """\
Every command with its options, as `hookctl COMMAND --help` tells them (`-h` for short); `hookctl --version` prints the
version. What the exit codes mean stands in [exit-codes.md](exit-codes.md), what `--format json` and `--format ndjson`
write in [machine-output.md](machine-output.md)."""

ABOUT_CHECKS = """\
What `hookctl check` sends, what a correct receiver does, and why it matters; `hookctl check --list` shows the same, and
with `--format json` the usual fixes. How much a failure weighs and what the verdicts rest on stands in
[check.md](check.md).

† Your own handlers act: it runs with `--allow-side-effects` alone (the control, `valid`, always). ‡ They act where the
receiver does not accept events that it does not know; there it needs `--allow-side-effects`."""

ABOUT_EVENTS = """\
The {all} events that hookctl knows. The payloads of {documented} equal the vendor's page letter for letter:
**documented**. Of the others the page gives the name and no example; their payloads are **illustrative**: ours, in the
same shapes. `hookctl events show EVENT` prints a payload, `hookctl events schema EVENT` its JSON Schema, `hookctl send
EVENT` sends it."""

MADE = "<!-- Made from the program by `make reference`: edit that, or docs/make_reference.py. -->"

_EXTRAS = re.compile(r"\s*\[([^\[\]]*)\]$")
_LIMITS = re.compile(r"(?:(?P<low>-?\d+)<=)?x(?:(?P<compared>[<>]=)(?P<other>-?\d+))?")
_CHOICES = re.compile(r"(?P<name>.*) <(?P<choices>[\w|-]+)>")
_CODE = re.compile(r"(?<![\w`/-])(--[a-z][a-z-]*|[A-Z]+(?:_[A-Z]+)+|\.env(?:\.local)?|hookctl\.toml)(?![\w`-])")


def pages() -> dict[str, str]:
    """Return every page by its file's name."""
    return {"commands.md": commands_page(), "checks.md": checks_page(), "events.md": events_page()}


# commands


class Command(NamedTuple):
    """One command of the program, or one within such."""

    words: str
    """What is typed, `hookctl` included."""
    click: Any
    context: Any


def commands_page() -> str:
    """Return the page of all commands."""
    blocks = [
        MADE,
        "# Commands",
        ABOUT_COMMANDS,
        table(
            ("command", "does"),
            ([f"[`hookctl {name}`](#hookctl-{name})", prose(line)] for name, line in COMMANDS.items()),
        ),
    ]
    for name in COMMANDS:
        first, *inner = commands_of(name)
        blocks += command_blocks(first, "##")
        blocks += further_reading(name)
        for one in inner:
            blocks += command_blocks(one, "###")
    return joined(blocks)


def commands_of(name: str) -> list[Command]:
    """Return a command and those within it."""
    top = command()
    above = top.context_class(top, info_name="hookctl")
    click = top.get_command(above, name)
    context = click.context_class(click, info_name=name, parent=above)
    found = [Command(f"hookctl {name}", click, context)]
    for inner in click.list_commands(context) if hasattr(click, "list_commands") else ():
        own = click.get_command(context, inner)
        found.append(Command(f"hookctl {name} {inner}", own, own.context_class(own, info_name=inner, parent=context)))
    return found


def command_blocks(one: Command, heading: str) -> Iterator[str]:
    """Yield what a command's help says, under a heading."""
    words, click, context = one
    paragraphs = click.help.split("\n\n")
    yield f"{heading} {words}"
    yield prose(paragraphs[0])
    if heading == "##":
        name = words.removeprefix("hookctl ")
        yield f"![hookctl {name} in a terminal](pictures/{name}.svg)"
    yield fenced("text", f"{words} {' '.join(click.collect_usage_pieces(context))}")
    for paragraph in paragraphs[1:]:
        # Typer's mark for what is not to be broken anew
        yield verbatim(paragraph.removeprefix("\b\n")) if paragraph.startswith("\b") else prose(paragraph)
    groups: dict[str, list[Sequence[str]]] = {}
    for parameter in click.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or "--help" in parameter.opts:
            continue
        argument = parameter.param_type_name == "argument"
        group = "Arguments" if argument else getattr(parameter, "rich_help_panel", None) or "Options"
        groups.setdefault(group, []).append(parameter_row(*record))
    for group, rows in groups.items():
        yield table((group, ""), rows)


def parameter_row(names: str, text: str) -> tuple[str, str]:
    """Return the cells of an option or argument: what is typed, and what it means with choices, limits and default."""
    choices = _CHOICES.fullmatch(names)
    extras: list[str] = []
    while (found := _EXTRAS.search(text)) is not None and (words := _in_words(found[1])):
        text = text[: found.start()]
        extras[:0] = words
    sentences = [prose(text)]
    if choices is not None:
        names = choices["name"]
        sentences.append(f"One of {', '.join(f'`{choice}`' for choice in choices['choices'].split('|'))}.")
    return f"`{names}`".replace("|", "\\|"), " ".join([*filter(None, sentences), *extras])


def _in_words(extras: str) -> list[str]:
    """Return what stands in brackets at the end of an option's help as sentences; none when it is part of the text."""
    if extras.startswith("default: ") and "; x" not in extras and "<=x" not in extras:
        return [f"Default: {prose(extras.removeprefix('default: '))}."]
    sentences = []
    for part in extras.split("; "):
        limits = _LIMITS.fullmatch(part)
        if part.startswith("default: "):
            sentences.append(f"Default: {part.removeprefix('default: ')}.")
        elif part == "required":
            sentences.append("Required.")
        elif limits is not None and limits["low"] is not None:
            sentences.append(f"From {limits['low']} to {limits['other']}.")
        elif limits is not None and limits["compared"] == ">=":
            sentences.append(f"At least {limits['other']}.")
        else:
            return []
    return sentences


def further_reading(name: str) -> Iterator[str]:
    """Yield where else something stands about a command."""
    links = [f"[exit codes](exit-codes.md#hookctl-{name})"]
    if name in RECORDS:
        links.append(
            "machine output: " + ", ".join(f"[{section_name(one)}](machine-output.md#{one})" for one in RECORDS[name])
        )
    if name in GUIDES:
        page, about = GUIDES[name]
        links.append(f"[{about}]({page})")
    if name == "check":
        links.append("[every check](checks.md)")
    if name == "events":
        links.append("[every event](events.md)")
    yield f"More: {'; '.join(links)}."


def section_name(anchor: str) -> str:
    """Return what a section of machine-output.md is called, for a link to it."""
    return anchor.partition("-")[0]


# checks

SHOWN = ("severity", "sends", "expects", "why")
"""What of a check is told."""

THEMES: Mapping[str, Callable[[Provider], Sequence[Check]]] = {
    "Signatures": signatures.checks,
    "Times": timestamps.checks,
    "Headers": transport.headers,
    "Bodies": bodies.checks,
    "HTTP": transport.checks,
    "Rotation of secrets": rotation.checks,
    "Repeats and order": repeats.checks,
    "What refusals give away": lambda _: transport.leaks(),
}
"""Where the checks come from, under what they are about."""


def checks_page() -> str:
    """Return the page of all checks, of each built-in provider."""
    blocks = [
        MADE,
        "# Checks",
        ABOUT_CHECKS,
    ]
    providers = load_catalogue().providers
    for theme, checks in THEMES.items():
        found = together([(provider, check) for provider in providers for check in checks(provider)])
        rows = map(checks_row, found)
        blocks += [f"## {theme}", table(("check", "weighs", "what is sent", "expected", "why"), rows)]
    return joined(blocks)


def together(checks: Sequence[tuple[Provider, Check]]) -> list[list[tuple[Provider, Check]]]:
    """Return for each check what it is at the providers that have a use for it."""
    found: dict[str, list[tuple[Provider, Check]]] = {}
    for provider, check in checks:
        if check.absent is None:
            found.setdefault(check.id, []).append((provider, check))
    return list(found.values())


def checks_row(found: Sequence[tuple[Provider, Check]]) -> list[str]:
    """Return the cells of a check, with what differs between providers told of each."""
    (provider, check), *others = found
    mark = {Effect.NONE: "", Effect.CARRIED: " ‡", Effect.GENUINE: " †"}[check.effect]
    only = "" if others else f", {provider.title} only"
    texts = ({one.title: prose(getattr(its, name)) for one, its in found} for name in SHOWN)
    return [f"`{check.id}`{mark}{only}", *map(told, texts)]


def told(texts: Mapping[str, str]) -> str:
    """Return a text, or where providers differ each one's."""
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return "; ".join(f"{title}: {text}" for title, text in texts.items())


# events


def events_page() -> str:
    """Return the page of all events of the built-in providers."""
    catalogue = load_catalogue()
    documented = sum(event.documented for event in catalogue.events)
    blocks = [
        MADE,
        "# Events",
        ABOUT_EVENTS.format(all=len(catalogue.events), documented=documented),
    ]
    for provider in catalogue.providers:
        blocks.append(f"## {provider.title}")
        rows = (
            [
                f"`{event.name}`",
                "documented" if event.documented else "illustrative",
                prose(event.description),
                f"[sample]({path_of(event.sample_path)}), [schema]({path_of(event.schema_path)})",
            ]
            for event in provider.events
        )
        blocks.append(table(("event", "payload", "when", ""), rows))
    return joined(blocks)


def path_of(file: Any) -> str:  # noqa: ANN401 - a traversable of the fixtures
    """Return where a fixture lies, as seen from docs/."""
    return f"../fixtures/{'/'.join(Path(str(file)).parts[-3:])}"


# Markdown


def prose(text: str) -> str:
    """Return text of the program as Markdown: lines joined, options and variables as code, nothing taken for markup."""
    text = " ".join(text.split())
    pieces = text.split("`")
    # what stands between backticks is code already
    for at in range(0, len(pieces), 2):
        piece = re.sub(r"([*_<>\\])", r"\\\1", pieces[at])
        pieces[at] = _CODE.sub(lambda found: f"`{found[1]}`", piece.replace("\\_", "_"))
    return "`".join(pieces).replace("|", "\\|")


def verbatim(block: str) -> str:
    """Return lines that are not to be broken anew: examples, with what is said of one as a comment."""
    lines = block.splitlines()
    if not all(re.match(r"(\w+ \| )?hookctl ", line) for line in lines):
        return fenced("text", block)
    commented = (re.sub(r"(\S)(\s{2,})(?=\S)", r"\1\2# ", line, count=1) for line in lines)
    return fenced("console", "\n".join(f"$ {line}" for line in commented))


def fenced(language: str, text: str) -> str:
    """Return a block of code."""
    return f"```{language}\n{text}\n```"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def joined(blocks: Sequence[str]) -> str:
    """Return a page."""
    return "\n\n".join(blocks) + "\n"


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

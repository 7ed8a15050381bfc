"""Commands of the workspace (set-up, verification) carried out in a private repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coworkd.core.model import Check
from coworkd.core.redaction import NO_SECRETS, Secrets
from coworkd.core.terminal_text import plain_text
from coworkd.system.process import commands as process
from coworkd.system.process.commands import Exit, ProcessSpec, redact_file
from coworkd.system.sandbox.path_grants import allow_named_paths
from coworkd.system.sandbox.policy import Confinement

Runner = Callable[[ProcessSpec], Exit]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """How such commands are run."""

    env: Mapping[str, str]
    """The whole environment: see `process.clean_environment`."""
    marker: str
    """The value of `COWORK_RUN` by which all that they start is found again."""
    timeout: float
    """Seconds for each command."""
    output_limit: int = 10_000_000
    """Bytes of output kept of each command."""
    logs: Path | None = None
    """A folder for the output, one file per command; None: only the tail is kept."""
    secrets: Secrets = NO_SECRETS
    """Taken out of what is kept of the output."""
    confinement: Confinement | None = None
    """What holds them; None: nothing."""
    tells_refused: bool = False
    """Whether to report connections that the sandbox refuses also where it has no network."""
    run: Runner = field(default=process.run)


def carry_out(
    commands: tuple[str, ...], cwd: Path, context: CommandContext, *, every: bool = False
) -> tuple[Check, ...]:
    """Run the commands through bash one after the other, up to and including the first that is red, or `every` one."""
    checks: list[Check] = []
    for number, command in enumerate(commands, 1):
        checks.append(_run_command(command, cwd, context, number))
        if not checks[-1].green and not every:
            break
    return tuple(checks)


def _run_command(command: str, cwd: Path, context: CommandContext, number: int) -> Check:
    ended = context.run(
        ProcessSpec(
            argv=("bash", "-c", command),
            cwd=cwd,
            env=context.env,
            timeout=context.timeout,
            output_limit=context.output_limit,
            output_path=context.logs / f"{number}.log" if context.logs else None,
            marker=context.marker,
            confinement=allow_named_paths(context.confinement, command),
            tells_refused=context.tells_refused,
        )
    )
    if context.logs:
        redact_file(context.logs / f"{number}.log", context.secrets)
    # A command that was told to stop has proven nothing, whatever it said on its way out.
    code = ended.code if not ended.cancelled or ended.code else -1
    return Check(
        command=command,
        exit=code,
        seconds=ended.seconds,
        tail=context.secrets.redact(plain_text(ended.tail) + _refused_hosts_line(ended.refused)),
        timed_out=ended.timed_out,
    )


def _refused_hosts_line(entries: Sequence[str]) -> str:
    """The last line of the output of a command whose sandbox refused connections."""
    if not entries:
        return ""
    hosts = ", ".join(entries)
    advice = f"if it needs them, add `sandbox: {{network: [{hosts}]}}` to .cowork/config.yaml"
    return f"\n[the sandbox refused connections to {hosts}: {advice}]\n"

"""How set-up commands are run: in a slot before its agent starts, and where the shared caches are filled."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from coworkd.core.text_formats import last_line
from coworkd.dispatch.executors.slot_results import SlotRequest
from coworkd.merge.checkout_links.checkouts import Checkouts
from coworkd.merge.verification import verification_environment
from coworkd.slots.command_runner import CommandContext
from coworkd.slots.package_caches import CacheFill, copy_caches, fill_caches, fill_folder, shared_caches
from coworkd.slots.slot import slot_folder
from coworkd.system.git import Repo
from coworkd.system.git.object_stores import object_stores
from coworkd.system.process import commands
from coworkd.system.sandbox.path_grants import apply_grants
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities
from coworkd.system.work_environment import cache_folder, slot_variables, with_caches

_TIMEOUT = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupRuns:
    """The set-up of one workspace; safe to use from any thread."""

    state: Path
    means: Callable[[], SandboxCapabilities]
    stopping: threading.Event
    filling: threading.Lock = field(default_factory=threading.Lock)
    """Held by the thread that fills the shared caches, or copies them."""

    def give_caches(self, repo: Repo, request: SlotRequest, landed: str) -> str:
        """Fill the shared caches for this landed commit (empty: for none), and give the slot a copy of its own.

        Returns a notice where set-up has failed there: the slot has what was in them before.
        """
        with self.filling:
            notice = self._fill(repo, request, landed) if landed and request.caches else ""
            copy_caches(self.state, slot_folder(self.state, request.number), request.caches, self.means().level)
        return notice

    def remove_caches(self) -> bool:
        """Remove the shared caches; False where they are being filled or copied."""
        if not self.filling.acquire(blocking=False):
            return False
        try:
            shutil.rmtree(cache_folder(self.state), ignore_errors=True)
        finally:
            self.filling.release()
        return True

    def _fill(self, repo: Repo, request: SlotRequest, commit: str) -> str:
        fill = CacheFill(tools=request.caches, commit=commit, setup=request.setup, copy=request.copy)
        folder = fill_folder(self.state)
        places = _Places(home=folder / "home", tmp=folder / "tmp", work=folder / "repo" / "work")
        context = self._context(repo, request, places)
        shared = tuple(map(str, shared_caches(self.state, fill.tools)))
        if held := context.confinement:
            context = replace(context, confinement=replace(held, writable=(*held.writable, *shared)))
        red = fill_caches(repo, self.state, fill, context)
        if red is None:
            return ""
        said = last_line(red.tail, 300)
        return f"the package caches could not be filled: `{red.command}` failed" + (f": {said}" if said else "")

    def slot_context(self, repo: Repo, request: SlotRequest, work: Path) -> CommandContext:
        """What set-up runs with in a slot: as a verification, no program of the user's checkout."""
        folder = slot_folder(self.state, request.number)
        places = _Places(home=self.state / "homes" / request.agent, tmp=folder / "tmp", work=work)
        context = self._context(repo, request, places)
        opened = context.confinement and with_caches(context.confinement, self.state, folder)
        return replace(context, env={**context.env, **slot_variables(self.state, request.number)}, confinement=opened)

    def _context(self, repo: Repo, request: SlotRequest, places: _Places) -> CommandContext:
        for folder in (places.home, places.tmp):
            folder.mkdir(parents=True, exist_ok=True)
        env = commands.clean_environment(
            home=places.home, tmp=places.tmp, run=request.run, repo=self.state.name
        )  # fmt: skip
        env = verification_environment(env, Checkouts.of(repo, self.state))
        confinement = Confinement(
            means=self.means(), run=request.run, workdir=str(places.work),
            writable=(str(places.home), str(places.tmp), str(places.work)),
            readable=object_stores(repo.common_dir / "objects"),
        )  # fmt: skip
        context = CommandContext(
            env=env,
            marker=request.run,
            timeout=_TIMEOUT,
            confinement=apply_grants(confinement, request.sandbox),
            tells_refused=True,
        )
        return replace(context, run=partial(commands.run, cancelled=self.stopping.is_set))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """The folders that set-up commands may write."""

    home: Path
    tmp: Path
    work: Path

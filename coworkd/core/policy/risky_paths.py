"""What a path says about the danger of changing it: pure, by name alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class RiskTag(StrEnum):
    """Why a changed file deserves a second look, in the words of the review."""

    RUNS_HERE = "runs on your machine"
    CHECK_RULES = "changes how the code is checked"
    LINK_OUT = "links out of the repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """One reason for one path."""

    path: str
    tag: RiskTag


_RUNS_HERE = (
    # Hooks and what installs them, shells, editors, CI, and the manifests whose scripts an install runs.
    *(".husky/*", "*/.husky/*", ".githooks/*", "lefthook.yml", ".lefthook.yml"),
    *(".gitattributes", "*/.gitattributes", ".gitmodules", ".gitconfig"),
    *(".pre-commit-config.yaml", ".envrc", "*/.envrc", "mise.toml", ".mise.toml", ".tool-versions"),
    *(".vscode/*", "*/.vscode/*", ".idea/*", "*.code-workspace", ".devcontainer/*", ".zed/*", ".exrc", ".nvim.lua"),
    *(".github/workflows/*", ".github/actions/*", ".gitlab-ci.yml", ".circleci/*", "jenkinsfile", ".travis.yml"),
    *("azure-pipelines.yml", ".buildkite/*", "bitbucket-pipelines.yml", ".drone.yml", ".woodpecker/*"),
    *("package.json", "*/package.json", ".npmrc", "*/.npmrc", ".yarnrc.yml", ".yarn/*", ".pnpmfile.cjs"),
    *("setup.py", "*/setup.py", "build.rs", "*/build.rs", ".cargo/*", "*/.cargo/*", "*.pth", "sitecustomize.py"),
    *("makefile", "*/makefile", "justfile", "taskfile.yml", "dockerfile", "docker-compose*.yml", "compose*.yaml"),
    *(".claude/*", ".cursor/*", ".gemini/*", ".codex/*", ".opencode/*", ".mcp.json", "claude.md", "agents.md"),
)
_CHECK_RULES = (
    *("mypy.ini", "ruff.toml", ".ruff.toml", ".eslintrc*", "*/.eslintrc*", "eslint.config.*", "*/eslint.config.*"),
    *("tsconfig*.json", "*/tsconfig*.json", "pyrightconfig.json", "biome.json*", ".golangci.y*ml", "clippy.toml"),
    *(".flake8", ".pylintrc", ".rubocop.yml", "rustfmt.toml", ".swiftlint.yml", "checkstyle.xml", "phpstan.neon*"),
)
"""Of linters and type checkers. What says how tests are run is told by content: `checks.test_configuration`."""


def risks_of_path(path: str) -> tuple[Risk, ...]:
    """The risks of changing `path`; names are compared without regard to case."""
    name = path.casefold()
    found = ((RiskTag.RUNS_HERE, _RUNS_HERE), (RiskTag.CHECK_RULES, _CHECK_RULES))
    return tuple(Risk(path=path, tag=tag) for tag, patterns in found if _matches(name, patterns))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)

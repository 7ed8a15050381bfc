"""Which variables hold the keys and addresses of which provider.

Pure. `openai/gpt-5-mini` is the model `gpt-5-mini` of the provider `openai`; a name without a provider is
recognized by its prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where a provider's key and address are found, the first that is set; `keyless`: it needs no key."""

    keys: tuple[str, ...]
    bases: tuple[str, ...] = ()
    keyless: bool = False


PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider(keys=("ANTHROPIC_API_KEY",), bases=("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE")),
    "openai": Provider(keys=("OPENAI_API_KEY",), bases=("OPENAI_API_BASE", "OPENAI_BASE_URL")),
    "gemini": Provider(keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"), bases=("GEMINI_API_BASE",)),
    "openrouter": Provider(keys=("OPENROUTER_API_KEY",), bases=("OPENROUTER_API_BASE",)),
    "groq": Provider(keys=("GROQ_API_KEY",), bases=("GROQ_API_BASE",)),
    "xai": Provider(keys=("XAI_API_KEY",), bases=("XAI_API_BASE",)),
    "cerebras": Provider(keys=("CEREBRAS_API_KEY",), bases=("CEREBRAS_API_BASE",)),
    "mistral": Provider(keys=("MISTRAL_API_KEY",), bases=("MISTRAL_API_BASE",)),
    "deepseek": Provider(keys=("DEEPSEEK_API_KEY",), bases=("DEEPSEEK_API_BASE",)),
    "ollama": Provider(keys=("OLLAMA_API_KEY",), bases=("OLLAMA_API_BASE",), keyless=True),
}
NETWORK_VARIABLES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""Variables that say how this machine reaches the network, and so any provider."""
_OLLAMA = "http://127.0.0.1:11434"
_MODEL_PREFIXES = (("claude", "anthropic"), ("gpt", "openai"), ("o1", "openai"), ("o3", "openai"), ("gemini", "gemini"))
_ALIASES = {"ollama_chat": "ollama", "google": "gemini"}


def provider_of(model: str) -> str:
    """The provider's name; for a model that names none, the one its name begins like, else empty."""
    name, slash, _ = model.partition("/")
    if slash:
        return _ALIASES.get(name, name)
    return next((provider for beginning, provider in _MODEL_PREFIXES if model.startswith(beginning)), "")


def provider_settings(model: str) -> Provider:
    """What is known of a model's provider; one that is not in the table follows the custom of the others."""
    name = provider_of(model)
    custom = name.upper().replace("-", "_")
    return PROVIDERS.get(name) or Provider(keys=(f"{custom}_API_KEY",), bases=(f"{custom}_API_BASE",))


def model_variables(model: str) -> tuple[str, ...]:
    """The variables that a run of this model needs from its environment."""
    known = provider_settings(model)
    return (*known.keys, *known.bases, *NETWORK_VARIABLES)


def is_secret(name: str) -> bool:
    """Whether a variable is for the driver alone: commands of the model never see it."""
    return name.endswith(("_API_KEY", "_API_BASE", "_BASE_URL")) or any(
        name in each.keys for each in PROVIDERS.values()
    )


def litellm_target(model: str, base: str) -> tuple[str, str]:
    """The name by which litellm is to know a model, and its address.

    Ollama is asked in the format of OpenAI, which it speaks too: there tools are streamed as with any other provider.
    """
    if provider_of(model) != "ollama":
        return model, base
    return f"openai/{model.partition('/')[2]}", f"{(base or _OLLAMA).rstrip('/').removesuffix('/v1')}/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a model is reached. Empty: as its provider has it."""

    key: str = ""
    base: str = ""
    missing: str = ""
    """The variable that should hold the key, where none does."""


def find_access(model: str, env: Mapping[str, str]) -> Access:
    """Key and address out of an environment. At an address of one's own a key may not be needed."""
    known = provider_settings(model)
    key = next((env[name] for name in known.keys if env.get(name)), "")
    base = next((env[name] for name in known.bases if env.get(name)), "")
    needed = not key and not base and not known.keyless
    return Access(key=key, base=base, missing=known.keys[0] if needed else "")

"""The only module that calls litellm: one request to a model, its reply as it streams, its usage, or its error.

litellm costs seconds to import, so that happens at the first request, or when a fork server preloads it. Its own
retries, callbacks, telemetry and downloads are off.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from coworkd.agents.drivers.llm.errors import ProviderError, ProviderFailure, classify
from coworkd.agents.drivers.llm.prices import Prices, ReplyUsage
from coworkd.agents.drivers.llm.providers import NETWORK_VARIABLES, Access, litellm_target, provider_of
from coworkd.agents.drivers.llm.transcript import Reply, RequestedCall
from coworkd.agents.json_codec import Json
from coworkd.core.errors import CoworkError

_CONNECT_TIMEOUT = 15.0
"""Seconds to reach a provider."""
_READ_TIMEOUT = 600.0
"""Seconds without a byte after which a connection counts as dead; a run's own `stall` is usually shorter."""
_DEFAULT_OUTPUT = 8192
_UNREACHABLE_URL = "http://127.0.0.1:1"
_PRELOADED_MODELS = ("openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash")
_HELLO: Json = {"role": "user", "content": "hello"}
_TOOL: Json = {"type": "function", "function": {"name": "none", "parameters": {"type": "object", "properties": {}}}}
_THREAD_TIMEOUT = 5.0
_INPUT_COST = "input_cost_per_token"
_TIER = re.compile(rf"{_INPUT_COST}(?P<suffix>_above_(?P<thousands>\d+)k_tokens)")


class ModelError(CoworkError):
    """The model gave no reply; `error` says why."""

    def __init__(self, trouble: ProviderError) -> None:
        super().__init__(trouble.message)
        self.error = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request for a reply."""

    model: str
    access: Access = field(repr=False)
    messages: Sequence[Json]
    tools: Sequence[Json]
    max_output: int
    """Tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """A whole reply, with what it used; `cut`: it ended because it became too long."""

    reply: Reply
    usage: ReplyUsage
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTraits:
    """What the price table knows of a model; None: nothing."""

    prices: Prices | None
    max_input: int | None
    max_output: int


def model_traits(model: str) -> ModelTraits:
    """Prices and sizes of a model. Reads the table that litellm comes with; nothing is fetched."""
    row = _price_row(model)
    most = _count(row.get("max_output_tokens")) or _count(row.get("max_tokens")) or _DEFAULT_OUTPUT
    return ModelTraits(
        prices=_prices(row),
        max_input=_count(row.get("max_input_tokens")) or None,
        max_output=min(most, _DEFAULT_OUTPUT),
    )


def stream_reply(question: ModelRequest) -> Iterator[str | ModelAnswer]:
    """The reply in pieces, and last of all the whole of it. Raises ModelError."""
    pieces = _ReplyBuilder()
    library = load_litellm()
    # What it and its validation warn about is for its own developers; here it would only be noise, or an error.
    warnings.filterwarnings("ignore", module=r"litellm|pydantic")
    try:
        stream = library.completion(**_parameters(question))
        for chunk in stream:
            if text := pieces.add(chunk):
                yield text
    except (library.openai.OpenAIError, library.httpx.HTTPError, ValueError, OSError) as error:
        raise ModelError(classify(_failure(error), time.time())) from error
    yield pieces.answer(stream)


@cache
def load_litellm() -> Any:
    """litellm, loaded and without output of its own."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # read at import: the price table is not downloaded
    import litellm

    library = cast(Any, litellm)
    library.telemetry = False
    library.suppress_debug_info = True
    library.disable_streaming_logging = True
    library.drop_params = True
    library.disable_hf_tokenizer_download = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)  # its errors come as exceptions, and quote what was sent
    return library


@cache
def preload() -> None:
    """Load all that a request needs, by a request that no server answers: forked workers then start at once.

    Nothing leaves the machine, and no thread is left behind.
    """
    access = Access(key="none", base=_UNREACHABLE_URL)
    for model in _PRELOADED_MODELS:
        with suppress(ModelError):
            list(stream_reply(ModelRequest(model=model, access=access, messages=[_HELLO], tools=[_TOOL], max_output=1)))
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(_THREAD_TIMEOUT)


@cache
def refresh_network_settings() -> None:
    """Use the proxies and certificates of this process: what was loaded before the fork knows of none."""
    if not any(os.environ.get(name) for name in NETWORK_VARIABLES):
        return
    library = load_litellm()
    library.in_memory_llm_clients_cache.flush_cache()
    library.module_level_client = type(library.module_level_client)(timeout=_READ_TIMEOUT)


def _parameters(question: ModelRequest) -> dict[str, Any]:
    name, base = litellm_target(question.model, question.access.base)
    given: dict[str, Any] = {
        "model": name,
        "messages": list(question.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": question.max_output,
        "num_retries": 0,
        "max_retries": 0,
        "timeout": load_litellm().httpx.Timeout(_READ_TIMEOUT, connect=_CONNECT_TIMEOUT),
    }
    if question.tools:
        given["tools"] = list(question.tools)
    if base:
        given["api_base"] = base
    if question.access.key or base:
        given["api_key"] = question.access.key or "none"  # an address of one's own may need no key, its client does
    if provider_of(question.model) == "anthropic":
        given["cache_control_injection_points"] = [
            {"location": "message", "role": "system"},
            {"location": "message", "index": -1},
        ]
    return given


class _ReplyBuilder:
    """A reply as it comes together."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: list[_Call] = []
        self._places: dict[int, _Call] = {}
        self._usage: Any = None

    def add(self, chunk: Any) -> str:
        """Add a chunk; the text in it."""
        self._usage = getattr(chunk, "usage", None) or self._usage
        if not chunk.choices:
            return ""
        delta = chunk.choices[0].delta
        for part in delta.tool_calls or ():
            self._add_call(part)
        text: str = delta.content or ""
        self._text.append(text)
        return text

    def _add_call(self, part: Any) -> None:
        place: int = part.index or 0
        call = self._places.get(place)
        if call is None or (part.id and call.id and part.id != call.id):
            call = self._places[place] = _Call()
            self._calls.append(call)
        call.id = call.id or part.id or ""
        call.tool = call.tool or part.function.name or ""
        call.arguments += part.function.arguments or ""

    def answer(self, stream: Any) -> ModelAnswer:
        """The reply, if it came to its end: litellm makes up an end and a usage for a stream that just stops, so both
        are looked for in what really came."""
        finish: str | None = stream.received_finish_reason or stream.intermittent_finish_reason
        if finish is None or not any(getattr(chunk, "usage", None) is not None for chunk in stream.chunks):
            lost = "its end" if finish is None else "its usage"
            raise ModelError(
                classify(ProviderFailure(message=f"the reply of the model broke off: {lost} did not come"), 0.0)
            )
        calls = tuple(RequestedCall(id=each.id, tool=each.tool, arguments=each.arguments) for each in self._calls)
        reply = Reply(text="".join(self._text), calls=calls)
        return ModelAnswer(reply=reply, usage=_parse_usage(self._usage), cut=finish in ("length", "max_tokens"))


@dataclass(slots=True)
class _Call:
    id: str = ""
    tool: str = ""
    arguments: str = ""


def _parse_usage(usage: Any) -> ReplyUsage:
    details = getattr(usage, "prompt_tokens_details", None)
    return ReplyUsage(
        input=_count(usage.prompt_tokens),
        cached=_count(getattr(details, "cached_tokens", 0)),
        written=_count(getattr(usage, "cache_creation_input_tokens", 0)),
        output=_count(usage.completion_tokens),
    )


def _count(number: object) -> int:
    """A count as providers give it: not always there, not always sane."""
    return int(number) if isinstance(number, int | float) and 0 <= number < 1e12 else 0


def _price_row(model: str) -> dict[str, Any]:
    table: dict[str, dict[str, Any]] = load_litellm().model_cost
    bare = model.removeprefix(f"{provider_of(model)}/")
    names = (model, bare, bare.removeprefix("responses/"))
    return table[found] if (found := next((name for name in names if name in table), "")) else {}


def _prices(row: dict[str, Any], suffix: str = "") -> Prices | None:
    def price(name: str) -> float | None:
        return row.get(f"{name}{suffix}")

    paid, said = price(_INPUT_COST), price("output_cost_per_token")
    if paid is None or said is None:
        return None
    cached, written = price("cache_read_input_token_cost"), price("cache_creation_input_token_cost")
    tier = None if suffix else next((found for name in row if (found := _TIER.fullmatch(name))), None)
    return Prices(
        input=paid,
        output=said,
        cached=paid if cached is None else cached,
        written=paid if written is None else written,
        high_tier_above=1000 * int(tier["thousands"]) if tier else 0,
        high_tier=_prices(row, tier["suffix"]) if tier else None,
    )


def _failure(error: BaseException) -> ProviderFailure:
    """All that the chain of exceptions behind `error` knows; litellm hides the response behind several of its own."""
    chain = _chain(error)
    responses = [found for each in chain if (found := getattr(each, "response", None)) is not None]
    real = next((each for each in responses if each.headers or _content(each)), None)
    body = _json(_content(real)) if real is not None else None
    bodies = (found for each in chain for found in (getattr(each, "body", None), _json(getattr(each, "message", None))))
    return ProviderFailure(
        classes=tuple(type(each).__name__ for each in chain),
        status=real.status_code if real is not None else _status(chain),
        headers={} if real is None else {name.lower(): value for name, value in real.headers.items()},
        body=body if body is not None else next((found for found in bodies if found is not None), None),
        message=str(chain[-1]) or type(chain[-1]).__name__,
    )


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop(0)
        if each is not None and each not in chain:
            chain.append(each)
            todo += [getattr(each, "original_exception", None), each.__cause__, each.__context__]
    return chain


def _status(chain: Sequence[BaseException]) -> int | None:
    """litellm gives a connection that fails, and a stream that cannot be read, the status 500: here they have none."""
    if any(_of_connection(each) for each in chain):
        return None
    deepest = [status for each in chain if isinstance(status := getattr(each, "status_code", None), int)]
    return deepest[-1] if deepest else None


def _of_connection(error: BaseException) -> bool:
    home = type(error).__module__.partition(".")[0]
    return home in ("httpx", "httpcore") or isinstance(error, OSError | json.JSONDecodeError)


def _content(response: Any) -> bytes:
    try:
        return response.content
    except load_litellm().httpx.ResponseNotRead:
        return b""


def _json(content: object) -> Json:
    if not isinstance(content, str | bytes):
        return None
    try:
        return cast(Json, json.loads(content))
    except ValueError:
        return None

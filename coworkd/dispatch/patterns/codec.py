"""What a pattern decides on, asks for and comes to, as JSON for the database. Pure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, get_args

from coworkd.agents.json_codec import Json, from_json, to_json
from coworkd.core.reply_blocks import ReplyBlock
from coworkd.core.step_states import StepKind
from coworkd.core.tries import TryResult, TryStep
from coworkd.dispatch.patterns.steps import PatternSpec, RunResult, RunStep, Step, StepResult

_BLOCKS: Mapping[str, type[Any]] = {block.__name__: block for block in get_args(ReplyBlock)}


def encode_spec(spec: PatternSpec) -> str:
    return json.dumps(to_json(spec))


def decode_spec(text: str) -> PatternSpec:
    return from_json(PatternSpec, json.loads(text))


def kind_of_step(step: Step) -> StepKind:
    return StepKind.RUN if isinstance(step, RunStep) else StepKind.TRY


def encode_step(step: Step) -> str:
    return json.dumps(to_json(step))


def decode_run_step(text: str) -> RunStep:
    return from_json(RunStep, json.loads(text))


def decode_step(kind: StepKind, text: str) -> Step:
    return decode_run_step(text) if kind is StepKind.RUN else from_json(TryStep, json.loads(text))


def encode_result(result: StepResult) -> str:
    if isinstance(result, TryResult):
        return json.dumps(to_json(result))
    plain = to_json(dataclasses.replace(result, block=None))
    assert isinstance(plain, dict), "a result is an object"
    return json.dumps(plain | {"block": _encode_block(result.block)})


def decode_result(kind: StepKind, text: str) -> StepResult:
    data = json.loads(text)
    if kind is StepKind.TRY:
        return from_json(TryResult, data)
    block = data.pop("block")
    return dataclasses.replace(from_json(RunResult, data), block=_decode_block(block))


def _encode_block(block: ReplyBlock | None) -> Json:
    return None if block is None else [type(block).__name__, to_json(block)]


def _decode_block(data: Any) -> ReplyBlock | None:
    if data is None:
        return None
    name, fields = data
    return from_json(_BLOCKS[name], fields)

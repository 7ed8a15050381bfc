"""Gemini's generateContent and streamGenerateContent."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.modelserver.formats import Body, Said, error, event, text_of
from tests.modelserver.turns import Flaw, Query, Raw, Refusal, Trouble, pieces

_MODEL = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>\w+)")
_TYPE = "type.googleapis.com/google.rpc."
_ERRORS = {
    Trouble.RATE_LIMIT: (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota. Please retry later."),
    Trouble.QUOTA: (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
    Trouble.OVERLOADED: (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    Trouble.AUTH: (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    Trouble.CONTEXT: (
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    Trouble.BROKEN: (500, "INTERNAL", "An internal error has occurred."),
}
_QUOTAS = {
    Trouble.RATE_LIMIT: "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    Trouble.QUOTA: "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
}


class Generate:
    """`POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent?alt=sse`."""

    def query(self, path: str, body: Body) -> Query:
        found = _MODEL.search(path)
        contents = body.get("contents", [])
        declared = [item for tool in body.get("tools") or [] for item in _declarations(tool)]
        return Query(
            dialect="gemini",
            model=found["model"] if found else "",
            turn=sum(content.get("role") == "model" for content in contents),
            stream="streamGenerateContent" in path,
            tools=tuple(item["name"] for item in declared),
            system=text_of(body.get("systemInstruction") or body.get("system_instruction")),
            said=tuple(text_of(content) for content in contents if content.get("role") != "model"),
            body=body,
        )

    def whole(self, said: Said) -> Body:
        parts: list[Body] = [{"text": said.reply.text}] if said.reply.text else []
        return _response(said, parts + _calls(said), _finish(said)) | {"usageMetadata": _usage(said)}

    def frames(self, said: Said) -> Iterator[bytes]:
        for piece in pieces(said.reply.text):
            yield event(_response(said, [{"text": piece}]))
        last = _response(said, _calls(said) or [{"text": ""}], _finish(said))
        usage = {} if said.reply.flaw is Flaw.UNCOUNTED else {"usageMetadata": _usage(said)}
        yield event(last | usage)

    def refusal(self, refusal: Refusal) -> Raw:
        code, status, message = _ERRORS[refusal.trouble]
        details: list[Body] = []
        if quota := _QUOTAS.get(refusal.trouble):
            details.append({"@type": f"{_TYPE}QuotaFailure", "violations": [{"quotaId": quota, "quotaValue": "50"}]})
        if refusal.retry_after is not None:
            details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{refusal.retry_after:g}s"})
        return error(code, {"error": {"code": code, "message": message, "status": status, "details": details}})


def count_tokens(body: Body) -> Body:
    """`POST /v1beta/models/MODEL:countTokens`."""
    return {"totalTokens": 1 + sum(len(text_of(content)) for content in body.get("contents", [])) // 4}


def _declarations(tool: Body) -> list[Body]:
    return tool.get("functionDeclarations") or tool.get("function_declarations") or []


def _calls(said: Said) -> list[Body]:
    return [{"functionCall": {"name": call.name, "args": dict(call.arguments)}} for _, call in said.calls]


def _response(said: Said, parts: list[Body], finish: str = "") -> Body:
    candidate: Body = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": said.query.model, "responseId": f"resp-{said.serial:06}"}


def _usage(said: Said) -> Body:
    spent = said.reply.spent
    return {
        "promptTokenCount": spent.input,
        "candidatesTokenCount": spent.output - spent.reasoning,
        "thoughtsTokenCount": spent.reasoning,
        "cachedContentTokenCount": spent.cached,
        "totalTokenCount": spent.input + spent.output,
    }


def _finish(said: Said) -> str:
    return "MAX_TOKENS" if said.reply.cut else "STOP"

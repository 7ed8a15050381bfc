"""How commands answer what a person is asked: in the file that asks."""

from __future__ import annotations

from coworkd.cli.file_edits import edit_header
from coworkd.cli.workspace import Workspace
from coworkd.core.errors import UserError
from coworkd.core.model import Answer
from coworkd.documents.markdown import Value
from coworkd.store import RequestRow
from coworkd.store.problems import problem_message


def answer_request(workspace: Workspace, request: RequestRow, answer: Answer, comment: str) -> None:
    """Write an answer into the file that asks, and have the daemon act on it. Raises `UserError` if it does not count.

    An approval is written only where the file asks exactly this request.
    """
    changes: dict[tuple[str, ...], Value] = {("approval",): str(answer)}
    if comment:
        changes["comment",] = comment
    edit_header(workspace, request.path, changes, request=request.id if answer is Answer.APPROVED else "")
    workspace.take_in(request.path)
    with workspace.reading() as db:
        why = problem_message(db, request.path, "answer")
    if why:
        raise UserError(why)

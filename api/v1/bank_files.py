"""Bank files: the hub's bank statements, matched to nets."""

from hashlib import sha256
from typing import Any

from flask import Response, request

from api.auth import current_caller, guard
from api.bodies import body_chunks
from api.once import once_for
from api.problems import HttpCode, Problem
from api.schemas.common import KEY_WELCOME
from api.schemas.payments import BankFileSchema
from api.services import services
from api.v1.imports import CSV_TYPES
from api.v1.payments import payment_json
from api.web import Blueprint, answer
from clearing.core.commands import Scope
from clearing.core.outcomes import Code
from settlement.bank_file import import_bank_file
from settlement.bank_sheet import NotABankFile

blueprint = Blueprint("bank files", __name__, description="Bank statements as CSV")

BYTES_MAX = 10_000_000

BODY = {
    "requestBody": {
        "required": True,
        "description": "CSV with a first line that names the columns",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


@blueprint.route("/bank-files", methods=["POST"])
@guard(Scope.OPERATOR, takes_file=True)
@blueprint.doc(parameters=[KEY_WELCOME], **BODY)
@blueprint.response(200, BankFileSchema)
def import_file() -> Response:
    """Put the payments of a bank statement on record, as far as their texts tell which nets they pay

    Columns: `bank_reference`, `paid_on` (a day, or a time with offset), `amount_yuan` (yuan with two
    decimals; below zero if it was paid out) or `debit` and `credit`, `text` (the remittance text); names that
    banks use, such as 交易流水号, 交易日期, 借方发生额, 贷方发生额 and 摘要, will do. A net is named by its
    payment reference (`RF…`) or the number of its statement, and all payouts of a payment file by its
    message id. All rows are judged before the first is recorded; those that name none or several, go the
    wrong way or far beyond the net, or cannot be recorded, are listed with the reason. Sending a file again
    records nothing twice.
    """
    if request.mimetype not in CSV_TYPES:
        raise Problem(HttpCode.UNSUPPORTED_MEDIA_TYPE, f"Send the file itself as {CSV_TYPES[0]}.")
    content = b"".join(body_chunks(BYTES_MAX))
    said = {"file": sha256(content).hexdigest()}
    return once_for(said, lambda: _recorded(content), repeatable=True)


def _recorded(content: bytes) -> Response:
    try:
        done = import_bank_file(services().engine, content, current_caller().key_id)
    except NotABankFile as error:
        raise Problem(Code.MALFORMED, str(error)) from error
    with services().engine.connect() as connection:
        directory = services().directory(connection)
    body: dict[str, Any] = {
        "rows": done.rows,
        "matched": done.matched,
        "replayed": done.replayed,
        "encoding": done.encoding,
        "payments": [payment_json(row, directory) for row in done.payments],
        "unmatched": [
            {"row": one.row, "line": one.line, "code": one.code, "detail": one.detail, **one.content}
            for one in done.unmatched
        ],
    }
    return answer(body)

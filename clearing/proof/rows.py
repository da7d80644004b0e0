"""The leaves of `clearing.core.leaf` as SQL, so that sealing and verifying move no row out of the database.

PostgreSQL's own `record_send` makes the bytes of a row in one go. The texts below are the only ones that
make leaves: a transaction is verified by what sealed it.
"""

from clearing.core.leaf import ENTRY, HEAD, LEG, PRIVATE, Form

#: How many bytes of each commitment are kept beside a leaf.
MARK_BYTES = 4

_SECRET = "(SELECT secret FROM leaf_secrets)"  # noqa: S105  not a secret, but where it is


def salt(form: Form) -> str:
    """The salt of a row of the form's table."""
    transaction = "id" if form in (HEAD, PRIVATE) else "transaction_id"
    number = f"{form.order}" if form in (HEAD, PRIVATE) else f"{form.order} + number"
    return f"sha256({_SECRET} || int8send(wallet_id) || int8send({transaction}) || int4send({number}))"


def row(form: Form) -> str:
    """The bytes of a row of the form's table."""
    columns = ", ".join(column.name for column in form.columns)
    return f"record_send(ROW('{form.name}'::text, {columns}))"


def commitment(form: Form) -> str:
    return f"sha256({salt(form)} || {row(form)})"


def of_transactions(where: str) -> str:
    """SQL: of each transaction its key, `data` (both commitments) and `marks`."""
    # OFFSET 0: each commitment is made once and used twice.
    return f"""
SELECT period, wallet_id, id AS transaction_id, head || private AS data,
       substr(head, 1, {MARK_BYTES}) || substr(private, 1, {MARK_BYTES}) AS marks
  FROM (SELECT period, wallet_id, id, {commitment(HEAD)} AS head, {commitment(PRIVATE)} AS private
          FROM transactions WHERE {where} OFFSET 0) AS committed"""  # noqa: S608  from constants of the program


def of_legs(where: str) -> str:
    """SQL: of each transaction's legs its key, how many they are (`rows`), `data` and `marks`."""
    return _grouped(LEG, where)


def of_entries(where: str) -> str:
    return _grouped(ENTRY, where)


def _grouped(form: Form, where: str) -> str:
    return f"""
SELECT transaction_id, wallet_id, period, count(*) AS rows,
       string_agg(commitment, ''::bytea ORDER BY number) AS data,
       string_agg(substr(commitment, 1, {MARK_BYTES}), ''::bytea ORDER BY number) AS marks
  FROM (SELECT transaction_id, wallet_id, period, number, {commitment(form)} AS commitment
          FROM {form.table} WHERE {where} OFFSET 0) AS committed
 GROUP BY transaction_id, wallet_id, period"""  # noqa: S608


LEAF_DATA = "t.data || coalesce(l.data, '') || coalesce(e.data, '')"
LEAF_MARKS = "t.marks || coalesce(l.marks, '') || coalesce(e.marks, '')"
LEAF_HASH = f"sha256('\\x00'::bytea || {LEAF_DATA})"


def joined(asked: str) -> str:
    """FROM: the rows of the transactions `asked` (period, wallet_id, transaction_id), found by their keys."""
    of = "wallet_id = asked.wallet_id AND {} = asked.transaction_id AND period = asked.period"
    rest = of.format("transaction_id")
    return f"""{asked} AS asked
  LEFT JOIN LATERAL ({of_transactions(of.format("id"))}) AS t ON true
  LEFT JOIN LATERAL ({of_legs(rest)}) AS l ON true
  LEFT JOIN LATERAL ({of_entries(rest)}) AS e ON true"""

"""Verify disputes: what they are about, and what they have caused, against the journal."""

from clearing.core.journal import LegKind
from clearing.verify import Check, compare, of_period

_LINE = """legs l ON l.period = d.period AND l.wallet_id = d.wallet_id
               AND l.transaction_id = d.transaction_id AND l.number = d.leg_number"""


def _gains(source: str, obligation: str, acceptor_fee: str, issuer_fee: str) -> str:
    """SQL: by how much each party of the leg `l` is better off for having these taken back; not added up."""
    return f"""
SELECT d.id AS dispute_id, p.participant_id, p.net
  FROM disputes d {source}
 CROSS JOIN LATERAL (VALUES
       (CASE WHEN l.kind = {LegKind.LOAD:d} THEN l.acceptor_id ELSE l.issuer_id END, {obligation}),
       (CASE WHEN l.kind = {LegKind.LOAD:d} THEN l.issuer_id ELSE l.acceptor_id END, -({obligation})),
       (l.acceptor_id, {acceptor_fee}),
       (l.issuer_id, {issuer_fee})) AS p (participant_id, net)
 WHERE p.participant_id <> 0 AND {of_period("d.period")}"""  # noqa: S608


_CORRECTIONS = compare(
    "disputes",
    ("dispute_id", "participant_id"),
    ("net",),
    # Of a dispute that is not accepted these are null, and nothing is expected.
    _gains(f"JOIN {_LINE}", "d.corrected_obligation", "d.corrected_acceptor_fee", "d.corrected_issuer_fee"),
    _gains(
        """JOIN dispute_corrections c ON c.dispute_id = d.id
           JOIN legs l ON l.period = c.period AND l.wallet_id = c.wallet_id
                      AND l.transaction_id = c.transaction_id""",
        "-l.obligation",
        "-l.acceptor_fee",
        "-l.issuer_fee",
    ),
)

_LINES = f"""
SELECT 'disputes (dispute_id=' || d.id || ')' AS place,
       'a line of its statement, of which no more is corrected than there is' AS expected,
       CASE WHEN l.number IS NULL OR s.id IS NULL THEN 'no such line'
            ELSE concat('obligation=', x.obligation, ' of ', l.obligation, ', fees=', x.acceptor_fee, '+',
                        x.issuer_fee, ' of ', l.acceptor_fee, '+', l.issuer_fee) END AS found
  FROM disputes d
  LEFT JOIN {_LINE} AND l.issuer_id = d.issuer_id AND l.acceptor_id = d.acceptor_id
  LEFT JOIN statements s ON s.id = d.statement_id AND s.period = d.period AND s.participant_id = d.opener_id
 CROSS JOIN LATERAL (SELECT coalesce(sum(abs(o.corrected_obligation)), 0) AS obligation,
                            coalesce(sum(abs(o.corrected_acceptor_fee)), 0) AS acceptor_fee,
                            coalesce(sum(abs(o.corrected_issuer_fee)), 0) AS issuer_fee
                       FROM disputes o
                      WHERE o.wallet_id = d.wallet_id AND o.transaction_id = d.transaction_id
                        AND o.leg_number = d.leg_number) AS x
 WHERE (l.number IS NULL OR s.id IS NULL OR x.obligation > abs(l.obligation)
        OR x.acceptor_fee > abs(l.acceptor_fee) OR x.issuer_fee > abs(l.issuer_fee))
   AND {of_period("d.period")}
 ORDER BY d.id
 LIMIT 1
"""  # noqa: S608

_KNOWN = compare(
    "money_corrections",
    ("dispute_id",),
    ("quantity", "obligation", "acceptor_fee", "issuer_fee"),
    f"""SELECT id AS dispute_id, corrected_quantity AS quantity, corrected_obligation AS obligation,
               corrected_acceptor_fee AS acceptor_fee, corrected_issuer_fee AS issuer_fee
          FROM disputes
         WHERE correction = 'money' AND {of_period()}
           AND id NOT IN (SELECT correction_id FROM money_corrections WHERE NOT counted)""",  # noqa: S608
    f"""SELECT correction_id AS dispute_id, quantity, obligation, acceptor_fee, issuer_fee
          FROM money_corrections WHERE counted AND {of_period("leg_period")}""",  # noqa: S608
)

CHECKS = (
    Check("corrections", "Accepted disputes, and only they, are corrected by what was booked", _CORRECTIONS),
    Check("money_corrections", "Reversals know what disputes have corrected in money", _KNOWN),
    Check("disputed_lines", "Disputes are about lines, and correct no more than there is", _LINES),
)

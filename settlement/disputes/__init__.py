"""Disputes: what a participant says is wrong with a line of its statement, and what becomes of it.

`opening` opens them, `acts` answers, rejects and withdraws, `acceptance` accepts and books the correction,
`query` follows and lists; `lines` reads what they are about. No settlement waits for a dispute.
"""

"""The seal of the journal: a signed Merkle tree over its transactions, and proofs from it.

| module | what |
|---|---|
| `rows` | SQL for the commitments of `core.leaf`, and for the leaves made of them |
| `seal` | adds what has been posted to the tree and signs its head |
| `keys` | the Ed25519 keys that sign |
| `heads` | signed heads, as they are kept and as they are signed |
| `tree` | hashes of nodes, and the proofs made of them |
| `shown` | the parts of one leaf, and which of them a participant is shown |
| `check` | for `tongdui verify`: the journal is what was sealed |
"""

-- pgbench: one redemption per transaction, one call. A member may meet a merchant of its own participant
-- (one time in `participants`); that costs the same here.
\set wallet random(1, :members)
\set acceptor random(1, :participants)
\set points random(100, 1000)
SELECT by_hand.redeem(gen_random_uuid(), :wallet, :acceptor, :points);

-- The limit: one cross-system redemption and a whole batch of them, written by hand.
--
-- The unit of work is the one that the ledger is measured by: claim the idempotency key, lock the wallet,
-- debit two lots (never below zero), four journal rows (two debits of lots, the obligation between the
-- participants, the fee), the running position of the pair of participants and the hub's fee total. What
-- the product does beyond that (rules, refusals, the rows of transactions and legs) is left out on purpose.
--
-- Every lot holds so much that a wallet can be chosen at random for ever; a redemption takes half of its
-- points from each of the wallet's two lots.

DROP SCHEMA IF EXISTS by_hand CASCADE;
CREATE SCHEMA by_hand;

CREATE TABLE by_hand.wallets (
    id     int PRIMARY KEY,
    issuer smallint NOT NULL
) WITH (fillfactor = 80);

-- number: 1 is the lot that expires first.
CREATE TABLE by_hand.lots (
    id         int PRIMARY KEY,
    wallet     int NOT NULL REFERENCES by_hand.wallets,
    issuer     smallint NOT NULL,
    expires_on date NOT NULL,
    remaining  bigint NOT NULL CHECK (remaining >= 0)
) WITH (fillfactor = 60);
CREATE INDEX ON by_hand.lots (wallet, expires_on, id);

CREATE TABLE by_hand.keys (
    key        uuid PRIMARY KEY,
    redemption bigint NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now()
);
CREATE SEQUENCE by_hand.redemptions CACHE 50;

-- kind: 1 points leave a lot, 2 obligation, 3 fee.
CREATE TABLE by_hand.journal (
    redemption bigint NOT NULL,
    number     smallint NOT NULL,
    kind       smallint NOT NULL,
    debit      bigint NOT NULL,
    credit     bigint NOT NULL,
    amount     bigint NOT NULL CHECK (amount > 0),
    booked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (redemption, number)
);
CREATE INDEX ON by_hand.journal (debit);

-- Running totals are striped: two connections with a stripe each do not wait for one another.
CREATE TABLE by_hand.positions (
    issuer   smallint,
    acceptor smallint,
    stripe   smallint,
    owed     bigint NOT NULL DEFAULT 0,
    count    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (issuer, acceptor, stripe)
) WITH (fillfactor = 30);

CREATE TABLE by_hand.hub (
    stripe smallint PRIMARY KEY,
    fees   bigint NOT NULL DEFAULT 0,
    count  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);

-- Account numbers: a lot's id; 1e9, 2e9, 3e9 + participant for points used, money owed, money due; 4e9 the hub.

CREATE FUNCTION by_hand.redeem(the_key uuid, the_wallet int, the_acceptor int, points int)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    the_redemption bigint;
    the_issuer     smallint;
    first_half     bigint := points / 2;
    fee            bigint := greatest(1, points / 50);
    lot_ids        int[];
BEGIN
    INSERT INTO by_hand.keys (key, redemption) VALUES (the_key, nextval('by_hand.redemptions'))
        ON CONFLICT (key) DO NOTHING RETURNING redemption INTO the_redemption;
    IF the_redemption IS NULL THEN
        RETURN (SELECT redemption FROM by_hand.keys WHERE key = the_key);
    END IF;
    SELECT issuer INTO STRICT the_issuer FROM by_hand.wallets WHERE id = the_wallet FOR UPDATE;
    lot_ids := ARRAY(SELECT id FROM by_hand.lots WHERE wallet = the_wallet AND remaining > 0
                      ORDER BY expires_on, id LIMIT 2);
    UPDATE by_hand.lots SET remaining = remaining - first_half WHERE id = lot_ids[1];
    UPDATE by_hand.lots SET remaining = remaining - (points - first_half) WHERE id = lot_ids[2];
    IF NOT FOUND THEN
        RAISE EXCEPTION 'wallet % has not two lots', the_wallet;
    END IF;
    INSERT INTO by_hand.journal (redemption, number, kind, debit, credit, amount)
    VALUES (the_redemption, 1, 1, lot_ids[1], 1000000000 + the_issuer, first_half),
           (the_redemption, 2, 1, lot_ids[2], 1000000000 + the_issuer, points - first_half),
           (the_redemption, 3, 2, 2000000000 + the_issuer, 3000000000 + the_acceptor, points),
           (the_redemption, 4, 3, 3000000000 + the_acceptor, 4000000000, fee);
    UPDATE by_hand.positions SET owed = owed + points, count = count + 1
     WHERE issuer = the_issuer AND acceptor = the_acceptor AND stripe = 0;
    UPDATE by_hand.hub SET fees = fees + fee, count = count + 1 WHERE stripe = 0;
    RETURN the_redemption;
END $$;

-- A batch in two statements. A key that is already there, or comes twice, is passed over; a redemption that
-- its lots cannot pay (after those before it in the batch) is dropped. Returns how many were booked.
--
-- Batches are read by index whatever their size, as a plan for a scan costs more than it saves.
CREATE FUNCTION by_hand.redeem_batch(the_keys uuid[], the_wallets int[], the_acceptors int[], the_points int[],
                                     the_stripe int)
RETURNS bigint LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
    booked bigint;
BEGIN
    PERFORM FROM by_hand.wallets WHERE id = ANY (the_wallets) ORDER BY id FOR UPDATE;
    WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(the_keys, the_wallets, the_acceptors, the_points)
                      WITH ORDINALITY AS _ (key, wallet, acceptor, points, place)
    ), claimed AS (
        INSERT INTO by_hand.keys (key, redemption) SELECT key, nextval('by_hand.redemptions') FROM asked
            ON CONFLICT (key) DO NOTHING RETURNING key, redemption
    ), held AS MATERIALIZED (
        SELECT id, wallet, issuer, remaining, row_number() OVER (PARTITION BY wallet ORDER BY expires_on, id) AS number
          FROM by_hand.lots WHERE wallet = ANY (the_wallets) AND remaining > 0
    ), draws AS MATERIALIZED (
        SELECT claimed.redemption, held.id AS lot, held.number, held.issuer, acceptor, points, quantity,
               remaining >= sum(quantity) OVER (PARTITION BY held.id ORDER BY place) AS covered
          FROM claimed
          JOIN asked USING (key)
          JOIN held ON held.wallet = asked.wallet AND held.number <= 2
         CROSS JOIN LATERAL (VALUES (CASE held.number WHEN 1 THEN points / 2 ELSE points - points / 2 END)) AS _ (quantity)
    ), redeemed AS MATERIALIZED (
        SELECT redemption, issuer, acceptor, points, greatest(1, points / 50) AS fee
          FROM draws GROUP BY redemption, issuer, acceptor, points HAVING bool_and(covered) AND count(*) = 2
    ), written AS (
        INSERT INTO by_hand.journal (redemption, number, kind, debit, credit, amount)
        SELECT redemption, number, 1, lot, 1000000000 + draws.issuer, quantity FROM draws JOIN redeemed USING (redemption)
         UNION ALL
        SELECT redemption, 3, 2, 2000000000 + issuer, 3000000000 + acceptor, points FROM redeemed
         UNION ALL
        SELECT redemption, 4, 3, 3000000000 + acceptor, 4000000000, fee FROM redeemed
    ), debited AS (
        UPDATE by_hand.lots SET remaining = remaining - taken
          FROM (SELECT lot, sum(quantity) AS taken FROM draws JOIN redeemed USING (redemption) GROUP BY lot) AS _
         WHERE lots.id = lot
    ), owed AS (
        UPDATE by_hand.positions AS p SET owed = p.owed + more.points, count = p.count + more.count
          FROM (SELECT issuer, acceptor, sum(points) AS points, count(*) AS count FROM redeemed GROUP BY issuer, acceptor)
            AS more
         WHERE p.issuer = more.issuer AND p.acceptor = more.acceptor AND p.stripe = the_stripe
    ), charged AS (
        UPDATE by_hand.hub SET fees = hub.fees + more.fees, count = hub.count + more.count
          FROM (SELECT coalesce(sum(fee), 0) AS fees, count(*) AS count FROM redeemed) AS more
         WHERE hub.stripe = the_stripe
    )
    SELECT count(*) INTO booked FROM redeemed;
    RETURN booked;
END $$;

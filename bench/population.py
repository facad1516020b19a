"""A platform's worth of evidence, written straight into trust's database: who is on it, and what happened.

In every hundred: 20 organisers with 40 campaigns, and 40 people who give. About ten facts for each, most of them gifts, and
skewed as life is: half of the campaigns have fewer than seven gifts, one in a thousand has hundreds; a few people give
often. Some gifts go back or are disputed, some campaigns are reported, some have ended.
"""

from __future__ import annotations

import psycopg

# Ids say what they are. Facts are of the last two years; the same dice in every run.
_FILL = """
SELECT setseed(0.25);
CREATE FUNCTION pg_temp.of(what text, n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql RETURN md5(what || n)::uuid;
CREATE TEMP TABLE told (type text, kind text, subject uuid, days float8, data jsonb, person uuid);
CREATE TEMP TABLE life AS
SELECT n, pg_temp.of('campaign', n) AS id, pg_temp.of('person', n % {organisers}) AS owner, 20 + 400 * random() ^ 2 AS days,
       least(5000, floor(3.2 * (1 - random()) ^ -0.8))::integer AS gifts, random() AS luck
  FROM generate_series(1, {campaigns}) AS n;
CREATE TEMP TABLE gift AS
SELECT life.id AS campaign, pg_temp.of('gift', life.n * 10000 + at) AS payment, life.days * random() AS days, random() AS luck,
       pg_temp.of('person', {organisers} + floor({donors} * random() ^ 1.5)::bigint) AS donor
  FROM life, generate_series(1, gifts) AS at;

INSERT INTO trust_evidence_campaign (id, owner_id, title, currency, category)
SELECT id, owner, '', 'GBP', 'category ' || n % 8 FROM life;
INSERT INTO told SELECT 'user.joined', 'user', pg_temp.of('person', n), 420 + 300 * random(), '{{}}'
  FROM generate_series(0, {organisers} + {donors} - 1) AS n;
INSERT INTO told SELECT 'verification.granted', 'user', pg_temp.of('person', n), 400 * random(),
       jsonb_build_object('item', item, 'expires_at', now() + (1 + 700 * random()) * interval '1 day')
  FROM generate_series(0, {organisers} - 1) AS n, unnest(ARRAY['email', 'identity', 'bank', 'address']) AS item
 WHERE random() < 0.6;
INSERT INTO told SELECT 'verification.granted', 'user', pg_temp.of('person', n), 400 * random(), '{{"item": "email"}}'
  FROM generate_series({organisers}, {organisers} + {donors} - 1) AS n;
INSERT INTO told SELECT 'campaign.created', 'campaign', id, days, jsonb_build_object('owner_id', owner, 'category',
       'category ' || n % 8, 'currency', 'GBP', 'ends_at', now() + (90 - days) * interval '1 day') FROM life;
INSERT INTO told SELECT 'campaign.progress', 'campaign', id, 20 * random(), jsonb_build_object('progress', luck) FROM life;
INSERT INTO told SELECT 'campaign.update_posted', 'campaign', id, days * random(), '{{}}'
  FROM life, generate_series(1, (luck * 6)::integer);
INSERT INTO told SELECT type, 'campaign', id, days / 2 - lag, jsonb_build_object('question_id', 'question ' || n)
  FROM life, (VALUES ('campaign.question_asked', 0), ('campaign.question_answered', 1)) AS talk (type, lag) WHERE luck < 0.3;
INSERT INTO told SELECT 'campaign.ended', 'campaign', id, days / 3, jsonb_build_object('delivered', luck > 0.05)
  FROM life WHERE luck < 0.25;
INSERT INTO told SELECT 'report.filed', 'campaign', id, days / 4, jsonb_build_object('report_id', 'report ' || n, 'kind', 'spam',
       'reporter_id', pg_temp.of('person', {organisers} + n % 500)), pg_temp.of('person', {organisers} + n % 500)
  FROM life WHERE luck > 0.97;
INSERT INTO told SELECT 'report.decided', 'campaign', id, days / 5, jsonb_build_object('report_id', 'report ' || n, 'outcome',
       CASE WHEN luck > 0.99 THEN 'upheld' ELSE 'dismissed' END) FROM life WHERE luck > 0.98;
INSERT INTO told SELECT 'payment.succeeded', 'campaign', campaign, days, jsonb_build_object('payment_id', payment,
       'donor_id', donor, 'amount', '25.00', 'currency', 'GBP', 'cluster', 'card-' || donor), donor FROM gift;
INSERT INTO told SELECT 'payment.refunded', 'campaign', campaign, days / 2, jsonb_build_object('payment_id', payment,
       'for_cause', luck < 0.005) FROM gift WHERE luck < 0.01;
INSERT INTO told SELECT 'payment.disputed', 'campaign', campaign, days / 2, jsonb_build_object('payment_id', payment,
       'stage', 'lost') FROM gift WHERE luck > 0.999;
INSERT INTO trust_evidence_fact (id, type, time, subject_kind, subject_id, person_id, data, source, recorded_at)
SELECT gen_random_uuid(), type, now() - days * interval '1 day', kind, subject, person, data, 'bench', now()
  FROM told ORDER BY days DESC;
INSERT INTO trust_scoring_score (id, kind, entity_id, owner_id, score, lower, deviation, confidence, rated, tier, cap,
       cap_adjustment, factors, reasons, features, parameters_id, calculated_at, revision, turn)
SELECT gen_random_uuid(), kind, id, owner, 0, 0, 0, 0, false, 'NEW', 100, 0, '[]', '[]', '[]', 1, now(), 1, 0
  FROM (SELECT 'campaign' AS kind, id, owner FROM life
         UNION ALL SELECT 'user', pg_temp.of('person', n), pg_temp.of('person', n)
          FROM generate_series(0, {organisers} + {donors} - 1) AS n) AS everybody;
DROP TABLE told, life, gift;
"""


def fill(owner: psycopg.Connection[tuple[object, ...]], entities: int) -> int:
    """So many entities with their evidence, and a score of each that says nothing; returns how many facts."""
    share = entities // 5
    owner.execute(_FILL.format(organisers=share, campaigns=2 * share, donors=2 * share))
    owner.execute("VACUUM ANALYZE trust_evidence_fact, trust_evidence_campaign, trust_scoring_score")
    found = owner.execute("SELECT count(*) FROM trust_evidence_fact").fetchone()
    return int(str(found[0])) if found else 0

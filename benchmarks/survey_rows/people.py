"""People of a made-up survey: campaigns, votes with agreement and disputes, and flags."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

N_VETTERS = 12
VETTERS = [f"vetter {number}" for number in range(1, N_VETTERS + 1)]
CURATOR, SUPERUSER = "curator", "superuser"

# Standing ones hide a hundredth of the candidates, and a few images; the pipeline proposes more.
FLAGS = """
INSERT INTO galflags (refsource_id, image_id, region, artifact, reason, state, made, decided,
    decision_reason, made_by_id, decided_by_id, "group")
SELECT refsource_id, NULL::bigint, NULL::float8[],
    fill.one_of('{bleed,edge,saturated,detector,blend,other}', fill.u(number, 131)),
    'as it looks', 'standing',
    now() - interval '60 days' * fill.u(number, 132), NULL::timestamptz, '',
    %(curator)s, NULL::int, ''
FROM fill.sources WHERE kind <> 'constant' AND fill.u(number, 130) < 0.01
UNION ALL
SELECT refsource_id, NULL, NULL, fill.one_of('{reference,saturated,bleed,detector}',
        fill.u(number, 133)), 'changes on many images',
    fill.one_of('{proposed,proposed,proposed,declined,undone}', fill.u(number, 134)),
    now() - interval '50 days' * fill.u(number, 132),
    CASE WHEN fill.u(number, 134) >= 0.6 THEN now() - interval '2 days' END, '', NULL,
    CASE WHEN fill.u(number, 134) >= 0.6 THEN %(curator)s END, 'catalogue ' || catalogue
FROM fill.sources WHERE kind = 'changed' AND fill.u(number, 130) > 0.99
UNION ALL
SELECT NULL, id, NULL, 'quality', 'out of focus', 'standing', now() - interval '40 days', NULL, '',
    %(curator)s, NULL, ''
FROM fill.images WHERE is_flagged AND status = 'done'
UNION ALL
SELECT NULL, id, ARRAY[100 * k, 100, 100 * k + 40, 100, 100 * k + 40, 3900, 100 * k, 3900], 'trail',
    'a trail', 'proposed', now() - interval '30 days' * fill.u(id, 136), NULL, '', NULL, NULL,
    'exposure ' || e
FROM fill.images, generate_series(1, 3) AS k
WHERE status = 'done' AND NOT is_reference AND fill.u(id, 135) < 0.02;

INSERT INTO galflagdecisions (flag_id, state, reason, time, user_id)
SELECT id, state, '', decided, decided_by_id FROM galflags WHERE decided_by_id IS NOT NULL;

INSERT INTO galqualitydecisions (image_id, verdict, reason, time, user_id)
SELECT id, 'measured', 'as it is', now() - interval '20 days', %(curator)s
FROM fill.images WHERE status = 'done' AND fill.u(id, 137) < 0.004;
"""
# One campaign goes on, one is closed; other votes were cast on lists.
CAMPAIGNS = """
INSERT INTO galcampaigns (id, name, lane, query, votes_wanted, created, closed, created_by_id,
    taxonomy_id)
VALUES (1, 'Detected twice or more', 'card', 'detections_min=2', 2,
        now() - interval '50 days', NULL, %(curator)s, %(taxonomy)s),
    (2, 'One-offs', 'sheet', 'detections_max=1', 1, now() - interval '70 days',
        now() - interval '51 days', %(curator)s, %(taxonomy)s);

INSERT INTO galstarlists (name, made, query, refsource_ids, user_id)
SELECT 'Drawn on the plane', now() - interval '3 days', '', array_agg(refsource_id), %(curator)s
FROM (SELECT refsource_id FROM fill.candidates WHERE kind <> 'new'
    ORDER BY fill.u(number, 140) LIMIT 1000) AS c;

CREATE UNLOGGED TABLE fill.voted AS
SELECT refsource_id, ra, dec, g, number, catalogue,
    CASE WHEN fill.u(number, 142) < 0.25 THEN 1 WHEN fill.u(number, 142) < 0.75 THEN 2 END
        AS campaign,
    -- Votes in the campaign that goes on are still to come for a third.
    CASE WHEN fill.u(number, 142) < 0.25 AND fill.u(number, 143) < 0.33
        THEN floor(2 * fill.u(number, 144))::int
        ELSE 2 + floor(2 * fill.u(number, 144))::int END AS n_cast,
    floor(%(n_vetters)s * fill.u(number, 145))::int AS first_voter,
    CASE WHEN fill.u(number, 146) < 0.5 THEN fill.one_of(%(variables)s, fill.u(number, 147))
        ELSE fill.one_of(%(artifacts)s, fill.u(number, 147)) END::bigint AS truth
FROM fill.candidates WHERE fill.u(number, 141) < %(n_voted)s::float8 / (%(n_stars)s * 1.4);

INSERT INTO galdecisions (refsource_id, ra, dec, filter, user_id, campaign_id, action, choice_id,
    period_days, comment, how, shown, key, time)
SELECT refsource_id, ra, dec, fill.filter(g),
    %(first_vetter)s + mod(first_voter + k, %(n_vetters)s), campaign, 'vote',
    CASE WHEN fill.u(number * 4 + k, 148) < 0.82 THEN truth
        ELSE fill.one_of(%(doubtful)s, fill.u(number * 4 + k, 149))::bigint END,
    NULL, '', CASE campaign WHEN 1 THEN 'key' WHEN 2 THEN 'bulk' ELSE 'click' END,
    jsonb_build_object('lane',
        CASE campaign WHEN 1 THEN 'card' WHEN 2 THEN 'sheet' ELSE 'list' END),
    '', now() - interval '1 day' * CASE campaign WHEN 2 THEN 52 + 15 * fill.u(number * 4 + k, 150)
        ELSE 1 + 45 * fill.u(number * 4 + k, 150) END
FROM fill.voted CROSS JOIN LATERAL generate_series(0, n_cast - 1) AS k
ORDER BY fill.u(number * 4 + k, 151);

-- A hundredth was undone.
INSERT INTO galdecisions (refsource_id, ra, dec, filter, user_id, campaign_id, action, undoes_id,
    comment, how, shown, key, time)
SELECT refsource_id, ra, dec, filter, user_id, campaign_id, 'undo', id, '', how, shown, '', time
FROM galdecisions WHERE action = 'vote' AND fill.u(id, 152) < 0.01;

CREATE UNLOGGED TABLE fill.standing AS
SELECT d.refsource_id, d.campaign_id, d.choice_id, coalesce(c.parent_id, c.id) AS class
FROM galdecisions AS d JOIN galclasses AS c ON c.id = d.choice_id
WHERE d.action = 'vote' AND NOT EXISTS (SELECT FROM galdecisions AS u WHERE u.undoes_id = d.id);

INSERT INTO galcampaignobjects (campaign_id, refsource_id, rank, "group", n_votes)
SELECT campaign, refsource_id, row_number() OVER (PARTITION BY campaign ORDER BY number) - 1,
    CASE campaign WHEN 2 THEN 'catalogue ' || catalogue ELSE '' END, coalesce(n, 0)
FROM fill.voted LEFT JOIN (SELECT refsource_id, count(*) AS n FROM fill.standing GROUP BY 1) AS v
    USING (refsource_id)
WHERE campaign IS NOT NULL;

-- As variables/science/consensus.py has it: two thirds for a class, or for one of its subtypes.
CREATE UNLOGGED TABLE fill.consensus AS
SELECT refsource_id, n AS n_votes,
    CASE WHEN n < wanted OR n_class < 2 * n / 3.0 - 1e-9 THEN NULL
        WHEN n_choice >= 2 * n / 3.0 - 1e-9 THEN choice ELSE class END AS consensus,
    n >= wanted AND n_class < 2 * n / 3.0 - 1e-9 AS is_disputed
FROM (
    SELECT refsource_id, class, n_class, choice, n_choice, sum(n_choice) OVER one AS n,
        row_number() OVER (PARTITION BY refsource_id ORDER BY n_class DESC, n_choice DESC) AS place
    FROM (SELECT refsource_id, class, choice_id AS choice, count(*) AS n_choice,
              sum(count(*)) OVER (PARTITION BY refsource_id, class) AS n_class
          FROM fill.standing GROUP BY 1, 2, 3) AS counted
    WINDOW one AS (PARTITION BY refsource_id)
) AS ranked
JOIN (SELECT refsource_id, CASE campaign WHEN 1 THEN 2 ELSE 1 END AS wanted FROM fill.voted) AS w
    USING (refsource_id)
WHERE place = 1;
CREATE UNIQUE INDEX ON fill.consensus (refsource_id);
ANALYZE fill.consensus;
"""


def make_people() -> dict:
    """Users who vet, curate and may do everything; the ids of those that statements name."""
    users, groups = get_user_model().objects, Group.objects
    made = {}
    for name in (*VETTERS, CURATOR):
        made[name] = users.create_user(name)
        made[name].groups.add(groups.get(name="curators" if name == CURATOR else "vetters"))
    users.create_superuser(SUPERUSER)
    ids = [made[name].pk for name in VETTERS]
    return {"curator": made[CURATOR].pk, "first_vetter": ids[0], "n_vetters": N_VETTERS}


def classes(cursor) -> dict:
    """The ids of classes of the current taxonomy that votes are for."""
    cursor.execute(
        "SELECT c.id, c.kind, c.parent_id, t.id FROM galclasses AS c"
        " JOIN galtaxonomies AS t ON t.id = c.taxonomy_id AND t.is_current ORDER BY c.id"
    )
    rows = cursor.fetchall()
    return {
        "taxonomy": rows[0][3],
        "variables": [str(pk) for pk, kind, _, _ in rows if kind == "variable"],
        "artifacts": [str(pk) for pk, kind, parent, _ in rows if kind == "artifact" and parent],
        "doubtful": [str(pk) for pk, kind, parent, _ in rows if kind != "variable" and not parent],
    }

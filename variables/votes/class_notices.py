"""Notices of classes that people agree on, or no longer do, written with the classes themselves."""

MANY = 10  # classes that change at once for one person: more are one notice

# Of a common table expression ``changed``, (refsource_id, choice_id): whoever marked one of these
# as a favourite or has a vote on it, but for ``by``, whose act it was. What is blind to somebody
# is a notice of its own, which is held back until their vote. An earlier one that nobody has seen
# yet is replaced.
TELL_OF_CLASSES = f"""
concerned AS (
    SELECT f.user_id, f.refsource_id FROM galfavourites f JOIN changed USING (refsource_id)
    UNION
    SELECT d.user_id, d.refsource_id FROM galdecisions d JOIN changed USING (refsource_id)
    WHERE d.action = 'vote' AND NOT EXISTS (SELECT FROM galdecisions u WHERE u.undoes_id = d.id)
),
others AS (
    SELECT c.user_id, c.refsource_id, EXISTS (
        SELECT FROM galcampaignobjects o JOIN galcampaigns g ON g.id = o.campaign_id
        WHERE o.refsource_id = c.refsource_id AND g.closed IS NULL AND NOT EXISTS (
            SELECT FROM galdecisions d
            WHERE d.refsource_id = c.refsource_id AND d.user_id = c.user_id
              AND d.action = 'vote' AND d.time >= g.created
              AND NOT EXISTS (SELECT FROM galdecisions u WHERE u.undoes_id = d.id)
        )
    ) AS is_blind
    FROM concerned c WHERE c.user_id IS DISTINCT FROM %(by)s
),
counted AS (
    SELECT *, count(*) OVER (PARTITION BY user_id, is_blind) AS n FROM others
),
replaced AS (
    DELETE FROM galnotices o USING counted c
    WHERE o.user_id = c.user_id AND o.refsource_id = c.refsource_id
      AND o.kind = 'class' AND o.read IS NULL AND o.mailed IS NULL
),
single AS (
    SELECT c.user_id, c.refsource_id, coalesce(k.label, '') AS text
    FROM counted c JOIN changed USING (refsource_id) LEFT JOIN galclasses k ON k.id = choice_id
    WHERE c.n <= {MANY} OR c.is_blind
),
many AS (
    SELECT DISTINCT user_id, NULL::bigint AS refsource_id, n || ' candidates' AS text
    FROM counted WHERE n > {MANY} AND NOT is_blind
)
INSERT INTO galnotices (user_id, kind, refsource_id, text, time, mail, tries)
SELECT t.user_id, 'class', t.refsource_id, t.text, %(now)s,
    CASE WHEN h.told IN ('once', 'daily') THEN h.told ELSE '' END, 0
FROM (SELECT * FROM single UNION ALL SELECT * FROM many) t
LEFT JOIN galnoticechoices h ON h.user_id = t.user_id AND h.kind = 'class'
"""

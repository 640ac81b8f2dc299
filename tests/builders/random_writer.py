"""A process that changes candidates and chips at random; it knows no Django."""

import numpy as np
import psycopg2


def change_at_random(parameters, seed):
    """Change candidates and chips for a while, in a process of its own."""
    rng = np.random.default_rng(seed)
    changes = (
        "UPDATE galcandidates SET n_detections = %s, is_flagged = NOT is_flagged"
        " WHERE refsource_id %% 3 = %s",
        "UPDATE galcandidates SET known = CASE WHEN %s > 1 THEN 'new' ELSE 'known' END"
        " WHERE refsource_id %% 5 = %s",
        "DELETE FROM galcandidates WHERE n_detections = %s AND refsource_id %% 11 = %s",
        "UPDATE galimages SET n_sources = %s, is_doubted = NOT is_doubted WHERE id %% 3 = %s",
        "SELECT galimagecounts_fold(), galcandidatecounts_fold(), %s, %s",
    )
    opened = psycopg2.connect(**parameters)
    with opened.cursor() as cursor:
        for _ in range(60):
            change = changes[int(rng.integers(len(changes)))]
            try:
                cursor.execute(change, [int(rng.integers(4)), int(rng.integers(3))])
            except psycopg2.errors.DeadlockDetected:  # of the rows, which have no order here
                opened.rollback()
            if rng.random() < 0.5:
                opened.commit()
            elif rng.random() < 0.2:
                opened.rollback()
    opened.commit()
    opened.close()

"""The numbers of candidates that the database keeps, and how they are counted from nothing."""

from exposures.kept_counts import KeptCounts

OF_CANDIDATES = KeptCounts(
    table="galcandidatecounts",
    counted="galcandidates",
    columns='"of", filter, known, number',
    numbers=("n_candidates",),
    now="""
        SELECT cell."of", cell.filter, cell.known, cell.number, count(*)
        FROM galcandidates AS c CROSS JOIN galcandidates_cells(
            c.filter, c.n_detections, c.n_changes, c.star_detections, c.star_detections_in_filter,
            c.star_changes, c.star_changes_in_filter, c.known, c.varies, c.is_flagged,
            c.consensus_id, c.is_disputed, c.counted_as
        ) AS cell GROUP BY 1, 2, 3, 4
    """,
)

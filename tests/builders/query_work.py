"""How many rows queries look at, by the plans that PostgreSQL makes of them."""

import json
from contextlib import contextmanager

from django.db import connection


def rows_looked_at(plan) -> int:
    """The rows that a plan reads or compares with each other, whether they fit or not."""
    lost = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    compared = plan.get("Rows Removed by Join Filter", 0)
    if "Relation Name" in plan and "Actual Rows" in plan:
        compared += plan["Actual Rows"] + sum(plan.get(name, 0) for name in lost)
    own = compared * plan["Actual Loops"]
    return own + sum(map(rows_looked_at, plan.get("Plans", [])))


@contextmanager
def looked_at(naming="q3c_join"):
    """The rows that each query with a name in it looks at: a list, filled as they are asked.

    Each is asked twice; what the first time changes is taken back.
    """
    found = []

    def count(execute, sql, parameters, many, context):
        if naming in sql:
            cursor = context["cursor"].cursor
            cursor.execute("SAVEPOINT before_explain")
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
            (plan,) = cursor.fetchone()
            cursor.execute("ROLLBACK TO SAVEPOINT before_explain")
            plan = json.loads(plan) if isinstance(plan, str) else plan
            found.append(rows_looked_at(plan[0]["Plan"]))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(count):
        yield found

"""Decisions are only added: the database itself refuses to change or delete one."""

from django.db import migrations

MAKE = """
CREATE FUNCTION galdecisions_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'galdecisions is append-only: add a row that undoes row %', OLD.id;
END
$$;
CREATE TRIGGER galdecisions_stay BEFORE UPDATE OR DELETE ON galdecisions
    FOR EACH ROW EXECUTE FUNCTION galdecisions_stay();
"""
DROP = """
DROP TRIGGER galdecisions_stay ON galdecisions;
DROP FUNCTION galdecisions_stay();
"""


class Migration(migrations.Migration):
    dependencies = [("variables", "0002_collaborators")]

    operations = [migrations.RunSQL(MAKE, DROP)]

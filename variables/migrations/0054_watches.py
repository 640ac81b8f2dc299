"""Watched searches, and candidates as they were before a change as long as any is watched."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# A row of each candidate that a statement writes, with what it was before. Whoever locks a candidate
# to write it writes this, too, and nobody waits for another by it.
NOTE = """
CREATE FUNCTION galcandidates_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM galwatches) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO galcandidatesbefore (refsource_id) SELECT refsource_id FROM new_rows;
    ELSE
        INSERT INTO galcandidatesbefore (refsource_id, before)
        SELECT refsource_id, to_jsonb(o) FROM old_rows AS o;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_insert AFTER INSERT ON galcandidates REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION galcandidates_note();
CREATE TRIGGER note_update AFTER UPDATE ON galcandidates REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION galcandidates_note();
"""
DROP = """
DROP TRIGGER note_insert ON galcandidates;
DROP TRIGGER note_update ON galcandidates;
DROP FUNCTION galcandidates_note();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("exposures", "0028_names_in_english"),
        ("photometry", "0032_index_of_epochs"),
        ("variables", "0053_uploaded_lists"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CandidateBefore",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("refsource_id", models.BigIntegerField()),
                ("before", models.JSONField(help_text="its row; null: there was none", null=True)),
            ],
            options={
                "verbose_name": "candidate before a change",
                "db_table": "galcandidatesbefore",
            },
        ),
        migrations.CreateModel(
            name="FeedKey",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="feed_key",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("key", models.CharField(max_length=43, unique=True)),
            ],
            options={
                "verbose_name": "key of feeds",
                "verbose_name_plural": "keys of feeds",
                "db_table": "galfeedkeys",
            },
        ),
        migrations.CreateModel(
            name="GalWatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "told",
                    models.CharField(
                        choices=[
                            ("page", "on the page"),
                            ("once", "by mail at once"),
                            ("daily", "by a daily mail"),
                        ],
                        default="page",
                        max_length=5,
                    ),
                ),
                (
                    "looked_at",
                    models.BigIntegerField(
                        default=0, help_text="the last of its news that was seen"
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name": "watch",
                "verbose_name_plural": "watches",
                "db_table": "galwatches",
            },
        ),
        migrations.CreateModel(
            name="GalWatchNews",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("refsource_id", models.BigIntegerField(help_text="the candidate")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("new", "new in the list"),
                            ("class", "people agree on another class"),
                            ("more", "varies by more than before"),
                        ],
                        max_length=5,
                    ),
                ),
                (
                    "text",
                    models.CharField(
                        blank=True, help_text="the class, or the change", max_length=200
                    ),
                ),
                (
                    "tells_opinion",
                    models.BooleanField(
                        default=False,
                        help_text="of people, which may be blind to the watch's owner",
                    ),
                ),
                ("time", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "news of a watch",
                "verbose_name_plural": "news of watches",
                "db_table": "galwatchnews",
                "ordering": ["-id"],
            },
        ),
        migrations.AlterField(
            model_name="galnotice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("reply", "somebody answers you"),
                    ("mention", "somebody mentions you"),
                    ("comment", "a comment where you commented or voted, or on a favourite"),
                    (
                        "class",
                        "people agree on a favourite, or on what you voted on, or no longer do",
                    ),
                    ("begins", "you are asked into a campaign"),
                    ("ends", "a campaign of yours ends"),
                    ("failed", "processing that you asked for failed"),
                    ("night", "the report of a night is there"),
                    ("watch", "there is news in a search that you watch"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="galnotice",
            name="text",
            field=models.CharField(
                blank=True,
                help_text="the class, what failed or is new, or the night",
                max_length=200,
            ),
        ),
        migrations.AlterField(
            model_name="galnoticechoice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("reply", "somebody answers you"),
                    ("mention", "somebody mentions you"),
                    ("comment", "a comment where you commented or voted, or on a favourite"),
                    (
                        "class",
                        "people agree on a favourite, or on what you voted on, or no longer do",
                    ),
                    ("begins", "you are asked into a campaign"),
                    ("ends", "a campaign of yours ends"),
                    ("failed", "processing that you asked for failed"),
                    ("night", "the report of a night is there"),
                    ("watch", "there is news in a search that you watch"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="galcandidate",
            index=models.Index(fields=["first_mjd", "refsource_id"], name="galcandidates_by_first"),
        ),
        migrations.AddIndex(
            model_name="candidatebefore",
            index=models.Index(fields=["refsource_id"], name="galcandidatesbefore_source"),
        ),
        migrations.AddField(
            model_name="galwatch",
            name="search",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="watches",
                to="variables.savedsearch",
            ),
        ),
        migrations.AddField(
            model_name="galwatch",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="watches",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="galnotice",
            name="watch",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notices",
                to="variables.galwatch",
            ),
        ),
        migrations.AddConstraint(
            model_name="galnotice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "night")),
                fields=("user", "text"),
                name="galnotices_once_a_night",
            ),
        ),
        migrations.AddField(
            model_name="galwatchnews",
            name="notice",
            field=models.ForeignKey(
                help_text="of it",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="news",
                to="variables.galnotice",
            ),
        ),
        migrations.AddField(
            model_name="galwatchnews",
            name="watch",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="news",
                to="variables.galwatch",
            ),
        ),
        migrations.AddConstraint(
            model_name="galwatch",
            constraint=models.UniqueConstraint(fields=("user", "search"), name="galwatches_once"),
        ),
        migrations.AddIndex(
            model_name="galwatchnews",
            index=models.Index(fields=["watch", "-id"], name="galwatchnews_newest"),
        ),
        migrations.RunSQL(NOTE, DROP),
    ]

"""Tokens of the API with a name, an end and a last use; and what groups were given.

Tokens of before go on opening the API for a year; of their keys only the digests are kept. The
table that they were in stays, empty, for whoever goes back to an earlier version.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TAKE_OVER = """
DO $$ BEGIN
    IF to_regclass('authtoken_token') IS NOT NULL THEN
        INSERT INTO galtokens
            (user_id, name, digest, start, created, expires, ended, ended_by)
        SELECT t.user_id, 'made before tokens had names',
            encode(sha256(convert_to(t.key, 'UTF8')), 'hex'), left(t.key, 4), t.created,
            now() + interval '365 days', CASE WHEN NOT u.is_active THEN now() END,
            CASE WHEN u.is_active THEN '' ELSE 'deactivated' END
        FROM authtoken_token t JOIN auth_user u ON u.id = t.user_id;
        DELETE FROM authtoken_token;
    END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("galproject", "0004_schedules_of_others"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(help_text="what it is for", max_length=60)),
                (
                    "digest",
                    models.CharField(
                        editable=False,
                        help_text="SHA-256 of the key, hexadecimal",
                        max_length=64,
                        unique=True,
                    ),
                ),
                (
                    "start",
                    models.CharField(
                        blank=True,
                        help_text="of the key: by it a token is known in scripts",
                        max_length=12,
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("expires", models.DateTimeField()),
                (
                    "last_used",
                    models.DateTimeField(
                        blank=True, help_text="to some minutes; null: never used", null=True
                    ),
                ),
                ("ended", models.DateTimeField(blank=True, null=True)),
                (
                    "ended_by",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("owner", "ended by its owner"),
                            ("password", "ended as the password was changed"),
                            ("deactivated", "ended as the account was deactivated"),
                            ("administrator", "ended by an administrator"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API token",
                "db_table": "galtokens",
                "ordering": ["-created"],
            },
        ),
        migrations.CreateModel(
            name="GivenPermission",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "permission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="auth.permission",
                    ),
                ),
            ],
            options={
                "db_table": "galgivenpermissions",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("group", "permission"), name="galgivenpermissions_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop),
    ]

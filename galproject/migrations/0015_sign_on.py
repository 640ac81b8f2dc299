"""Who accounts belong to at a provider of OpenID Connect."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("galproject", "0014_invitations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SignOnIdentity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("issuer", models.CharField(help_text="the provider's address", max_length=500)),
                (
                    "subject",
                    models.CharField(
                        help_text="what the provider calls the person", max_length=255
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "sign-on identity",
                "verbose_name_plural": "sign-on identities",
                "db_table": "galsignonidentities",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("issuer", "subject"), name="galsignonidentities_subject"
                    ),
                    models.UniqueConstraint(
                        fields=("issuer", "user"), name="galsignonidentities_user"
                    ),
                ],
            },
        ),
    ]

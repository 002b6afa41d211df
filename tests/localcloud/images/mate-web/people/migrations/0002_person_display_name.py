from django.db import migrations, models


class Migration(migrations.Migration):
    # First half of "expand and contract": the column may be empty, so the code of the previous
    # version keeps working while both run.
    dependencies = [("people", "0001_initial")]

    operations = [
        migrations.AddField("Person", "display_name", models.CharField(max_length=201, null=True)),
    ]

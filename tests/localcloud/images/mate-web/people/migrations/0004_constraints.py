from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0003_fill_display_name")]

    operations = [
        migrations.AlterField("Person", "display_name", models.CharField(max_length=201)),
        migrations.AlterField("Person", "email", models.EmailField(max_length=254, unique=True)),
    ]

from django.db import migrations
from django.db.models import F, Value
from django.db.models.functions import Concat


def fill(apps, _schema_editor):
    person = apps.get_model("people", "Person")
    person.objects.filter(display_name=None).update(
        display_name=Concat(F("first_name"), Value(" "), F("last_name"))
    )


class Migration(migrations.Migration):
    # Data, not schema: one statement, and running it twice changes nothing.
    dependencies = [("people", "0002_person_display_name")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial")]

    operations = [
        migrations.AddField(
            "Conversation", "message_count", models.PositiveIntegerField(default=0)
        ),
        migrations.AddIndex(
            "Message",
            models.Index(fields=["conversation", "sent_at"], name="message_in_order"),
        ),
    ]

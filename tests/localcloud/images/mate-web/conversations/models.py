"""Conversations and their messages, with a count that a job keeps up to date."""

from django.db import models
from people.models import Person


class Conversation(models.Model):
    """A thread of messages."""

    owner = models.ForeignKey(Person, on_delete=models.CASCADE)
    title = models.CharField(max_length=200)
    message_count = models.PositiveIntegerField(default=0)


class Message(models.Model):
    """One message."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE)
    text = models.TextField()
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (models.Index(fields=("conversation", "sent_at"), name="message_in_order"),)

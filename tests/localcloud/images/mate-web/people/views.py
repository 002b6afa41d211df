"""Enough of an application to see that a tenant's data is its own."""

import json

from conversations.models import Message
from django.http import HttpRequest, HttpResponse, JsonResponse

from people.models import Person


def overview(_request: HttpRequest) -> HttpResponse:
    """What there is."""
    return JsonResponse({"people": Person.objects.count(), "messages": Message.objects.count()})


def people(request: HttpRequest) -> HttpResponse:
    """List the people, or add one."""
    if request.method == "POST":
        asked = json.loads(request.body)
        first, last = asked["first_name"], asked["last_name"]
        person = Person.objects.create(
            email=asked["email"],
            first_name=first,
            last_name=last,
            display_name=f"{first} {last}",
        )
        return JsonResponse({"id": person.pk, "name": str(person)}, status=201)
    return JsonResponse({"people": list(Person.objects.values("email", "display_name"))})

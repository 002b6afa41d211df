"""Addresses of the application; those of its health are answered before (`config.health`)."""

from django.urls import path
from people import views

urlpatterns = [
    path("", views.overview),
    path("people/", views.people),
]

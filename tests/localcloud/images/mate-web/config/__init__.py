"""What belongs to the project as a whole: settings, addresses, health."""

"""AWS on a laptop: MiniStack in one process, with the gaps closed that Caretaker would fall into.

Run it with ``python -m localcloud up --state DIR``. The README beside this package says what is
emulated, how, and what is not.
"""

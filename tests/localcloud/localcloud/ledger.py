"""What the account has cost: the file that Cost Explorer answers from.

Nothing here meters anything; whoever wants costs writes them into ``STATE/ledger.csv``, one line
per charge, while the cloud runs. The columns:

``date``
    the day of the charge, ``2026-11-21``
``amount``
    in US dollars, a decimal number; credits are negative
``SERVICE``, ``RECORD_TYPE``, ``USAGE_TYPE``, ``REGION``, ``LINKED_ACCOUNT``, …
    Cost Explorer's dimensions, as many of them as the file has; a record type left out is *Usage*
``tag:Tenant``, …
    the charge's tags, by key; a tag with a column is an active cost allocation tag
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import decimal
from pathlib import Path

FILE = "ledger.csv"
TAG_PREFIX = "tag:"


class LedgerError(ValueError):
    """The ledger cannot be read; the message names the line and what is wrong with it."""


@dataclasses.dataclass(frozen=True)
class Charge:
    """One line of the ledger."""

    day: datetime.date
    amount: decimal.Decimal
    dimensions: dict[str, str]
    tags: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Ledger:
    """The whole file."""

    charges: tuple[Charge, ...]
    tag_keys: tuple[str, ...]


def read(state_dir: Path) -> Ledger:
    """Read the ledger as it is now; a missing file is an account without costs."""
    path = state_dir / FILE
    if not path.exists():
        return Ledger((), ())
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        columns = rows.fieldnames or ()
        missing = {"date", "amount"} - set(columns)
        if missing:
            raise LedgerError(f"{path}: there is no column {' and no '.join(sorted(missing))}")
        charges = tuple(_charge(row, f"{path}, line {rows.line_num}") for row in rows)
    keys = (name.removeprefix(TAG_PREFIX) for name in columns if name.startswith(TAG_PREFIX))
    return Ledger(charges, tuple(keys))


def _charge(row: dict[str, str], where: str) -> Charge:
    try:
        day = datetime.date.fromisoformat(row["date"])
    except ValueError:
        raise LedgerError(f"{where}: {row['date']!r} is no date; write it as 2026-11-21") from None
    try:
        amount = decimal.Decimal(row["amount"])
    except decimal.InvalidOperation:
        raise LedgerError(f"{where}: {row['amount']!r} is no amount") from None
    dimensions = {
        name: value
        for name, value in row.items()
        if name not in ("date", "amount") and not name.startswith(TAG_PREFIX) and value
    }
    dimensions.setdefault("RECORD_TYPE", "Usage")
    tags = {
        name.removeprefix(TAG_PREFIX): value
        for name, value in row.items()
        if name.startswith(TAG_PREFIX) and value
    }
    return Charge(day, amount, dimensions, tags)

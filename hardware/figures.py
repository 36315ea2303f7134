"""Figures: what a simulation found, beside the limit that it has to keep."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import override


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity over all its cases, with the limits that hold for every case."""

    name: str
    values: tuple[float, ...]
    unit: str
    low: float | None = None
    high: float | None = None

    @property
    def kept(self) -> bool:
        """Whether every value lies inside the limits, and there is at least one."""
        return bool(self.values) and all(
            value == value  # NaN keeps no limit  # noqa: PLR0124
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            for value in self.values
        )

    @property
    def row(self) -> tuple[str, ...]:
        """Name, number of cases, least, median, most, limit."""
        bounds = [f"≥ {self.low:g}" if self.low is not None else ""]
        bounds.append(f"≤ {self.high:g}" if self.high is not None else "")
        return (
            self.name,
            str(len(self.values)),
            *(number(one) for one in (min(self.values), median(self.values), max(self.values))),
            " ".join(bound for bound in bounds if bound) or "for information",
            self.unit,
        )

    def as_record(self) -> dict[str, object]:
        """Return what the record of results keeps."""
        return {
            "name": self.name,
            "cases": len(self.values),
            "min": round(min(self.values), 6),
            "median": round(median(self.values), 6),
            "max": round(max(self.values), 6),
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
        }


HEAD = ("what", "cases", "min", "median", "max", "limit", "unit")


@dataclass(slots=True)
class Report:
    """Figures by key, in the order in which they were found."""

    figures: dict[str, Figure] = field(default_factory=dict)

    def add(  # noqa: PLR0917 - the columns of the table
        self,
        key: str,
        name: str,
        values: Iterable[float],
        unit: str,
        low: float | None = None,
        high: float | None = None,
    ) -> Figure:
        """Keep a figure under a key."""
        self.figures[key] = Figure(name, tuple(values), unit, low, high)
        return self.figures[key]

    def __getitem__(self, key: str) -> Figure:
        """Return a figure; raise `KeyError` if nothing has found it."""
        return self.figures[key]

    @override
    def __str__(self) -> str:
        """Return the table as text for a terminal."""
        return text_table([HEAD, *(figure.row for figure in self.figures.values())])


def number(value: float) -> str:
    """Write a number with four significant digits, without an exponent."""
    if abs(value) < 5e-4:
        return "0"
    digits = max(0, 3 - len(str(int(abs(value)))) + (1 if abs(value) < 1 else 0))
    return f"{value:,.{digits}f}"


def text_table(rows: Sequence[tuple[str, ...]]) -> str:
    """Align columns for a terminal."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def markdown_table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table whose first row is the head."""
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in body]
    return "\n".join(lines)

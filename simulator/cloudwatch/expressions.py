"""Metric math: arithmetic between the series of one request ["Using metric math", CloudWatch user guide].

Python's own parser reads an expression, since both write numbers, names, calls and lists alike and bind in
the same order.  A point is there where all operands have one; `FILL` makes one up, as far as time has passed.
Not tried on AWS: its words for what is wrong, a gap in `SUM`, a division by zero (which tells nothing here).
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.cloudwatch.measures import Array
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

Value: TypeAlias = Array | np.float64

LENGTH_MAX = 2048
REPEAT = "REPEAT"
ARITHMETIC: Mapping[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS: Mapping[type[ast.cmpop], np.ufunc] = {
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
FOLDS: Mapping[str, Callable[[Array], Array]] = {
    "SUM": lambda rows: rows.sum(axis=0),
    "AVG": lambda rows: rows.mean(axis=0),
    "MIN": lambda rows: rows.min(axis=0),
    "MAX": lambda rows: rows.max(axis=0),
}
FUNCTIONS = frozenset({"FILL", "IF", "METRICS", *FOLDS})


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression of a request, as it was read; `needs` are the queries that it is made of."""

    id: str
    label: str
    tree: ast.expr
    needs: frozenset[str]
    metrics: tuple[str, ...]
    returned: bool

    @classmethod
    def parse(cls, name: str, text: str, label: str, metrics: Sequence[str], *, returned: bool) -> Formula:
        """Read an expression of a request with these metric queries.  Raises Refusal."""
        tree = _read(name, text)
        for each in _called(tree):
            if each not in FUNCTIONS:
                raise wrong(
                    name, f"the function {each} is not simulated yet: {', '.join(sorted(FUNCTIONS))} are"
                )
        return cls(name, label, tree, frozenset(_needed(tree, metrics)), tuple(metrics), returned)


def ordered(formulas: Sequence[Formula], known: Iterable[str]) -> tuple[Formula, ...]:
    """Return formulas so that each comes after those that it needs.  Raises Refusal."""
    by_id = {formula.id: formula for formula in formulas}
    known = {*known, *by_id}
    for formula in formulas:
        if strangers := sorted(formula.needs - known):
            raise wrong(formula.id, f"unknown id {', '.join(strangers)}")
        if not formula.needs:
            raise wrong(formula.id, "an expression needs a time series")
    sorter = TopologicalSorter({formula.id: formula.needs & by_id.keys() for formula in formulas})
    try:
        return tuple(by_id[name] for name in sorter.static_order())
    except CycleError as error:
        raise wrong(error.args[1][0], f"circular reference {' -> '.join(error.args[1])}") from None


def wrong(name: str, what: str) -> Refusal:
    """Return the refusal of an expression."""
    return Refusal("ValidationError", f"Error in expression '{name}': {what}.")


def solve(formula: Formula, columns: Mapping[str, Array], passed: NDArray[np.bool_]) -> Array:
    """Return a formula's points; `passed` marks the stamps that have come by now.  Raises Refusal."""
    try:
        with np.errstate(all="ignore"):
            value = _Calculator(formula, columns, passed).value(formula.tree)
    except (RecursionError, OverflowError):
        raise wrong(formula.id, "it is nested too deeply, or has too large a number") from None
    if not isinstance(value, np.ndarray):
        raise wrong(formula.id, "it tells a number, not a time series")
    return np.where(np.isfinite(value), value, np.nan)


def _read(name: str, text: str) -> ast.expr:
    if text.lstrip().upper().startswith("SELECT"):
        raise wrong(name, "Metrics Insights is not simulated yet")
    if not 0 < len(text) <= LENGTH_MAX:
        raise wrong(name, f"it must have 1 to {LENGTH_MAX} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise wrong(name, "it cannot be parsed") from None


def _called(tree: ast.expr) -> Iterator[str]:
    return (
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )


def _needed(tree: ast.expr, metrics: Sequence[str]) -> Iterator[str]:
    """Yield the ids that an expression names, or means by METRICS."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="METRICS"), args=arguments):
                yield from _meant(arguments, metrics)
            case ast.Name(id=name) if name != REPEAT and name not in FUNCTIONS:
                yield name


def _meant(arguments: Sequence[ast.expr], metrics: Sequence[str]) -> list[str]:
    """Return the metric queries that METRICS() or METRICS("text") means: those with the text in their id."""
    match arguments:
        case []:
            return list(metrics)
        case [ast.Constant(value=str() as text)]:
            return [name for name in metrics if text in name]
        case _:
            return []


@dataclass(frozen=True, slots=True, eq=False)
class _Calculator:
    """Walks one expression."""

    formula: Formula
    columns: Mapping[str, Array]
    passed: NDArray[np.bool_]

    def value(self, node: ast.expr) -> Value:
        """Return what a part of the expression is worth: a series or a number."""
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return np.float64(number)
            case ast.Name(id=name) if name in self.columns:
                return self.columns[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                return ARITHMETIC[type(op)](self.value(left), self.value(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
                return _compared(COMPARISONS[type(op)], self.value(left), self.value(right))
            case ast.Call():
                return self._called(node)
            case _:
                raise self._unknown(node)

    def _called(self, node: ast.Call) -> Value:
        match node:
            case ast.Call(func=ast.Name(id="IF"), args=[condition, then, other], keywords=[]):
                return _chosen(*(self.value(each) for each in (condition, then, other)))
            case ast.Call(func=ast.Name(id="FILL"), args=[series, filling], keywords=[]):
                return self._filled(self.value(series), filling)
            case ast.Call(func=ast.Name(id=name), args=[series], keywords=[]) if name in FOLDS:
                return FOLDS[name](np.array(self._several(series)))
            case _:
                raise self._unknown(node)

    def _several(self, node: ast.expr) -> list[Array]:
        """Return the series of a list, of METRICS, or of either one filled."""
        match node:
            case ast.List(elts=[_, *_] as parts):
                return [self._series(part) for part in parts]
            case ast.Call(func=ast.Name(id="METRICS"), args=arguments, keywords=[]):
                if meant := _meant(arguments, self.formula.metrics):
                    return [self.columns[name] for name in meant]
            case ast.Call(func=ast.Name(id="FILL"), args=[series, filling], keywords=[]):
                return [self._filled(each, filling) for each in self._several(series)]
            case _:
                pass
        raise self._unknown(node)

    def _series(self, node: ast.expr) -> Array:
        value = self.value(node)
        if not isinstance(value, np.ndarray):
            raise self._unknown(node)
        return value

    def _filled(self, value: Value, filling: ast.expr) -> Array:
        """Return a series without gaps, as far as time has passed."""
        if not isinstance(value, np.ndarray):
            raise self._unknown(filling)
        known = ~np.isnan(value)
        if isinstance(filling, ast.Name) and filling.id == REPEAT:
            latest = np.maximum.accumulate(np.where(known, np.arange(len(value)), 0))
            return np.where(known | ~self.passed, value, value[latest])
        number = self.value(filling)
        if isinstance(number, np.ndarray):
            raise self._unknown(filling)
        return np.where(known | ~self.passed, value, number)

    def _unknown(self, node: ast.expr) -> Refusal:
        return wrong(self.formula.id, f"{ast.unparse(node)} is not simulated yet, or makes no sense there")


def _compared(ufunc: np.ufunc, left: Value, right: Value) -> Value:
    """Return 1 where a comparison holds and 0 where it does not, where both sides have a point."""
    holds: Value = np.where(np.isnan(left) | np.isnan(right), np.nan, ufunc(left, right))
    return holds


def _chosen(condition: Value, then: Value, other: Value) -> Value:
    chosen: Value = np.where(np.isnan(condition), np.nan, np.where(condition != 0, then, other))
    return chosen

"""Small changes of a module's source, one at a time: another comparison, operator, number, word, method or condition.

Texts of messages and docstrings, annotations and imports are left as they are: they compute nothing.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
NAMES = {
    "min_horizontal": "max_horizontal",
    "max_horizontal": "min_horizontal",
    "ceil": "floor",
    "floor": "ceil",
    "first": "last",
    "last": "first",
    "min": "max",
    "max": "min",
    "cum_sum": "cum_max",
    "is_null": "is_not_null",
    "is_not_null": "is_null",
    "forward_fill": "backward_fill",
}
Place = tuple[ast.AST, ast.AST]


@dataclass(frozen=True)
class Mutant:
    """A module with one change: the line as it stands, the expression around the change before and after."""

    line: str
    change: str
    source: str


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its source."""
    lines = source.splitlines()
    for place, (_, node) in enumerate(walked(ast.parse(source))):
        for number in range(len(list(replacements(node)))):
            tree = ast.parse(source)
            parent, node = list(walked(tree))[place]  # noqa: PLW2901 - the same place of a fresh tree
            shown = parent if isinstance(parent, ast.expr) else node
            line, before = lines[node.lineno - 1].strip(), ast.unparse(shown)
            new = list(replacements(node))[number]
            put(parent, node, new)
            after = ast.unparse(new if shown is node else shown)
            yield Mutant(line, f"{before} -> {after}", ast.unparse(ast.fix_missing_locations(tree)))


def replacements(node: ast.AST) -> Iterator[ast.expr]:
    """What can stand in the place of a node."""
    match node:
        case ast.Compare(left, [op, *others], comparators) if type(op) in COMPARISONS:
            yield ast.Compare(left, [COMPARISONS[type(op)](), *others], comparators)
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            yield ast.BinOp(left, OPERATORS[type(op)](), right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(OPERATORS[type(op)](), values)
        case ast.UnaryOp(ast.Invert() | ast.Not() | ast.USub(), operand):
            yield operand
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(str() as value):
            yield ast.Constant(value + "_")
        case ast.Attribute(value, name, context) if name in NAMES:
            yield ast.Attribute(value, NAMES[name], context)
        case ast.Name(name, context) if name in NAMES:
            yield ast.Name(NAMES[name], context)


def put(parent: ast.AST, old: ast.AST, new: ast.AST) -> None:
    """Let another node stand where the old one stood."""
    for name, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, name, new)
        elif isinstance(value, list):
            value[:] = [new if each is old else each for each in value]


def walked(node: ast.AST) -> Iterator[Place]:
    """Each node that computes, and what it stands in."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            is_text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not is_text:
                if isinstance(child, ast.Import | ast.ImportFrom | ast.Raise | ast.JoinedStr):
                    continue
                yield node, child
                yield from walked(child)

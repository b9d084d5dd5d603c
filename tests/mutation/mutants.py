"""Small changes of a module's source, one at a time: another comparison, operator, number, mode or condition."""

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
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Pow: ast.Mult,
}
METHODS = {
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


@dataclass(frozen=True)
class Mutant:
    """A module with one change; `shown` is what stands there now, and where."""

    line: int
    was: str
    now: str
    source: str

    @property
    def shown(self) -> str:
        return f"{self.was} -> {self.now}"


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines. Docstrings and annotations are left as they are."""
    count = len(list(changes_of(ast.parse(source))))
    for number in range(count):
        tree = ast.parse(source)
        node, change = list(changes_of(tree))[number]
        line, was = node.lineno, ast.unparse(node)
        change()
        yield Mutant(line, was, ast.unparse(node), ast.unparse(tree))


def changes_of(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, object]]:
    """Each node that can be changed, and what changes it."""
    for node in walked(tree):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
            yield node, lambda node=node: node.ops.__setitem__(0, COMPARISONS[type(node.ops[0])]())
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            yield node, lambda node=node: setattr(node, "op", OPERATORS[type(node.op)]())
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert | ast.Not):
            yield node, lambda node=node: setattr(node, "op", ast.UAdd() if isinstance(node.op, ast.Not) else node.op)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield node, lambda node=node: setattr(node, "value", not node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, int):
            yield node, lambda node=node: setattr(node, "value", node.value + 1)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, lambda node=node: setattr(node, "value", node.value + "_")
        elif isinstance(node, ast.Attribute) and node.attr in METHODS:
            yield node, lambda node=node: setattr(node, "attr", METHODS[node.attr])


def walked(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that compute: no docstring, no annotation, no import."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns") or isinstance(value, ast.Import | ast.ImportFrom):
            continue
        for child in value if isinstance(value, list) else [value]:
            is_text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not is_text and not isinstance(child, ast.Import | ast.ImportFrom):
                yield child
                yield from walked(child)

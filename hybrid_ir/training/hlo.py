"""A compiled program's text, parsed. To `collectives` and `arithmetic`.

XLA prints a program for one chip (HLO): computations, each a list of
instructions, that call one another. What a scan became is a `while`, whose body
stands there once and runs once a layer or chunk.
"""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence

BYTES = {
  "pred": 1,
  "s8": 1,
  "u8": 1,
  "s16": 2,
  "u16": 2,
  "bf16": 2,
  "f16": 2,
  "s32": 4,
  "u32": 4,
  "f32": 4,
  "s64": 8,
  "u64": 8,
  "f64": 8,
}
_HEAD = re.compile(r"(ENTRY )?%?([\w.-]+) \(.*\) -> .*\{$")
_LINE = re.compile(r"\s+(ROOT )?%?([\w.-]+) = (.*)$")
_OPCODE = re.compile(r"\s([a-z][\w-]*)\(")
_SHAPE = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")
_CALLED = re.compile(
  r"\b(?:calls|body|true_computation|false_computation)=%?([\w.-]+)"
  r"|\b(?:branch|called)_computations=\{([^}]*)\}"
)
_TRIPS = re.compile(r'known_trip_count"?:\{"?n"?:"?(\d+)')


@dataclasses.dataclass(frozen=True)
class Shape:
  """Of an array on one chip."""

  dtype: str
  dims: tuple[int, ...]

  @property
  def size(self) -> int:
    """Its elements."""
    return math.prod(self.dims)

  @property
  def bytes(self) -> int:
    """Its bytes, without padding."""
    return BYTES[self.dtype] * self.size


@dataclasses.dataclass(frozen=True)
class Instruction:
  """One line of a computation."""

  name: str
  opcode: str
  shapes: tuple[Shape, ...]  # of the result; several of a tuple
  operands: tuple[str, ...]  # names of instructions of the same computation
  inside: str  # what stands between its parentheses
  attributes: str  # what stands behind them


Computation = Mapping[str, Instruction]  # by name, in the order of the text


@dataclasses.dataclass(frozen=True)
class Run:
  """An instruction, and how often a chip runs it in one call of a program."""

  instruction: Instruction
  times: int
  computation: Computation  # that it stands in
  within: str  # the name of that

  def operands(self) -> list[Shape]:
    """The shapes of its operands."""
    return [
      shape
      for name in self.instruction.operands
      for shape in self.computation[name].shapes
    ]


@dataclasses.dataclass(frozen=True)
class Program:
  """What a program's text says."""

  computations: Mapping[str, Computation]
  entry: str

  def runs(self) -> Iterator[Run]:
    """Yields what the entry computation comes to run, loops multiplied.

    Raises:
      ValueError: a loop whose number of trips cannot be read.
    """
    return self._runs(self.entry, 1)

  def _runs(self, name: str, times: int) -> Iterator[Run]:
    computation = self.computations[name]
    for instruction in computation.values():
      yield Run(instruction, times, computation, name)
      inner = times
      if instruction.opcode == "while":
        inner *= self._trips(instruction)
      for called in _called(instruction):
        yield from self._runs(called, inner)

  def _trips(self, loop: Instruction) -> int:
    """Of a loop that counts from 0 by 1, as a scan is compiled to."""
    if known := _TRIPS.search(loop.attributes):
      return int(known[1])
    found = re.search(r"\bcondition=%?([\w.-]+)", loop.attributes)
    condition = self.computations[found[1]] if found else {}
    limits = [
      int(limit.inside)
      for one in condition.values()
      if one.opcode == "compare" and "direction=LT" in one.attributes
      for limit in (condition[name] for name in one.operands)
      if limit.opcode == "constant"
    ]
    if len(limits) != 1:
      raise ValueError(f"the trips of the loop {loop.name} cannot be read")
    return limits[0]


def parse(text: str) -> Program:
  """Reads what `jax.stages.Compiled.as_text` gives, of TPU or CPU.

  Raises:
    ValueError: no program.
  """
  computations: dict[str, dict[str, Instruction]] = {}
  entry, current = "", None
  for line in text.splitlines():
    if head := _HEAD.match(line):
      current = computations.setdefault(head[2], {})
      entry = head[2] if head[1] else entry
    elif line.startswith("}"):
      current = None
    elif current is not None and (found := _LINE.match(line)):
      current[found[2]] = _instruction(found[2], found[3])
  if not entry:
    raise ValueError("the text has no ENTRY computation")
  return Program(computations, entry)


def _instruction(name: str, text: str) -> Instruction:
  """What stands behind `name =`: shapes, opcode(operands), attributes."""
  opcode = _OPCODE.search(text)
  if opcode is None:
    raise ValueError(f"the instruction {name} has no operation: {text}")
  end = _closing(text, opcode.end())
  inside = text[opcode.end() : end]
  return Instruction(
    name,
    opcode[1],
    tuple(_shapes(text[: opcode.start()])),
    tuple(re.findall(r"%([\w.-]+)", inside)),
    inside,
    text[end + 1 :],
  )


def _closing(text: str, start: int) -> int:
  """Where the parenthesis ends that was opened before `start`."""
  depth = 1
  for found in re.finditer(r"[()]", text[start:]):
    depth += 1 if found[0] == "(" else -1
    if not depth:
      return start + found.start()
  return len(text)


def _shapes(text: str) -> Iterator[Shape]:
  for dtype, dims in _SHAPE.findall(text):
    yield Shape(dtype, tuple(int(n) for n in dims.split(",") if n))


def _called(instruction: Instruction) -> Sequence[str]:
  """The computations that it runs; not those that reduce two numbers."""
  names = []
  if instruction.opcode == "call":
    names += re.findall(r"\bto_apply=%?([\w.-]+)", instruction.attributes)
  for one, several in _CALLED.findall(instruction.attributes):
    names += [one] if one else re.findall(r"[\w.-]+", several)
  return names

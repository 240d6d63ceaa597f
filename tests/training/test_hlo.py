import jax
import jax.numpy as jnp
import pytest

from hybrid_ir.training.hlo import Shape, parse

# Two loops, one in the other, the outer counted by its condition and the inner
# by a note; a fusion in each. As XLA prints it, with most left out.
NESTED = """HloModule jit_step, is_scheduled=true

%add.1 (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %y = f32[] parameter(1)
  ROOT %sum = f32[] add(%x, %y)
}

%fused.1 (p.1: bf16[4,8]) -> bf16[4,8] {
  %p.1 = bf16[4,8]{1,0:T(8,128)(2,1)S(1)} parameter(0)
  ROOT %negate.1 = bf16[4,8]{1,0:T(8,128)(2,1)} negate(%p.1)
}

%inner_body (t.2: (s32[], bf16[4,8])) -> (s32[], bf16[4,8]) {
  %t.2 = (s32[]{:T(128)}, bf16[4,8]{1,0}) parameter(0)
  %n.2 = s32[]{:T(128)} get-tuple-element(%t.2), index=0
  %x.2 = bf16[4,8]{1,0} get-tuple-element(%t.2), index=1
  %f.2 = bf16[4,8]{1,0} fusion(%x.2), kind=kLoop, calls=%fused.1
  ROOT %r.2 = (s32[]{:T(128)}, bf16[4,8]{1,0}) tuple(%n.2, %f.2)
}

%inner_condition (t.3: (s32[], bf16[4,8])) -> pred[] {
  %t.3 = (s32[], bf16[4,8]{1,0}) parameter(0)
  ROOT %yes.3 = pred[] constant(true)
}

%outer_body (t.4: (s32[], bf16[4,8])) -> (s32[], bf16[4,8]) {
  %t.4 = (s32[], bf16[4,8]{1,0}) parameter(0)
  ROOT %w.4 = (s32[], bf16[4,8]{1,0}) while(%t.4), condition=%inner_condition, \
body=%inner_body, backend_config={"known_trip_count":{"n":"5"}}
}

%outer_condition (t.5: (s32[], bf16[4,8])) -> pred[] {
  %limit.5 = s32[]{:T(128)} constant(3)
  %t.5 = (s32[], bf16[4,8]{1,0}) parameter(0)
  %n.5 = s32[]{:T(128)} get-tuple-element(%t.5), index=0
  ROOT %less.5 = pred[]{:T(512)} compare(%n.5, %limit.5), direction=LT
}

ENTRY %main (a: (s32[], bf16[4,8])) -> (s32[], bf16[4,8]) {
  %a = (s32[], /*index=1*/bf16[4,8]{1,0}) parameter(0)
  ROOT %w = (s32[], bf16[4,8]{1,0}) while(%a), condition=%outer_condition, \
body=%outer_body, metadata={op_name="jit(step)/while (a loop)"}
}
"""


def times(program, opcode):
  return [
    run.times for run in program.runs() if run.instruction.opcode == opcode
  ]


def test_loops_in_loops_multiply():
  program = parse(NESTED)
  assert times(program, "while") == [1, 3]
  assert times(program, "negate") == [15]
  assert times(program, "add") == []  # of no instruction: it reduces
  (run,) = (r for r in program.runs() if r.instruction.opcode == "negate")
  assert run.within == "fused.1"
  assert run.operands() == [Shape("bf16", (4, 8))]
  assert run.operands()[0].bytes == 64


def test_a_called_computation_runs():
  called = NESTED.replace(
    "fusion(%x.2), kind=kLoop, calls=", "call(%x.2), to_apply="
  )
  assert times(parse(called), "negate") == [15]


def test_shapes_of_a_tuple_are_several():
  first = parse(NESTED).computations["main"]["a"]
  assert first.opcode == "parameter"
  assert first.shapes == (Shape("s32", ()), Shape("bf16", (4, 8)))


@pytest.mark.parametrize("change", [("LT", "NE"), ("constant(3)", "iota()")])
def test_a_loop_without_a_limit_is_refused(change):
  with pytest.raises(ValueError, match=r"the trips of the loop w cannot"):
    list(parse(NESTED.replace(*change)).runs())


def test_a_text_without_a_program_is_refused():
  with pytest.raises(ValueError, match="no ENTRY"):
    parse("HloModule empty")


def test_scans_as_they_are_compiled_here():
  def layer(x, w):
    return jnp.tanh(x @ w), None

  def step(x, ws):
    chunk = jax.checkpoint(lambda x: jax.lax.scan(layer, x, ws)[0])
    return jax.lax.scan(lambda _, x: (None, chunk(x)), None, x)[1].sum()

  shapes = jnp.zeros((3, 4, 8)), jnp.zeros((7, 8, 8))
  text = jax.jit(step).lower(*shapes).compile().as_text()
  assert times(parse(text), "while") == [1, 3]
  assert times(parse(text), "tanh") == [21]

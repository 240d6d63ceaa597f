import os
import re

from hybrid_ir.studies import machine


def test_the_hardware_names_processor_cores_and_memory():
  told = machine.hardware()
  name = re.fullmatch(rf"(.+), {os.cpu_count()} cores, \d+ GiB", told)
  assert name, told
  assert name[1].strip()


def test_an_accelerator_comes_first(monkeypatch):
  class Device:
    platform = "gpu"
    device_kind = "NVIDIA H100"

  monkeypatch.setattr(machine.jax, "devices", lambda: [Device(), Device()])
  told = machine.hardware()
  assert told == f"2 NVIDIA H100; {machine.host()}"

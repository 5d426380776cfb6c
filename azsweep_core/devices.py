"""Gives each trial on this machine a device of its own. Knows device names only; asks the system which there are."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping

__all__ = ["DeviceSlots", "found_devices"]

_VARIABLE = "CUDA_VISIBLE_DEVICES"


class DeviceSlots:
    """Devices that are free; one listed twice can hold two trials.

    >>> slots = DeviceSlots(["0", "1"])
    >>> slots.take(7), slots.take(8)
    ({'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '1'})
    >>> slots.give_back(7)
    >>> slots.take(9)
    {'CUDA_VISIBLE_DEVICES': '0'}
    """

    def __init__(self, devices: Iterable[str]) -> None:
        self._free = list(devices)
        self._taken: dict[int, str] = {}

    def take(self, number: int) -> dict[str, str]:
        """The environment that gives trial `number` a free device; empty if there are no devices at all."""
        if not self._free:
            return {}
        self._taken[number] = self._free.pop(0)
        return {_VARIABLE: self._taken[number]}

    def give_back(self, number: int) -> None:
        """The trial is over; the device it had, if any, is the next one taken."""
        if number in self._taken:
            self._free.insert(0, self._taken.pop(number))


def found_devices(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that this process may use: `CUDA_VISIBLE_DEVICES`, else what the NVIDIA driver lists."""
    if _VARIABLE in environment:
        return [name.strip() for name in environment[_VARIABLE].split(",") if name.strip() not in ("", "-1")]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=30, check=False)
    return [str(number) for number, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU")]

"""The filter is run by a small interpreter of the kernel's instructions, for both machines on either one."""

import struct

import pytest

from jobs.graders.sandbox import seccomp
from jobs.graders.sandbox.seccomp import ALLOW, KILL_PROCESS, MACHINES, NO_SUCH_CALL, NOT_PERMITTED

PROCESS = 4242


def verdict(machine: str, call: int, *arguments: int, audit: int | None = None) -> int:
    numbers = MACHINES[machine]
    data = struct.pack("<IIQ6Q", call, numbers.audit if audit is None else audit, 0, *(*arguments, *[0] * 6)[:6])
    code = list(struct.iter_unpack("<HBBI", seccomp.program(numbers, PROCESS)))
    at = word = 0
    while True:
        operation, met, unmet, value = code[at]
        at += 1
        match operation:
            case seccomp.LOAD:
                word = struct.unpack_from("<I", data, value)[0]
            case seccomp.EQUAL:
                at += met if word == value else unmet
            case seccomp.AT_LEAST:
                at += met if word >= value else unmet
            case seccomp.ANY_BIT:
                at += met if word & value else unmet
            case seccomp.RETURN:
                return int(value)
            case _:
                pytest.fail(f"an instruction the interpreter does not know: {operation:#x}")


@pytest.mark.parametrize("machine", MACHINES)
def test_every_listed_call_is_refused(machine: str) -> None:
    assert {verdict(machine, call) for call in MACHINES[machine].denied} == {NOT_PERMITTED}


@pytest.mark.parametrize(("machine", "read", "write", "mmap"), [("x86_64", 0, 1, 9), ("aarch64", 63, 64, 222)])
def test_plain_work_is_allowed(machine: str, read: int, write: int, mmap: int) -> None:
    assert {verdict(machine, call) for call in (read, write, mmap)} == {ALLOW}


@pytest.mark.parametrize("machine", MACHINES)
def test_threads_are_allowed_and_processes_are_not(machine: str) -> None:
    clone = MACHINES[machine].clone
    assert verdict(machine, clone, 0x003D0F00 | seccomp.CLONE_THREAD) == ALLOW
    assert verdict(machine, clone, 0x01200011) == NOT_PERMITTED
    assert verdict(machine, seccomp.CLONE3) == NO_SUCH_CALL


@pytest.mark.parametrize("machine", MACHINES)
def test_signals_and_limits_stay_inside(machine: str) -> None:
    numbers = MACHINES[machine]
    for call in (numbers.kill, numbers.tgkill):
        assert verdict(machine, call, PROCESS) == ALLOW
        assert verdict(machine, call, PROCESS + 1) == NOT_PERMITTED
        assert verdict(machine, call, 2**64 - 1) == NOT_PERMITTED
    assert verdict(machine, numbers.prlimit64, 0) == ALLOW
    assert verdict(machine, numbers.prlimit64, PROCESS) == ALLOW
    assert verdict(machine, numbers.prlimit64, 1) == NOT_PERMITTED


@pytest.mark.parametrize("machine", MACHINES)
def test_files_cannot_send_signals_and_the_tie_to_the_parent_cannot_be_cut(machine: str) -> None:
    numbers = MACHINES[machine]
    assert {verdict(machine, numbers.fcntl, 3, command) for command in (8, 10, 15)} == {NOT_PERMITTED}
    assert verdict(machine, numbers.fcntl, 3, 1) == ALLOW
    assert verdict(machine, numbers.prctl, 1) == NOT_PERMITTED
    assert verdict(machine, numbers.prctl, 15) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_other_numberings_and_later_calls_are_no_way_round(machine: str) -> None:
    assert verdict(machine, 1, audit=0x40000003) == KILL_PROCESS
    assert verdict(machine, 0x40000000 + 59) == NOT_PERMITTED
    assert verdict(machine, seccomp.FIRST_UNKNOWN) == NO_SUCH_CALL
    assert verdict(machine, 10_000) == NO_SUCH_CALL

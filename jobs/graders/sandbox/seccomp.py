"""A system call filter for the grading process: no network, no other processes, nothing of the machine.

What is not named here is allowed: plain computing, memory, threads, and files as far as Landlock lets them. The filter
is a list of classic BPF instructions; linux/audit.h, linux/filter.h and linux/seccomp.h hold the numbers.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Instruction = tuple[int, int, int, int]
"""Operation, jump if true, jump if false, constant."""

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL_PROCESS, NOT_PERMITTED, NO_SUCH_CALL = 0x7FFF0000, 0x80000000, 0x00050000 | 1, 0x00050000 | 38
AT_CALL, AT_MACHINE, AT_ARGUMENTS = 0, 4, 16

X32_CALLS = 0x40000000
FIRST_UNKNOWN = 452
"""Calls that Linux got later than this list do not exist here; both machines count alike up there."""
CLONE3 = 435
"""Its flags lie in memory that a filter cannot read; told that it does not exist, the C library falls back on clone."""
CLONE_THREAD = 0x00010000
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
"""Would hide from the parent which files this process holds open."""
SIGNAL_OWNERSHIP = (8, 10, 15)  # fcntl's F_SETOWN, F_SETSIG, F_SETOWN_EX: signals sent by way of a file


class Machine(NamedTuple):
    """How one processor architecture numbers its calls."""

    audit: int
    denied: tuple[int, ...]
    clone: int
    kill: int
    tgkill: int
    prlimit64: int
    fcntl: int
    prctl: int


# name: (x86_64, aarch64); None where the machine does not have the call.
_DENIED: Mapping[str, tuple[int, int | None]] = {
    # the network; a socketpair inside the process harms nobody and asyncio needs it
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242),
    # a ring does what it is asked to behind the filter's back
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # other programs and processes
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130), "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274), "sched_setaffinity": (203, 122),
    "migrate_pages": (256, 238), "move_pages": (279, 239),
    # memory and messages shared with other processes
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semtimedop": (220, 192), "semctl": (66, 191), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
    # what Landlock does not watch: modes, owners, times and attributes of files, files by handle, device files
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, None), "lchown": (94, None),
    "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "truncate": (76, 45),
    "mknod": (133, None), "mknodat": (259, 33), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    # the machine: mounts, name spaces, users, clock, kernel
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "move_mount": (429, 429), "open_tree": (428, 428), "mount_setattr": (442, 442), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145),
    "setregid": (114, 143), "setresuid": (117, 147), "setresgid": (119, 149), "setfsuid": (122, 151),
    "setfsgid": (123, 152), "setgroups": (116, 159), "capset": (126, 91), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "memfd_secret": (447, 447), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "personality": (135, 92), "syslog": (103, 116),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171), "vhangup": (153, 58),
    "lookup_dcookie": (212, 18), "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
}  # fmt: skip

MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(0xC000003E, tuple(call for call, _ in _DENIED.values()), 56, 62, 234, 302, 72, 157),
    "aarch64": Machine(
        0xC00000B7, tuple(call for _, call in _DENIED.values() if call is not None), 220, 129, 131, 261, 25, 167
    ),
}


def program(machine: Machine, process: int) -> bytes:
    """The filter for one process, as an array of `struct sock_filter`.

    Args:
        machine: the processor the process runs on.
        process: its id; signals and limits may be set for it alone.
    """
    code: list[Instruction] = [
        (LOAD, 0, 0, AT_MACHINE),
        (EQUAL, 1, 0, machine.audit),
        (RETURN, 0, 0, KILL_PROCESS),  # a call made in another machine's numbering, such as int 0x80
        (LOAD, 0, 0, AT_CALL),
        (AT_LEAST, 0, 1, X32_CALLS),
        (RETURN, 0, 0, NOT_PERMITTED),
        (AT_LEAST, 1, 0, FIRST_UNKNOWN),
        (EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, NO_SUCH_CALL),
    ]
    code += _if_argument(machine.clone, 0, (ANY_BIT,), (CLONE_THREAD,), met=ALLOW)
    code += _if_argument(machine.kill, 0, (EQUAL,), (process,), met=ALLOW)
    code += _if_argument(machine.tgkill, 0, (EQUAL,), (process,), met=ALLOW)
    code += _if_argument(machine.prlimit64, 0, (EQUAL, EQUAL), (0, process), met=ALLOW)
    code += _if_argument(machine.fcntl, 1, (EQUAL,) * 3, SIGNAL_OWNERSHIP, met=NOT_PERMITTED)
    code += _if_argument(machine.prctl, 0, (EQUAL, EQUAL), (PR_SET_PDEATHSIG, PR_SET_DUMPABLE), met=NOT_PERMITTED)
    for place, call in enumerate(machine.denied):
        code.append((EQUAL, len(machine.denied) - place, 0, call))
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, NOT_PERMITTED)]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def _if_argument(call: int, argument: int, tests: Sequence[int], values: Sequence[int], met: int) -> list[Instruction]:
    """For one call: `met` if any test of the argument's low half holds, else the opposite; other calls pass by."""
    unmet = NOT_PERMITTED if met == ALLOW else ALLOW
    count = len(tests)
    checks = [(test, count - place, 0, value) for place, (test, value) in enumerate(zip(tests, values, strict=True))]
    return [
        (EQUAL, 0, count + 3, call),
        (LOAD, 0, 0, AT_ARGUMENTS + 8 * argument),
        *checks,
        (RETURN, 0, 0, unmet),
        (RETURN, 0, 0, met),
    ]

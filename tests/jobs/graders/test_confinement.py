"""What a grader can reach, tried from inside one."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from jobs.graders import Grade, GraderRuntime, Limits, Sample, parse_grader
from jobs.graders.sandbox.confine import unsupported
from tests.jobs.graders.definitions import python

pytestmark = pytest.mark.asyncio(loop_scope="module")
REPOSITORY = Path(__file__).parents[3]


SOURCE = """
import ctypes, os, signal, socket, subprocess, sys, threading
def grade(sample, item):
    exec(item["code"], globals())
    return attempt(item)
"""
"""One grader for every attempt, so that one process serves them all."""


async def attempt(runtime: GraderRuntime, code: str) -> Grade:
    body = "def attempt(item):\n" + "\n".join(f"    {line}" for line in code.strip().splitlines())
    item = {"parent": os.getpid(), "code": body}
    (grade,) = await runtime.grade(parse_grader(python(SOURCE)), [(Sample("x"), item)])
    return grade


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('127.0.0.1', 80))",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_INET6)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "os.fork()",
        "subprocess.run(['/bin/true'])",
        "os.execv(sys.executable, ['python'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "__import__('multiprocessing').Process(target=print).start()",
        "os.kill(item['parent'], signal.SIGTERM)",
        "os.kill(item['parent'], 0)",
        "os.kill(-1, signal.SIGTERM)",
        "os.killpg(0, signal.SIGTERM)",
        "os.pidfd_open(item['parent'])",
        "os.setpriority(os.PRIO_PROCESS, item['parent'], 19)",
        "__import__('resource').prlimit(item['parent'], 0, (1, 1))",
        "open('/etc/passwd')",
        "open('/proc/1/environ')",
        "open(f\"/proc/{item['parent']}/environ\")",
        "open('/proc/self/mem')",
        f"open({str(REPOSITORY / 'pyproject.toml')!r})",
        f"os.listdir({str(REPOSITORY)!r})",
        "os.listdir('/')",
        "os.listdir('/tmp')",
        "open('/tmp/grader-was-here', 'w')",
        "open('/dev/shm/grader-was-here', 'w')",
        "open(os.__file__, 'a')",
        "os.chmod(os.__file__, 0)",
        "os.utime(os.__file__)",
        "os.truncate('/etc/hosts', 0)",
        "os.unlink('/etc/hosts')",
        "os.mkfifo('/tmp/grader-was-here')",
        "os.symlink('/etc/passwd', '/tmp/grader-was-here')",
        "os.setuid(1)",
        "os.chroot('.')",
        "os.sched_setaffinity(0, {0})",
        "__import__('fcntl').fcntl(0, 8, 1)",
    ],
)
async def test_it_is_refused_by_the_kernel(shared_runtime: GraderRuntime, code: str) -> None:
    grade = await attempt(shared_runtime, code)
    assert grade.detail is not None
    assert grade.detail.startswith("PermissionError"), grade.detail
    assert not grade.stopped


@pytest.mark.parametrize(
    "code",
    [
        "return ctypes.CDLL(None).ptrace(16, item['parent'], 0, 0)",
        "return ctypes.CDLL(None).prctl(1, 0)",
        "return ctypes.CDLL(None).syscall(425, 8, 0)",
        "return ctypes.CDLL(None).shmget(0, 4096, 0o1600)",
    ],
)
async def test_raw_calls_are_refused_too(shared_runtime: GraderRuntime, code: str) -> None:
    assert (await attempt(shared_runtime, code)).reward == -1.0


@pytest.mark.parametrize(
    "code",
    [
        "return len(os.listdir('.')) == 0",
        "open('notes', 'w').write('x' * 1000)\nreturn os.stat('notes').st_size == 1000",
        "import tempfile\nwith tempfile.NamedTemporaryFile() as file:\n    return file.write(b'x')",
        "os.mkdir('a'); open('a/b', 'w').close(); os.rename('a/b', 'c'); os.unlink('c'); os.rmdir('a')\nreturn 1",
        "done = []\nwork = threading.Thread(None, done.append, args=(1,))\nwork.start(); work.join()\nreturn len(done)",
        "import asyncio\nasync def one():\n    await asyncio.sleep(0)\n    return 1\nreturn asyncio.run(one())",
        "import zoneinfo\nreturn zoneinfo.ZoneInfo('UTC') is not None",
        "import random, secrets\nreturn 0 <= random.random() <= secrets.randbelow(2) + 1",
        "import jsonschema, yaml\nreturn 1",
        "print('x' * 10 ** 6); print('y', file=sys.stderr); os.write(1, b'z')\nreturn 1",
    ],
)
async def test_honest_work_goes_on(shared_runtime: GraderRuntime, code: str) -> None:
    grade = await attempt(shared_runtime, code)
    assert (grade.detail, grade.reward) == (None, 1.0)


async def test_nothing_of_the_environment_is_inside(shared_runtime: GraderRuntime) -> None:
    grade = await attempt(shared_runtime, "raise ValueError(' '.join(sorted(os.environ)))")
    allowed = {"LC_CTYPE", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED"}
    assert grade.detail is not None
    assert set(grade.detail.removeprefix("ValueError: ").partition(" (in p")[0].split()) <= allowed


async def test_the_project_cannot_be_imported(shared_runtime: GraderRuntime) -> None:
    grade = await attempt(shared_runtime, "import jobs")
    assert (grade.detail or "").startswith("ModuleNotFoundError: No module named 'jobs'")


async def test_a_file_cannot_grow_beyond_its_limit() -> None:
    async with GraderRuntime(limits=Limits(file_bytes=2**20)) as runtime:
        grade = await attempt(runtime, "open('big', 'wb').write(b'x' * 2 ** 21)")
    assert (grade.detail or "").startswith("OSError: [Errno 27] File too large")


@pytest.mark.parametrize(
    ("system", "machine", "says"),
    [
        ("Darwin", "arm64", "need Linux to be locked in, and this is Darwin"),
        ("Linux", "riscv64", "run on x86_64 and aarch64, and this machine is riscv64"),
    ],
)
async def test_other_machines_are_refused_in_words(system: str, machine: str, says: str) -> None:
    assert says in (unsupported(system, machine) or "")
    assert unsupported("Linux", "aarch64") is None


WITHOUT_LANDLOCK = """
import asyncio, ctypes, json, struct
from jobs.graders import GraderRuntime, Sample, parse_grader
code = b"".join(struct.pack("<HBBI", *step) for step in
                [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)])
held = ctypes.create_string_buffer(code, len(code))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, struct.pack("@HP", len(code) // 8, ctypes.addressof(held)), 0, 0) == 0
async def main():
    async with GraderRuntime() as runtime:
        grader = parse_grader({"type": "python", "name": "p", "source": "def grade(sample, item): return 1"})
        for grade in await runtime.grade(grader, [(Sample("x"), {})] * 2):
            print(json.dumps([grade.reward, grade.errors, grade.detail]))
asyncio.run(main())
"""


async def test_a_kernel_without_landlock_runs_no_grader_and_says_so() -> None:
    ran = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WITHOUT_LANDLOCK, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await ran.communicate()
    says = "python graders need Landlock (Linux 5.13 or newer), and the kernel said: Function not implemented"
    refused = [0.0, {"p": ["python_grader_server_error"]}, says]
    assert [json.loads(line) for line in said.splitlines()] == [refused] * 2

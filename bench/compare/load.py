"""Loads several running services in turn, and prints a table of what each answered and what that cost.

    load.py --target NAME=URL,IDSFILE [--target …] [--cases token,create] [--secs 10] [--rounds 3] [--before COMMAND]

Source env.sh first; the process of NAME is the one in NAME.pid. Each round visits every case and, within it, every
target (A B, then B A), so that a noisy neighbour hits all alike. The shell runs COMMAND before each load, with the
target's name in TARGET. Ratios are to the first target's load of the same case and round.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

from processes import cpu_seconds, pss_megabytes

HERE = Path(__file__).resolve().parent
HOME = Path(os.environ["BENCH_HOME"])
CASES = "token,create,webhook,att10,att1000,archive"
WITHIN = 30  # seconds that any answer may take
WARM_UP = 2  # seconds at most
BUSY = """select count(*) from pg_stat_activity
          where state = 'active' and pid <> pg_backend_pid() and backend_type = 'client backend'"""


@dataclass(frozen=True)
class Target:
    name: str
    url: str
    ids: Path
    pid: int

    @classmethod
    def read(cls, text: str) -> Target:
        name, _, rest = text.partition("=")
        url, _, ids = rest.partition(",")
        return cls(name, url, Path(ids).resolve(strict=True), int((HOME / f"{name}.pid").read_text()))


@dataclass(frozen=True)
class Sample:
    """One load. Times are milliseconds, CPU is for each request."""

    rate: float
    p50: float
    p99: float
    cpu: float
    database_cpu: float
    memory: float
    errors: int


Samples = dict[tuple[str, Target], list[Sample]]


class Load:
    def __init__(self, connections: int, before: str | None) -> None:
        self.connections = connections
        self.before = before
        self.runs = count(int(time.time()) % 100_000_000)
        self.postgres = int((Path(os.environ["PG_DATA"]) / "postmaster.pid").read_text().split()[0])
        token = subprocess.run(["node", HERE / "token.js"], check=True, capture_output=True, text=True).stdout
        self.environment = {**os.environ, "TOKEN": token.strip()}

    def run(self, target: Target, case: str, seconds: int) -> Sample:
        own = {"TARGET": target.name, "IDS": str(target.ids), "CASE": case, "RUN": str(next(self.runs))}
        environment = self.environment | own
        if self.before:
            subprocess.run(self.before, shell=True, check=True, env=environment, stdout=sys.stderr)
        cpu, database_cpu = cpu_seconds(target.pid), cpu_seconds(self.postgres)
        told = self.wrk(target.url, seconds, environment)
        requests = max(told["requests"], 1)
        sample = Sample(
            rate=told["requests"] / told["us"] * 1e6,
            p50=told["p50"] / 1000,
            p99=told["p99"] / 1000,
            cpu=(cpu_seconds(target.pid) - cpu) * 1000 / requests,
            database_cpu=(cpu_seconds(self.postgres) - database_cpu) * 1000 / requests,
            memory=pss_megabytes(target.pid),
            errors=told["errors"],
        )
        settle()
        return sample

    def wrk(self, url: str, seconds: int, environment: dict[str, str]) -> dict[str, int]:
        options = ["-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", f"{WITHIN}s"]
        done = subprocess.run(
            ["wrk", *options, "-s", HERE / "load" / "case.lua", url],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            timeout=seconds + 2 * WITHIN,
        )
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                return dict(json.loads(line))
        raise SystemExit(f"wrk failed: {done.stdout}{done.stderr}")


def settle() -> None:
    """Let statements that outlived a load end, so that they don't weigh on the next one."""
    for _ in range(4 * WITHIN):
        psql = ["psql", "-d", "postgres", "-tAXqc", BUSY]
        if subprocess.run(psql, check=True, capture_output=True, text=True).stdout.strip() == "0":
            return
        time.sleep(0.25)


def measure(load: Load, targets: list[Target], cases: list[str], seconds: int, rounds: int) -> Samples:
    for target in targets:
        for case in cases:
            load.run(target, case, min(seconds, WARM_UP))
    samples: Samples = defaultdict(list)
    for number in range(rounds):
        for case in cases:
            for target in targets if number % 2 == 0 else reversed(targets):
                sample = load.run(target, case, seconds)
                samples[case, target].append(sample)
                tell(f"round {number + 1}, {case}, {target.name}: {sample.rate:.0f}/s, {sample.errors} errors")
    return samples


def tell(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def table(samples: Samples, first: Target) -> Iterable[str]:
    heads = ["case", "service", "req/s", f"× {first.name}", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL CPU ms"]
    yield row([*heads, "memory MB", "errors"])
    yield "|---|---|" + "---:|" * 8
    for (case, target), loads in samples.items():

        def middle(part: Callable[[Sample], float], loads: list[Sample] = loads) -> float:
            return median(part(load) for load in loads)

        yield row(
            [
                case,
                target.name,
                f"{middle(lambda load: load.rate):.0f}",
                ratio(loads, samples[case, first]),
                f"{middle(lambda load: load.p50):.1f}",
                f"{middle(lambda load: load.p99):.1f}",
                f"{middle(lambda load: load.cpu):.2f}",
                f"{middle(lambda load: load.database_cpu):.2f}",
                f"{middle(lambda load: load.memory):.0f}",
                str(sum(load.errors for load in loads)),
            ]
        )


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def ratio(loads: list[Sample], others: list[Sample]) -> str:
    """Return the median over the rounds: only loads that ran next to each other compare."""
    if not all(other.rate for other in others):
        return "–"
    return f"{median(load.rate / other.rate for load, other in zip(loads, others, strict=True)):.2f}"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", required=True, type=Target.read)
    parser.add_argument("--cases", default=CASES)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--secs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before")
    return parser.parse_args()


def main() -> None:
    given = options()
    targets: list[Target] = given.target
    idle = os.getloadavg()[0]
    load = Load(given.connections, given.before)
    samples = measure(load, targets, given.cases.split(","), given.secs, given.rounds)
    print(f"{given.connections} connections, medians of {given.rounds} × {given.secs} s, ", end="")
    print(f"{os.cpu_count()} cores, load average {idle:.1f} before.\n")
    print("\n".join(table(samples, targets[0])))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that wrk is ended, too
    main()

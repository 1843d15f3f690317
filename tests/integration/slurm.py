"""A SLURM of two nodes of one core each on this machine's loopback, from Debian's slurm-wlm and munge.

No accounting: Snakemake asks `squeue`. Everything lies in one folder, and ends with the cluster.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
SBIN = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/sbin"))
NODES = ("n1", "n2")
STARTS_S, ENDS_S = 30, 20
CONFIG = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=5
SlurmdTimeout=10
MinJobAge=3600
KillWait=2
ReturnToService=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=10000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=10000
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why there can be no cluster here, "" where there can."""
    lacking = [name for name in (*DAEMONS, "sbatch") if not shutil.which(name, path=path())]
    return f"no {', '.join(lacking)} here: apt-get install slurm-wlm munge, as root" if lacking else ""


def path() -> str:
    return os.pathsep.join((os.environ["PATH"], SBIN))


def free_ports(n: int) -> list[int]:
    """Ports that no one listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [each.getsockname()[1] for each in sockets]


class Cluster:
    """`with Cluster(folder) as cluster`: jobs submitted in `cluster.environment` run on its nodes."""

    def __init__(self, folder: Path):
        self.folder = folder
        first = os.pathsep.join((str(folder), path()))
        self.environment = {**os.environ, "PATH": first, "SLURM_CONF": str(folder / "slurm.conf")}
        self.running: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "Cluster":
        folder = self.folder
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o600)
        named = {"host": socket.gethostname(), "user": Path("~").expanduser().owner()}
        text = CONFIG.format(folder=folder, ports=free_ports(3), **named)
        (folder / "slurm.conf").write_text(text)
        # Snakemake calls srun without SLURM_CONF: elsewhere the file lies where SLURM looks for it
        call = f'SLURM_CONF={folder}/slurm.conf exec {shutil.which("srun", path=path())} "$@"'
        (folder / "srun").write_text(f"#!/bin/sh\n{call}\n")
        (folder / "srun").chmod(0o755)
        try:
            self._start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_all(self):
        options = [f"--{name}-file={self.folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
        options.append(f"--socket={self.folder}/munge.socket")
        self.start("munged", "munged", "--foreground", "--force", *options)
        self._until(lambda: (self.folder / "munge.socket").exists(), "munged has no socket")
        self.start("slurmctld", "slurmctld", "-D")
        for node in NODES:
            self.start(node, "slurmd", "-D", "-N", node)
        self._until(lambda: self.states() == dict.fromkeys(NODES, "idle"), "the nodes are not idle")

    def start(self, name: str, *command: str):
        """Start a daemon in a process group of its own."""
        with (self.folder / f"{name}.out").open("ab") as out:
            options = {"env": self.environment, "stdout": out, "stderr": out, "start_new_session": True}
            self.running[name] = subprocess.Popen(command, **options)

    def _until(self, reached, otherwise: str):
        end = time.monotonic() + STARTS_S
        while not reached():
            if time.monotonic() > end:
                logs = [path.read_text()[-800:] for path in sorted(self.folder.glob("*.[ol][uo][tg]"))]
                raise RuntimeError(f"{otherwise} after {STARTS_S} s:\n" + "\n".join(logs))
            time.sleep(0.2)

    def ask(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout

    def states(self) -> dict[str, str]:
        """idle, mixed, allocated, down … by node; a trailing * is a node that does not answer."""
        return dict(line.split() for line in self.ask("sinfo", "-N", "-h", "-o", "%N %T").splitlines())

    def jobs(self) -> list[tuple[str, str, str]]:
        """(number, state, node) of every job, ended ones too."""
        lines = self.ask("squeue", "-h", "-t", "all", "-o", "%i|%T|%N").splitlines()
        return [tuple(line.split("|")) for line in lines]

    def kill(self, node: str):
        """Pull a node's plug: its daemon and everything that runs below it are gone at once."""
        daemon = self.running.pop(node)
        for pid in (*self._steps(node), daemon.pid):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        daemon.wait()

    def _steps(self, node: str) -> list[int]:
        """Process groups of the jobs on a node, and of the step daemons above them."""
        on_node = {number for number, state, where in self.jobs() if where == node and state == "RUNNING"}
        found = set()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                text = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
                told = text.decode("utf-8", "replace")
                ours = str(self.folder) in told
                if ours and any(f"SLURM_JOB_ID={n}\0" in told or f"[{n}." in told for n in on_node):
                    found.add(os.getpgid(int(process.name)))
        return sorted(found - {os.getpgid(0)})

    def __exit__(self, *error):
        self.ask("scancel", "--state=RUNNING,PENDING", "--user", Path("~").expanduser().owner())
        for name in reversed(list(self.running)):
            daemon = self.running.pop(name)
            daemon.terminate()
            try:
                daemon.wait(ENDS_S)
            except subprocess.TimeoutExpired:
                os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait()

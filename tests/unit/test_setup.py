"""tools/setup.sh against interpreters and a Poetry that are small shell scripts."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TOOLS_DIR = Path(__file__).parents[2] / "tools"
SYSTEM_PROGRAMS = "awk cat chmod cksum cp date df dirname du env grep head mkdir mv ps rm sed sh sleep tail tr uname"
PASSWORD = "hunter2"  # noqa: S105, it must not reach the screen or a log

# Answers what set-up asks of an interpreter, of `-m venv`, of `-m pip` and of `-m poetry`.
FAKE_PYTHON = r"""#!/bin/sh
echo "$0 $*" >>'{calls}'
case "$1 $2" in
*simple_url*) echo 'https://me:{password}@index.invalid/simple/' ;;
'-c '*) printf '{version} {makes}\n{path}\n{path}\n' ;;
'-m venv')
    for dir; do :; done
    case " $* " in *" --clear "*) rm -rf "$dir" ;; esac
    mkdir -p "$dir/bin"
    cp "$0" "$dir/bin/python"
    echo "VIRTUAL_ENV='$PWD/$dir'" >"$dir/bin/activate"
    echo 'version = {version}' >"$dir/pyvenv.cfg" ;;
'-m pip') [ "$3" != config ] ;;
'-m poetry')
    echo "All attempts to connect to me:{password}@index.invalid failed."
    echo "found torch at $POETRY_PYPI_MIRROR_URL/torch/ and https://me:{password}@files.invalid/"
    echo "$POETRY_PYPI_MIRROR_URL" >asked-index
    echo "active environment: ${{VIRTUAL_ENV:-none}}"
    [ ! -f network-is-down ] || exit 1
    printf '#!%s/.venv/bin/python\nprint("started")\n' "$PWD" >.venv/bin/tuner-kit
    chmod +x .venv/bin/tuner-kit ;;
esac
"""


@dataclass
class Machine:
    """A folder with the project in it, and a PATH that holds nothing but what a test puts there."""

    root: Path
    path: list[Path] = field(default_factory=list)
    folder: str = "project"

    @property
    def project(self) -> Path:
        return self.root / self.folder

    @property
    def calls(self) -> str:
        """Every start of a fake interpreter so far, one per line."""
        log = self.root / "calls.log"
        return log.read_text() if log.exists() else ""

    def add_python(self, path: str, *, version: str, makes: str = "venv") -> Path:
        python = self.root / path
        text = FAKE_PYTHON.format(
            calls=self.root / "calls.log",
            version=version,
            makes=makes,
            path=python,
            password=PASSWORD,
        )
        return write_program(python, text)

    def set_up(self, **env: str) -> subprocess.CompletedProcess[str]:
        system = {
            "PATH": os.pathsep.join(map(str, [*self.path, self.root / "system"])),
            "HOME": str(self.root / "home"),
            "TUNER_KIT_SETUP_NEEDS_MIB": "1",
            "TUNER_KIT_SETUP_SEARCH_DIRS": "",
        }
        return subprocess.run(
            ["/bin/sh", "tools/setup.sh"],
            cwd=self.project,
            env=system | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any Python."""
    (tmp_path / "system").mkdir()
    (tmp_path / "home").mkdir()
    for name in SYSTEM_PROGRAMS.split():
        program = shutil.which(name)
        if program:  # a slim container has no ps; set-up does without
            (tmp_path / "system" / name).symlink_to(program)
    tools = tmp_path / "project" / "tools"
    tools.mkdir(parents=True)
    for script in TOOLS_DIR.glob("*.sh"):
        shutil.copy(script, tools)
    (tmp_path / "project" / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "project" / "poetry.lock").write_text("content-hash = 1\n")
    return Machine(tmp_path, path=[tmp_path / "bin"])


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """A machine on which set-up has just finished."""
    machine.add_python("bin/python3.12", version="3.12.4")
    outcome = machine.set_up()
    assert outcome.returncode == 0, outcome.stderr
    (machine.root / "calls.log").unlink()
    return machine


def test_a_machine_without_python_is_told_what_to_install(machine: Machine) -> None:
    outcome = machine.set_up()

    assert outcome.returncode == 5
    error, where, fix = outcome.stderr.strip().splitlines()
    assert error == "error M90  no Python 3.12 or 3.13 was found"
    assert where.startswith("  where ")
    for hint in ("apt install python3.12", "dnf install", "brew install", "pyenv install", "uv "):
        assert hint in fix


@pytest.mark.parametrize("folder", ["project", "my project"], ids=["plain", "with a space"])
def test_our_command_starts_from_any_folder(machine: Machine, folder: str) -> None:
    machine.add_python("bin/python3.12", version="3.12.4")
    machine.project.rename(machine.root / folder)
    machine.folder = folder
    assert machine.set_up().returncode == 0

    command = machine.project / ".venv" / "bin" / "tuner-kit"
    subprocess.run([str(command), "--version"], check=True)

    assert f"{command} --version" in machine.calls


@pytest.mark.parametrize("version", ["3.12.4", "3.13.0"])
def test_a_clean_clone_gets_an_environment(machine: Machine, version: str) -> None:
    machine.add_python("bin/python3", version=version)

    outcome = machine.set_up()

    assert outcome.returncode == 0, outcome.stderr
    assert f"[2/3] .venv with Python {version} ..." in outcome.stdout
    assert (machine.project / ".venv" / "bin" / "tuner-kit").exists()
    assert not list(machine.project.glob("*.partial"))


def test_a_too_old_python_is_skipped_and_named(machine: Machine) -> None:
    machine.add_python("bin/python3", version="3.11.7")

    outcome = machine.set_up()

    assert outcome.returncode == 5
    assert f"{machine.root}/bin/python3 (3.11.7)" in outcome.stderr
    assert " -m " not in machine.calls


def test_a_shim_that_fails_is_skipped_for_the_next_python_on_the_path(machine: Machine) -> None:
    write_program(machine.root / "bin" / "python3.12", "#!/bin/sh\nexit 127\n")
    machine.path.append(machine.root / "other bin")
    machine.add_python("other bin/python3.12", version="3.12.4")

    assert machine.set_up().returncode == 0
    assert f"{machine.root}/other bin/python3.12 -m venv" in machine.calls


def test_a_version_that_pyenv_holds_but_has_not_switched_on_is_found(machine: Machine) -> None:
    write_program(machine.root / "bin" / "python3.12", "#!/bin/sh\nexit 127\n")
    machine.add_python("home/.pyenv/versions/3.12.1/bin/python3.12", version="3.12.1")

    assert machine.set_up().returncode == 0


def test_a_python_that_only_uv_knows_is_found(machine: Machine) -> None:
    python = machine.add_python("elsewhere/python3.12", version="3.12.9")
    write_program(machine.root / "bin" / "uv", f'#!/bin/sh\n[ "$1" = python ] && echo "{python}"\n')

    assert machine.set_up().returncode == 0


def test_a_python_in_the_usual_folders_is_found(machine: Machine) -> None:
    machine.add_python("opt/python3.13", version="3.13.1")

    assert machine.set_up(TUNER_KIT_SETUP_SEARCH_DIRS=str(machine.root / "opt")).returncode == 0


def test_a_python_without_ensurepip_names_the_missing_package(machine: Machine) -> None:
    machine.add_python("bin/python3.12", version="3.12.3", makes="none")

    outcome = machine.set_up()

    assert outcome.returncode == 5
    assert "error M91" in outcome.stderr
    assert "sudo apt install python3.12-venv" in outcome.stderr


def test_the_python_that_is_asked_for_is_used(ready: Machine) -> None:
    asked = ready.add_python("mine/python", version="3.13.2")

    outcome = ready.set_up(PYTHON=str(asked))

    assert outcome.returncode == 0, outcome.stderr
    assert "[2/3] .venv with Python 3.13.2 ..." in outcome.stdout
    assert (ready.project / ".venv" / "pyvenv.cfg").read_text() == "version = 3.13.2\n"


def test_an_unsuitable_python_that_is_asked_for_is_refused(machine: Machine) -> None:
    machine.add_python("bin/python3.12", version="3.12.4")
    asked = machine.add_python("mine/python", version="3.10.0")

    outcome = machine.set_up(PYTHON=str(asked))

    assert outcome.returncode == 5
    assert f"PYTHON={asked} is not a working Python 3.12 or 3.13" in outcome.stderr


def test_too_little_disk_is_refused_before_anything_is_downloaded(machine: Machine) -> None:
    machine.add_python("bin/python3.12", version="3.12.4")

    outcome = machine.set_up(TUNER_KIT_SETUP_NEEDS_MIB=str(10**9))

    assert outcome.returncode == 5
    assert "error M01  too little disk space: set-up needs 1000000000 MiB more" in outcome.stderr
    assert " -m " not in machine.calls
    assert not (machine.project / ".poetry").exists()


def test_nothing_to_do_starts_no_python_and_says_nothing(ready: Machine) -> None:
    outcome = ready.set_up(TUNER_KIT_SETUP_NEEDS_MIB=str(10**9))

    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")
    assert ready.calls == ""


@pytest.mark.parametrize("changed", ["poetry.lock", "pyproject.toml", "tools/setup.sh"])
def test_a_changed_input_is_synced_again(ready: Machine, changed: str) -> None:
    with (ready.project / changed).open("a") as file:
        file.write("# changed\n")

    assert ready.set_up().returncode == 0
    assert "-m poetry sync" in ready.calls
    assert "-m venv" not in ready.calls
    assert ready.set_up().stdout == ""


def test_a_failed_download_is_explained_and_never_believed_complete(ready: Machine) -> None:
    (ready.project / "poetry.lock").write_text("content-hash = 2\n")
    (ready.project / "network-is-down").touch()

    failed = ready.set_up()
    (ready.project / "network-is-down").unlink()
    repeated = ready.set_up()

    assert failed.returncode == 5
    assert "error M93  Poetry could not install" in failed.stderr
    assert "  | active environment: none" in failed.stderr
    assert repeated.returncode == 0
    assert "[3/3]" in repeated.stdout


def test_a_password_in_the_index_address_is_shown_nowhere(machine: Machine) -> None:
    machine.add_python("bin/python3.12", version="3.12.4")

    outcome = machine.set_up()

    log = (machine.project / ".poetry" / "setup.log").read_text()
    assert "found torch at <index>/torch/ and https://***@files.invalid/" in outcome.stdout
    assert PASSWORD not in outcome.stdout + outcome.stderr + log


@pytest.mark.parametrize(
    ("env", "index"),
    [
        ({"POETRY_PYPI_MIRROR_URL": "https://a.invalid"}, "https://a.invalid"),
        ({"PIP_INDEX_URL": "https://b.invalid/simple/"}, "https://b.invalid/simple"),
        ({}, "https://pip.invalid/simple"),
    ],
    ids=["Poetry's mirror", "pip's index", "pip's default"],
)
def test_the_index_is_the_one_that_the_user_has_set(
    machine: Machine, env: dict[str, str], index: str
) -> None:
    python = machine.add_python("bin/python3.12", version="3.12.4")
    python.write_text(python.read_text().replace(f"me:{PASSWORD}@index", "pip"))

    assert machine.set_up(**env).returncode == 0
    assert (machine.project / "asked-index").read_text().strip() == index


def test_an_active_environment_of_another_project_is_left_alone(machine: Machine) -> None:
    machine.add_python("bin/python3.12", version="3.12.4")

    outcome = machine.set_up(VIRTUAL_ENV="/somewhere/else", CONDA_PREFIX="/conda")

    assert "active environment: none" in outcome.stdout


@pytest.mark.parametrize("damage", ["python", "place"])
def test_an_environment_that_cannot_work_is_made_anew(ready: Machine, damage: str) -> None:
    venv = ready.project / ".venv"
    if damage == "python":
        write_program(venv / "bin" / "python", "#!/bin/sh\nexit 1\n")
        (ready.project / "poetry.lock").write_text("content-hash = 2\n")
    else:
        moved = ready.project.rename(ready.root / "moved")
        (ready.root / "project").symlink_to(moved)
    (venv / "leftover").touch()

    outcome = ready.set_up()

    assert outcome.returncode == 0, outcome.stderr
    assert "-m venv --clear --prompt tuner-kit .venv" in ready.calls
    assert not (venv / "leftover").exists()


def test_an_environment_that_poetry_made_is_kept(ready: Machine) -> None:
    (ready.project / ".venv" / "tuner-kit-setup").unlink()
    shutil.rmtree(ready.project / ".poetry")

    outcome = ready.set_up()

    assert outcome.returncode == 0, outcome.stderr
    assert "[2/3] .venv with Python 3.12.4 ... there" in outcome.stdout


def test_a_package_whose_installation_was_cut_off_is_installed_again(ready: Machine) -> None:
    packages = ready.project / ".venv" / "lib" / "python3.12" / "site-packages"
    for name, files in {"whole": ["METADATA", "RECORD"], "half": ["METADATA"]}.items():
        (packages / f"{name}-1.0.dist-info").mkdir(parents=True)
        for file in files:
            (packages / f"{name}-1.0.dist-info" / file).touch()
    (ready.project / ".venv" / "tuner-kit-setup").unlink()

    assert ready.set_up().returncode == 0
    assert [path.name for path in packages.iterdir()] == ["whole-1.0.dist-info"]


def test_the_lock_of_a_set_up_that_died_is_taken_over(machine: Machine) -> None:
    machine.add_python("bin/python3.12", version="3.12.4")
    lock_dir = machine.project / ".setup.partial"
    lock_dir.mkdir()
    # This test's own process: alive, but no set-up, as after a restart of the machine.
    (lock_dir / "pid").write_text(f"{os.getpid()}\n")

    assert machine.set_up().returncode == 0
    assert not lock_dir.exists()


def test_a_second_set_up_waits_for_the_first(ready: Machine) -> None:
    (ready.project / "poetry.lock").write_text("content-hash = 2\n")
    holder_program = write_program(ready.root / "setup.sh", "#!/bin/sh\nread -r _\n")
    lock_dir = ready.project / ".setup.partial"
    lock_dir.mkdir()
    with subprocess.Popen(["/bin/sh", holder_program], stdin=subprocess.PIPE) as holder:
        (lock_dir / "pid").write_text(f"{holder.pid}\n")
        sleep = (
            f"#!/bin/sh\n[ -f {ready.root}/slept ] && kill {holder.pid}\ntouch {ready.root}/slept\n"
        )
        (ready.root / "system" / "sleep").unlink()
        (ready.root / "system" / "touch").symlink_to(shutil.which("touch") or "/bin/touch")
        write_program(ready.root / "system" / "sleep", sleep)

        outcome = ready.set_up()

        assert outcome.returncode == 0, outcome.stderr
        assert f"waiting for another set-up (process {holder.pid})" in outcome.stdout

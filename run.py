"""One job in an environment that is made when it is needed:  python3 run.py JOB [arguments]

    demo         train two small networks, find out what they do, write a report on each
    test         run the tests (arguments are those of pytest)
    lint         check style and types
    docs         build the site in out/site, without a network
    browser      open the page of a report in Chromium and try it out; pictures go to out/browser
    study NAME   run one of the studies
    setup        only make the environment

Any other job (train, analyze, --version, ...) is a command of dynakit.  Needs Python 3.11 or newer and pip.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "dynakit-stamp"  # what is installed; written last, so that a set-up cut short is repeated
ONE_THREAD = {name + "_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}


def python(system=os.name):
    """The interpreter of the environment."""
    return VENV / ("Scripts/python.exe" if system == "nt" else "bin/python")


def setup(extras):
    """Make .venv and install what pyproject.toml and constraints.txt say, unless that is done already."""
    sources = [ROOT / name for name in ("pyproject.toml", "constraints.txt")]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    done = STAMP.read_text().split() if python().exists() and STAMP.exists() else []
    if done[:1] == [digest] and set(extras) <= set(done):
        return
    own_pip, any_pip = (importlib.util.find_spec(name) is not None for name in ("ensurepip", "pip"))
    if importlib.util.find_spec("venv") is None or not (own_pip or any_pip):
        sys.exit("this Python cannot make an environment; on Debian or Ubuntu: apt-get install python3-venv")
    print("making .venv and installing dynakit and its libraries (about a minute) ...", flush=True)
    if not python().exists() or done == ["unfinished"]:
        shutil.rmtree(str(VENV), ignore_errors=True)
        VENV.mkdir()
        STAMP.write_text("unfinished")
        without = [] if own_pip else ["--without-pip"]
        subprocess.check_call([sys.executable, "-m", "venv", str(VENV), *without])
    pip = [str(python()), "-m", "pip"] if own_pip else [sys.executable, "-m", "pip", f"--python={python()}"]
    options = ["--quiet", "--disable-pip-version-check", "-c", "constraints.txt"]
    subprocess.check_call([*pip, "install", *options, "-e", ".[" + ",".join(extras) + "]"], cwd=str(ROOT))
    STAMP.write_text(" ".join([digest, *extras]))


def run(job, arguments):
    """Do one job and return its exit status."""
    if job == "browser" and not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        sys.exit("there is no Chromium here; on Debian or Ubuntu: apt-get install chromium")
    setup(["interactive", "test", *{"lint": ["dev"], "browser": ["browser"], "docs": ["docs"]}.get(job, [])])
    module, env, cwd = [str(python()), "-m"], dict(os.environ, PYTHONUTF8="1"), str(ROOT)
    if job == "test":
        env.update(ONE_THREAD, MPLBACKEND="Agg")
        workers = ["-n", str(min(os.cpu_count() or 1, 8))]  # of one thread each
        return subprocess.call([*module, "pytest", *workers, *arguments], env=env, cwd=cwd)
    if job == "browser":
        env.update(ONE_THREAD, MPLBACKEND="Agg")
        page = str(ROOT / "tests" / "browser" / "page_in_a_browser.py")
        return subprocess.call([*module, "pytest", "-p", "no:tests.checkout", page, *arguments], env=env, cwd=cwd)
    if job == "docs":
        env.update(ONE_THREAD, MPLBACKEND="Agg")
        return subprocess.call([str(python()), "docs/build.py", *arguments], env=env, cwd=cwd)
    if job == "lint":
        style = subprocess.call([*module, "ruff", "check", *arguments], env=env, cwd=cwd)
        return subprocess.call([*module, "pyright", "--pythonpath", str(python())], env=env, cwd=cwd) or style
    return 0 if job == "setup" else subprocess.call([*module, "dynakit", job, *arguments], env=env)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  (this file also runs where the library does not)
        sys.exit(f"dynakit needs Python 3.11 or newer, and this is Python {sys.version.split()[0]}")
    if sys.argv[1:] in ([], ["-h"], ["--help"]):
        sys.exit(print(__doc__))
    try:
        sys.exit(run(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError:
        sys.exit("the set-up failed, as said above; if .venv was damaged, delete it and run this again")

"""The wheel: built without a network, installed into an empty environment, it audits a bill."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "fixtures" / "demo"


def run(*words, **options):
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, check=False, **options
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    status, _, err = run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
        "--no-index", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, ROOT,
    )  # fmt: skip
    assert status == 0, err
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Make an environment with the wheel; its dependencies are borrowed, the checkout is not."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    _, site, _ = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    # A path file inside a folder that a path file names is not followed, so the editable
    # install of the checkout stays out.
    borrowed = "\n".join(sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    (Path(site.strip()) / "borrowed.pth").write_text(borrowed + "\n", "utf-8")
    status, _, err = run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet",
        "--disable-pip-version-check", "--no-index", "--no-deps", "--ignore-installed", wheel,
    )  # fmt: skip
    assert status == 0, err
    return folder


def test_the_wheel_holds_the_sql_and_the_rates_and_no_tests(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("sql", "rates"):
        for path in (ROOT / folder).rglob("*.*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"curecon/{path.relative_to(ROOT).as_posix()}" in packed
    for path in (ROOT / "src" / "curecon").rglob("*.*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(ROOT / "src").as_posix() in packed
    strange = {name.split("/")[0] for name in packed} - {"curecon"}
    assert all(name.endswith(".dist-info") for name in strange)
    assert any(name.endswith("/licenses/LICENSE") for name in packed)


def test_the_installed_program_audits_a_bill_in_an_empty_folder(environment, tmp_path):
    shutil.copytree(DEMO, tmp_path / "demo")
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "100"}
    code = "import curecon, curecon.packaged as p; print(curecon.__file__, p.folder('sql'))"
    status, out, err = run(environment / "bin" / "python", "-c", code, cwd=tmp_path, env=clean)
    assert status == 0, err
    assert all(place.startswith(str(environment)) for place in out.split())
    status, out, err = run(
        environment / "bin" / "curecon", "audit", "demo", "--contract", "demo/contract.toml",
        "--out", "out", cwd=tmp_path, env=clean,
    )  # fmt: skip
    assert status == 1, err
    result = json.loads((tmp_path / "out" / "findings.json").read_text("utf-8"))
    found = Counter(one["severity"] for one in result["findings"])
    assert (found["error"], found["warning"]) == (5, 3)
    assert f"Findings: 5 errors, 3 warnings, {found['info']} info" in out

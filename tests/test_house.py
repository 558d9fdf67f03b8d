"""House rules that no linter knows.  An exception is listed with its reason."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("slo", "collector", "runbooks", "dashboards", "remediation", "simulator", "fournines")
LINES_MAX = 450
LONG: dict[str, str] = {}  # path: why it is one idea nevertheless

INDEX_HOST = re.compile(r"pypi\.org|pythonhosted\.org|[-]-(extra-)?index-url|[-]-find-links|[-]-trusted-host")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root|opt/wheels)/")


def modules() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def texts() -> Iterator[tuple[str, str]]:
    """All that is or would be committed and can be read."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        try:
            yield name, (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue


def test_a_package_says_what_it_is_and_does_nothing() -> None:
    inits = [(path, ast.parse(text)) for path, text in modules() if path.endswith("__init__.py")]
    assert [path for path, tree in inits if len(tree.body) != 1 or not ast.get_docstring(tree)] == []


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {str(Path(path).parent) for path, _ in modules()}
    assert sorted(folder for folder in folders if not (ROOT / folder / "__init__.py").exists()) == []


def test_tests_are_no_package_or_a_broken_install_would_pass() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_a_module_is_one_idea_and_not_long() -> None:
    assert {path for path, text in modules() if text.count("\n") > LINES_MAX} == set(LONG)


def test_no_file_names_a_package_index() -> None:
    assert [name for name, text in texts() if INDEX_HOST.search(text)] == []


def test_lock_files_name_no_host_at_all() -> None:
    locks = list((ROOT / "requirements").glob("*.lock"))
    assert [lock.name for lock in locks if "://" in lock.read_text(encoding="utf-8")] == []
    assert len(locks) == 3


def pinned(lock: str) -> set[str]:
    return set(
        re.findall(r"^[a-z][^ \\]*==\S+", (ROOT / "requirements" / lock).read_text("utf-8"), re.MULTILINE)
    )


def test_the_image_has_the_versions_of_the_runtime_lock_and_none_of_its_build_tools() -> None:
    beside = {name.partition("==")[0] for name in pinned("runtime.lock") - pinned("image.lock")}
    assert pinned("image.lock") < pinned("runtime.lock")
    assert {"hatchling", "editables"} <= beside


def test_no_file_names_a_path_of_somebody_s_machine() -> None:
    assert [name for name, text in texts() if MACHINE_PATH.search(text)] == []

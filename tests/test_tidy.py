"""Tests of the source itself: each rule is a function from a text to its faults, tried on bad text.

What ruff and mypy hold is not repeated here, except where a rule must hold without them.
"""

import ast
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINE_MAX, FUNCTION_MAX = 100, 70
PACKAGE = "curecon"

# The brackets keep these patterns from finding themselves.
LEFT_OVER = re.compile(r"\b(TOD[O]|FIXM[E]|HAC[K])\b")
HOSTS = re.compile(
    r"pyp[i]\.|pythonhoste[d]|debian\.or[g]|ubuntu\.co[m]|anacond[a]\.", re.IGNORECASE
)
MACHINE = re.compile(r"(?<![\w.}~/-])/(?:wor[k]|hom[e]|roo[t]|tm[p]|User[s])/[\w.]")


def tracked(*patterns):
    """List the files under version control, or all of them where there is none."""
    done = subprocess.run(
        ["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = done.stdout.splitlines() if done.returncode == 0 else []
    if not names:
        pytest.skip("not a checkout of git")
    return [path for name in names if (path := ROOT / name).is_file()]


def texts(*patterns):
    """Return the tracked files that are text, with their content."""
    found = []
    for path in tracked(*patterns):
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            found.append((path.relative_to(ROOT).as_posix(), content.decode("utf-8")))
    assert found, "a rule that looks at nothing holds nothing"
    return found


def every_fault(rule, *patterns):
    return [f"{name}: {fault}" for name, text in texts(*patterns) for fault in rule(text)]


# --- lines and functions


def long_lines(text):
    return [
        f"line {number} has {len(line)} columns, at most {LINE_MAX}"
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line) > LINE_MAX
    ]


def long_sql_lines(text):
    """Look at SQL only; a sentence for a person may be as long as it is."""
    bare = re.sub(r"'(?:[^'\n]|'')*'", "''", re.sub(r"--.*", "", text))
    return long_lines(bare)


def long_functions(text):
    return [
        f"{node.name} has {length} lines, at most {FUNCTION_MAX}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := _height(node) - _data(node)) > FUNCTION_MAX
    ]


def _height(node):
    return node.end_lineno - node.lineno + 1


def _data(function):
    """Count the lines of lists and tables that a function states: they are read as data."""
    stated = [one.value for one in function.body if isinstance(one, ast.Return | ast.Assign)]
    return sum(_height(one) for one in stated if isinstance(one, ast.List | ast.Dict | ast.Tuple))


def test_no_line_is_too_long():
    assert every_fault(long_lines, "*.py") == []
    assert every_fault(long_sql_lines, "*.sql") == []
    assert long_lines("x" * 101)
    assert not long_lines("x" * 100)
    assert long_sql_lines("SELECT " + "x" * 101)
    assert not long_sql_lines(f"SELECT '{'x' * 101}' -- {'x' * 101}")


def test_no_function_is_too_long():
    assert every_fault(long_functions, "*.py") == []
    assert long_functions("def f():\n" + "    x = 1\n" * 70)
    assert not long_functions("def f():\n" + "    x = 1\n" * 69)
    assert long_functions("def f():\n    x = g(\n" + "        1,\n" * 70 + "    )")
    assert not long_functions("def f():\n    return [\n" + "        1,\n" * 70 + "    ]")


# --- calls


def calls(text, name):
    """Say where a function is called by its bare name."""
    return [
        f"line {node.lineno} calls {name}()"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def binary_numbers(text):
    """Say where money could become a binary floating-point number."""
    lines = text.splitlines()
    return calls(text, "float") + [
        f"line {number} names {found[0]}"
        for number, line in enumerate(lines, start=1)
        if (found := re.search(r"\bpl\.Float\d*|\bFloat64\b|\.mean\(\)", line))
    ]


def test_no_number_becomes_binary():
    assert every_fault(binary_numbers, "src/*.py") == []
    assert binary_numbers("x = float('0.1')")
    assert binary_numbers("x = column.cast(pl.Float64)")
    assert not binary_numbers("x = Decimal('0.1')  # never float(x)")


def test_only_the_command_line_prints():
    names = [name for name, text in texts("src/*.py") if calls(text, "print")]
    assert set(names) <= {f"src/{PACKAGE}/cli.py"}
    assert calls("print('x')", "print")
    assert not calls("table.print('x')", "print")


# --- words


def left_overs(text):
    return [f"{found[0]} is left over" for found in LEFT_OVER.finditer(text)]


def private_places(text):
    return [f"{found[0]} belongs to a machine" for found in MACHINE.finditer(text)]


def registries(text):
    return [f"{found[0]} is an address of a registry" for found in HOSTS.finditer(text)]


def test_nothing_is_left_over():
    assert every_fault(left_overs, "*.py", "*.sql", "*.md", "*.toml", "Makefile") == []
    assert left_overs("# todo: later".upper())
    assert not left_overs("# what is to do, to do it later")


def test_no_address_of_a_registry_and_no_path_of_a_machine():
    assert every_fault(registries) == []
    assert every_fault(private_places) == []
    assert registries("https://files.{}hosted.org/x".format("python"))
    for place in ("work", "home", "root", "tmp", "Users"):
        assert private_places(f'path = "/{place}/main"')
        assert not private_places(f"out/{place}/x and https://example.com/{place}/x")


def test_the_lock_has_hashes_and_no_addresses():
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert unsafe_lock(lock) == []
    assert unsafe_lock("a==1\n    # via b\n")
    assert unsafe_lock("a>=1 \\\n    --hash=sha256:00\n")
    assert unsafe_lock("a @ https://example.com/a.whl \\\n    --hash=sha256:00\n")


def unsafe_lock(lock):
    """Say what would let another package in, or only from one place."""
    wanted = re.sub(r"\\\n\s*", "", re.sub(r"^ *#.*\n", "", lock, flags=re.MULTILINE))
    faults = ["an address"] if "://" in lock or "-index" in lock else []
    exact = re.compile(r"[\w.-]+(?:\[[\w,-]+\])?==[\w.+!-]+(?: *;.*?)? .*--hash=sha256:")
    return faults + [
        f"no exact version with a hash: {line[:60]}"
        for line in filter(str.strip, wanted.splitlines())
        if not exact.match(line)
    ]


# --- modules


def module_map():
    """Read the order of the modules: ARCHITECTURE.md says it once."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    block = text.split("## The modules", 1)[1].split("```")[1]
    names = []
    for line in block.strip().splitlines():
        listed, *_ = re.split(r" {2,}", line)
        names += listed.split(" ")
    return names


def modules():
    """Return every module with its text, named as in the module map."""
    found = {}
    for name, text in texts("src/*.py"):
        parts = Path(name).with_suffix("").parts[2:]
        dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[dotted or PACKAGE] = text
    return found


def imported(text, known):
    """List the modules that a text imports, at the top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names.add(full if full.removeprefix(f"{PACKAGE}.") in known else node.module)
    own = {name for name in names if name == PACKAGE or name.startswith(f"{PACKAGE}.")}
    return {name.removeprefix(f"{PACKAGE}.") for name in own} - {PACKAGE}


def wrong_ways(order, imports):
    """Say which imports go up the list."""
    place = {name: number for number, name in enumerate(order)}
    return [
        f"{name} imports {other}, which stands below it"
        for name, others in sorted(imports.items())
        for other in sorted(others)
        if place[other] >= place[name]
    ]


def test_imports_point_one_way():
    order, known = module_map(), modules()
    assert sorted(order) == sorted(set(known) - {PACKAGE}), (
        "ARCHITECTURE.md lists every module once"
    )
    imports = {name: imported(text, known) for name, text in known.items() if name != PACKAGE}
    assert wrong_ways(order, imports) == []
    assert wrong_ways(["a", "b"], {"a": {"b"}, "b": set()})
    assert not wrong_ways(["a", "b"], {"a": set(), "b": {"a"}})


def test_an_import_inside_a_function_is_seen():
    known = {"money", "report", "report.text"}
    text = "def f():\n    from curecon.report import text\n    import curecon.money\n"
    assert imported(text, known) == {"report.text", "money"}
    assert imported("from curecon.money import plain", known) == {"money"}
    assert imported("from curecon import __version__, money", known) == {"money"}


def orphans(imports, entries):
    used = defaultdict(set)
    for name, others in imports.items():
        for other in others:
            used[other].add(name)
            if "." in other:  # importing a module of a package imports the package
                used[other.rsplit(".", 1)[0]].add(name)
    return sorted(set(imports) - set(used) - set(entries))


def test_every_module_is_used():
    known = modules()
    imports = {name: imported(text, known) for name, text in known.items()}
    assert orphans(imports, {PACKAGE, "cli"}) == []
    assert orphans({"a": {"b"}, "b": set(), "c": set()}, {"a"}) == ["c"]


def test_the_library_loads_its_verbs_late():
    """`import curecon` names the modules of its verbs as text; they must be there."""
    late = re.findall(r'"curecon\.(\w+)"', modules()[PACKAGE])
    assert set(late) <= set(module_map())
    assert late

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Who may import whom among the subpackages; shared helpers (cdmer._*) are open to all, and import
# none of these. An arrow may skip floors, never climb.
ALLOWED = {
    "adaptation": {"adaptation"},
    "preprocessing": {"preprocessing"},
    "corpora": {"corpora"},
    "nets": {"nets"},
    # The last two inside functions alone, where DeepFeatures makes a network and its input.
    "features": {"features", "nets", "preprocessing"},
    "extraction": {"extraction", "corpora", "preprocessing"},
    "synthesis": {"synthesis", "corpora", "preprocessing", "nets"},
    "zero_shot": {"zero_shot", "corpora"},
    "evaluation": {
        "evaluation",
        "extraction",
        "corpora",
        "features",
        "adaptation",
        "nets",
        "preprocessing",
        "zero_shot",
    },
    "models": {
        "models",
        "evaluation",
        "extraction",
        "corpora",
        "adaptation",
        "features",
        "preprocessing",
    },
    "cli": {
        "cli",
        "models",
        "evaluation",
        "extraction",
        "synthesis",
        "corpora",
        "features",
        "preprocessing",
        "adaptation",
    },
}
HEAVY = [
    "torch",
    "skorch",
    "matplotlib",
    "jinja2",
    "h5py",
    "pandas",
    "cv2",
    "skimage",
    "pooch",
    "openai",
]


def sources():
    for folder, package in ((ROOT / "cdmer", "cdmer"), (ROOT / "features", "cdmer/features")):
        for path in folder.rglob("*.py"):
            yield path, (Path(package) / path.relative_to(folder)).with_suffix("").parts


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module, node
            if node.module == "cdmer":
                yield from ((f"cdmer.{alias.name}", node) for alias in node.names)


def test_imports_point_one_way():
    for path, parts in sources():
        layer = parts[1]
        for module, _ in imported(ast.parse(path.read_text(encoding="utf-8"))):
            names = module.split(".")
            if names[0] != "cdmer" or len(names) < 2 or names[1].startswith("_"):
                continue
            allowed = ALLOWED.get(layer, set())  # shared helpers import no subpackage
            assert names[1] in allowed, f"{path.relative_to(ROOT)} imports {module}"


def test_heavy_libraries_load_where_they_are_used():
    for path, _ in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            for module, _ in imported(ast.Module([node], [])):
                inside = isinstance(node, ast.FunctionDef | ast.ClassDef)
                # Networks are classes of torch; nothing else imports their package at its top.
                inside |= "nets" in path.parts and module.split(".")[0] == "torch"
                assert inside or module.split(".")[0] not in HEAVY, f"{path} imports {module}"


def run(code, without=()):
    """Run code in a fresh interpreter in which some packages cannot be imported."""
    block = f"""
        import sys
        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in {tuple(without)}:
                    raise ImportError(name + " is blocked")
        sys.meta_path.insert(0, Blocker())
    """
    code = textwrap.dedent(block) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_is_light_and_fast():
    code = """
        import sys, time
        started = time.perf_counter()
        import cdmer
        print(time.perf_counter() - started)
        print([m for m in sys.modules if m.split(".")[0] in ("torch", "pandas", "sklearn", "cv2")])
    """
    seconds, modules = min((run(code).stdout.split("\n")[:2] for _ in range(3)), key=lambda r: r[0])
    assert float(seconds) < 0.5
    assert modules == "[]"


WHOLE_LINE = """
    from cdmer.adaptation import TGSR, SourceOnly, tgsr_path
    from cdmer.corpora import make_synthetic_corpus, pack
    from cdmer.evaluation import CDMERPairs, benchmark
    from cdmer.features import LBPTOP, RegionGrid
    from sklearn.pipeline import make_pipeline
    lab, web = (make_synthetic_corpus(p, n_clips=6, n_subjects=2)
                for p in ("webcam-25fps", "nir-25fps"))
    clips, y, domain = pack(lab, web, "cdmer-130")
    grid = RegionGrid((1, 2))
    pipe = make_pipeline(LBPTOP(grid=grid), TGSR(groups=5, n_selected=2))
    pipe.fit(clips, y, tgsr__sample_domain=domain)
    results = benchmark({"SVM": SourceOnly()}, [lab, web], CDMERPairs(None),
                        descriptor=LBPTOP(grid=grid), progress=False)
    print(len(results.predictions), set(pipe.predict(clips)) <= {0, 1, 2})
"""


def test_works_without_the_extras():
    outcome = run(WHOLE_LINE, without=["torch", "matplotlib", "jinja2"])
    assert outcome.stdout.strip() == "12 True", outcome.stderr


def test_a_missing_display_library_names_its_remedy():
    code = """
        from cdmer.corpora import make_synthetic_corpus
        try:
            make_synthetic_corpus("webcam-25fps", n_clips=3)[0].frames
        except ImportError as error:
            print(error)
    """
    outcome = run(code, without=["cv2"])
    assert "opencv-python-headless" in outcome.stdout, outcome.stderr


def test_report_extra_is_named_where_it_is_missing(tmp_path):
    code = f"""
        import sys
        from cdmer.cli import main
        sys.argv = ["cdmer", "demo", "--n-clips", "12", "-q", "--out", r"{tmp_path / "r.html"}"]
        main()
    """
    outcome = run(code, without=["matplotlib"])
    assert outcome.returncode == 1
    assert 'pip install "cdmer[report]"' in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(
    "name",
    [
        "corpora",
        "features",
        "preprocessing",
        "extraction",
        "adaptation",
        "evaluation",
        "models",
        "nets",
        "synthesis",
        "zero_shot",
    ],
)
def test_public_names_exist_and_are_documented(name):
    import importlib

    module = importlib.import_module(f"cdmer.{name}")
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        thing = getattr(module, public)
        assert thing.__doc__ or not callable(thing), f"{public} has no docstring"

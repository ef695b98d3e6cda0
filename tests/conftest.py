"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

TINY = """\
study: tiny
data: "artificial(seed=1,high=300,text=120,treebank=24,entities=24,test=12,parallel=40,passages=40,questions=16,\
train_questions=24)"
base: {small: "scratch(layers=1,hidden=32,heads=2,intermediate=64,vocab=300,epochs=1,warmup=2)"}
languages: {high: [qha], low: [qla]}
specialise: joint
recipes: [none, "va(20)+lapt(epochs=1)"]
alignments: [none, "hybrid(steps=4,batch=8)"]
pairs: ["folder:retrieval/artificial-train"]
tagging: ["pos(limit=12)", "ner(limit=12)"]
preset: quick
retrieval: ["folder:retrieval/artificial-test"]
measures: [nDCG@10, AP, RR]
seeds: [1]
hypotheses: ["va(20)+lapt(epochs=1) > none on pos:accuracy for low"]
"""


class SkipGate:
    """Lists each skip that `allowed_skips.txt` does not name; fails the run for it where `XLREACH_CI` is set."""

    def __init__(self) -> None:
        lines = Path(__file__).with_name("allowed_skips.txt").read_text("utf-8").splitlines()
        self.allowed = [line for line in lines if line and not line.startswith("#")]
        self.unnamed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
            skip = f"{report.nodeid.split('::')[0]}: {report.longrepr[2].removeprefix('Skipped: ')}"
            if not any(fnmatchcase(skip, pattern) for pattern in self.allowed):
                self.unnamed.append(skip)

    pytest_collectreport = pytest_runtest_logreport

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (
            self.unnamed
            and os.environ.get("XLREACH_CI")
            and session.exitstatus in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.unnamed:
            terminalreporter.section("TESTS NOT RUN that tests/allowed_skips.txt does not name", red=True, bold=True)
            for skip in sorted(set(self.unnamed)):
                terminalreporter.line(f"{self.unnamed.count(skip)} of {skip}")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # where pytest-xdist runs the tests, its main process has all reports
        config.pluginmanager.register(SkipGate(), "skip-gate")


@pytest.fixture(scope="session")
def corpora_root() -> Path:
    """The development corpora, or a skip where `XLREACH_DATA` names none."""
    root = os.environ.get("XLREACH_DATA")
    if not root:
        pytest.skip("XLREACH_DATA names no folder of corpora")
    return Path(root)


@dataclass(frozen=True)
class Tiny:
    """A whole study on artificial languages, run once; tests look at it and change nothing.

    Attributes:
        root: Holds runs/, artifacts/, encoders/ and indexes/.
        config: Its YAML.
        told: What was told while it ran.
    """

    root: Path
    config: Path
    told: tuple[str, ...]

    @property
    def run(self) -> Path:
        return self.root / "runs" / "tiny"

    @property
    def data(self) -> Path:
        """The data root of its artificial languages."""
        (found,) = (self.root / "artifacts" / "data").iterdir()
        return found

    def encoder(self, recipe: str = "none", alignment: str = "none") -> Path:
        """The encoder whose recipe and alignment begin so."""
        (found,) = (self.root / "encoders" / "tiny").glob(f"small~{recipe}*~{alignment}*")
        return found

    def indexes(self, recipe: str = "none", alignment: str = "none") -> Path:
        """The index folders, by language, of that encoder."""
        (found,) = (self.root / "indexes" / "tiny" / self.encoder(recipe, alignment).name).iterdir()
        return found


@pytest.fixture(scope="session")
def tiny_config() -> str:
    """The YAML of the tiny study."""
    return TINY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny study, run by whichever of several test processes comes first."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tiny-study"
    log = root / "told.txt"
    with FileLock(root.with_suffix(".lock")):
        if not log.is_file():
            from xlreach.study.config import load_config
            from xlreach.study.paths import StudyPaths
            from xlreach.study.run import run_study

            root.mkdir()
            (root / "tiny.yaml").write_text(TINY, "utf-8")
            told: list[str] = []
            run_study(load_config(root / "tiny.yaml"), StudyPaths(root), told.append)
            log.write_text("\n".join(told), "utf-8")
    return Tiny(root, root / "tiny.yaml", tuple(log.read_text("utf-8").splitlines()))


@pytest.fixture
def nodes() -> Iterator[Any]:
    """A cluster of a head without CPUs and two nodes with one each; a skip where starting it takes too long for Ray."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    for _ in range(3):
        cluster = cluster_utils.Cluster()
        try:
            cluster.add_node(num_cpus=0, include_dashboard=False)
            for _ in range(2):
                cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        except Exception:  # half a minute a node is all that Ray waits
            cluster.shutdown()
        else:
            yield cluster
            return cluster.shutdown()
    pytest.skip("this machine is too busy to start a cluster")


@dataclass
class Opened:
    """A page in a browser, and what it did since it was opened.

    Attributes:
        page: Playwright's page.
        requests: The addresses that it requested.
        complaints: Exceptions that nothing caught, and what the console showed as an error or a warning.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium that Playwright drives; a skip where none is installed (`apt-get install chromium`)."""
    path = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if path is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Opened]]:
    """Opens an address in a page of its own: `open_page(address, width, dark=False)`."""
    contexts = []

    def open_page(address: str, width: int, dark: bool = False) -> Opened:
        scheme = "dark" if dark else "light"
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme))
        opened = Opened(contexts[-1].new_page())
        opened.page.set_default_timeout(60_000)
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on(
            "console",
            lambda message: opened.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        opened.page.goto(address)
        return opened

    yield open_page
    for context in contexts:
        context.close()

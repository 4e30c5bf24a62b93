"""A worker is started for every editor, and again after each of its faults: it loads what an editor needs."""

import subprocess
import sys

PROBE = """
import sys
import visavox.engine.worker_main, visavox.engine.ipc
from visavox.ports.editor import editors
editors.get("python")
heavy = {"scipy", "sklearn", "torch", "pyarrow", "visavox.core.report"} & set(sys.modules)
sys.exit(f"loaded: {sorted(heavy)}" if heavy else 0)
"""


def test_a_worker_loads_no_judge_s_and_no_report_s_packages() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

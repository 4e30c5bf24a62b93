"""The gate runs on small machines: metrics and core load no learning framework."""

import subprocess
import sys

PROBE = """
import sys, pkgutil, importlib
import visavox.core, visavox.metrics
for package in (visavox.core, visavox.metrics):
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(package.__name__ + "." + module.name)
heavy = {"torch", "librosa", "mlflow", "facenet_pytorch", "onnxruntime", "dlib", "cv2", "sklearn"} & set(sys.modules)
sys.exit(f"loaded: {sorted(heavy)}" if heavy else 0)
"""


def test_metrics_and_core_load_no_learning_framework() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""Where, when and with what something was measured; written inside its results."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch

from landscope.runs.manifest import describe_versions

ROOT = Path(__file__).resolve().parent.parent


def provenance(device: str, package: str = "benchmarks") -> dict[str, object]:
    """Versions, machine, threads, date and commit.

    Args:
        device: Where it ran.
        package: The package that measured, beside ``src``; its own results are no change of it.
    """
    code = ("src", package, f":(exclude){package}/results")
    return {
        **describe_versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "changed since the commit": bool(_git("status", "--porcelain", "--", *code)),
        "device": device,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if device.startswith("cuda") else None,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()

"""Where, when and with what a benchmark was run; written inside its results."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch

from landscope.environment import describe_versions

ROOT = Path(__file__).resolve().parent.parent
_CODE = ("src", "benchmarks", ":(exclude)benchmarks/results")


def provenance(device: str) -> dict[str, object]:
    """Versions, machine, threads, date and commit."""
    return {
        **describe_versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "changed since the commit": bool(_git("status", "--porcelain", "--", *_CODE)),
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

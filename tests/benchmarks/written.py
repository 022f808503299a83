"""Results as the benchmark writes them, with numbers that are easy to find again."""

PROVENANCE = {
    "processor": "A processor",
    "threads": 2,
    "cores": 2,
    "versions": {"torch": "2.13.0"},
    "date": "2026-01-02T03:04:05+00:00",
    "commit": "0123456789abcdef",
    "changed since the commit": True,
}

SHIFT = {
    "provenance": PROVENANCE,
    "settings": {"samples": None, "rounds": 3, "seconds": 20.0},
    "rows": [
        {
            "network": "dln",
            "norm": "batch",
            "layers": 25,
            "samples": 1000,
            "operations": {"literal": 2e9, "frugal": 1.5e9, "ours": 1e9, "floor": 1.1e9},
            "seconds": {"step": [0.1, 0.1], "ours": [0.3, 0.5]},
            "in steps": {"literal": 24.5, "frugal": 12.2, "ours": 4.0},
            "time ratio": 1.67,
            "bytes": {
                "step": {"base": 1e6, "above": 1e6},
                "ours": {"base": 2e6, "above": 1e6},
                "bound": 4e6,
            },
            "bars": [
                {"bar": "arithmetic", "value": 0.963, "limit": 1.0, "met": True},
                {"bar": "memory", "value": 3e6, "limit": 4e6, "met": True},
                {"bar": "equality", "value": 1e-15, "limit": 1e-12, "met": True},
                {"bar": "time", "value": 1.67, "limit": 1.05, "met": False},
            ],
        }
    ],
}

LINE = {
    "provenance": PROVENANCE,
    "settings": {"samples": None, "rounds": 3, "seconds": 20.0},
    "rows": [
        {
            "network": "dln",
            "norm": "none",
            "samples": 1000,
            "in steps": {"ours": 4.0, "by hand": 5.0},
            "errors": {"broken": "ImportError: no such package"},
            "bars": [{"bar": "arithmetic", "value": 1.0, "limit": 1.0, "met": True}],
        }
    ],
}

BUDGET = {
    "provenance": PROVENANCE,
    "settings": {"samples": None, "rounds": 3, "seconds": 20.0},
    "rows": [
        {
            "network": "dln",
            "norm": "batch",
            "samples": 16,
            "steps": 1000,
            "shares": {"0.01": 0.0095, "0.05": 0.06},
            "looks": {"0.01": 7, "0.05": 41},
            "step seconds": 0.0123,
            "idle microseconds": 9.87,
            "idle operations": 0,
            "bars": [
                {"bar": "share of 0.01", "value": 0.95, "met": True},
                {"bar": "share of 0.05", "value": 1.2, "met": False},
                {"bar": "idle", "value": 9.87, "met": True},
            ],
        }
    ],
}
